//! Where every tensor lies in the arena.
//!
//! ```text
//! step      0     1     2     3
//! input   |=====|                      [first, last] of two tensors that share a step must not share bytes;
//! conv1         |=====|                op i runs at step i + 1: it reads operands and writes its result there
//! conv2               |=====|
//! ```
//!
//! Greedy by size: the largest tensor first, each at the lowest aligned offset where no placed tensor alive at the same
//! time is in the way. Optimal packing is NP-hard; on chains of convolutions the greedy order reaches the lower bound,
//! which is the largest number of bytes alive at one step. Knows lifetimes and sizes only.

/// Offsets are multiples of this many bytes: a cache line, and any vector register's alignment.
pub const ALIGNMENT: usize = 64;

/// One tensor's size and the steps during which its bytes must stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Bytes.
    pub bytes: usize,
    /// The step that writes it.
    pub first: usize,
    /// The last step that reads it, not before `first`.
    pub last: usize,
}

impl Lifetime {
    fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The arena's layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Byte offset of each tensor, in the order given, a multiple of [`ALIGNMENT`].
    pub offsets: Vec<usize>,
    /// Bytes that the arena needs.
    pub arena_bytes: usize,
}

/// Places all tensors; the same input always gives the same plan.
pub fn plan(tensors: &[Lifetime]) -> Plan {
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    // Stable: tensors of one size keep their order.
    order.sort_by_key(|&index| core::cmp::Reverse(tensors[index].bytes));
    let mut offsets = vec![0; tensors.len()];
    let mut arena_bytes = 0;
    for (placed, &index) in order.iter().enumerate() {
        let tensor = &tensors[index];
        let mut taken: Vec<(usize, usize)> = order[..placed]
            .iter()
            .filter(|&&other| tensors[other].meets(tensor))
            .map(|&other| (offsets[other], offsets[other] + tensors[other].bytes))
            .collect();
        taken.sort_unstable();
        let mut offset: usize = 0;
        for (start, end) in taken {
            if offset + tensor.bytes <= start {
                break;
            }
            offset = offset.max(end.next_multiple_of(ALIGNMENT));
        }
        offsets[index] = offset;
        arena_bytes = arena_bytes.max(offset + tensor.bytes);
    }
    Plan { offsets, arena_bytes }
}

/// The most bytes alive at one step: no plan can be smaller.
pub fn peak_bytes(tensors: &[Lifetime]) -> usize {
    // The sum only rises where a tensor is born.
    let alive_at = |step: usize| -> usize {
        let alive = tensors.iter().filter(|t| t.first <= step && step <= t.last);
        alive.map(|t| t.bytes).sum()
    };
    tensors.iter().map(|t| alive_at(t.first)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::random;
    use rand::RngExt;

    fn assert_valid(tensors: &[Lifetime], plan: &Plan) {
        assert_eq!(plan.offsets.len(), tensors.len());
        for (i, a) in tensors.iter().enumerate() {
            let (start, end) = (plan.offsets[i], plan.offsets[i] + a.bytes);
            assert_eq!(start % ALIGNMENT, 0);
            assert!(end <= plan.arena_bytes);
            for (j, b) in tensors.iter().enumerate().skip(i + 1) {
                let apart = end <= plan.offsets[j] || plan.offsets[j] + b.bytes <= start;
                assert!(apart || !a.meets(b), "{i} {a:?} and {j} {b:?} overlap");
            }
        }
        assert!(plan.arena_bytes >= peak_bytes(tensors));
    }

    #[test]
    fn random_lifetimes_never_overlap() {
        let mut rng = random::rng(17);
        for _ in 0..500 {
            let count = rng.random_range(0..40);
            let tensors: Vec<_> = (0..count)
                .map(|_| {
                    let first = rng.random_range(0..30);
                    let last = first + rng.random_range(0..12);
                    let bytes = rng.random_range(1..5000);
                    Lifetime { bytes, first, last }
                })
                .collect();
            let plan = plan(&tensors);
            assert_valid(&tensors, &plan);
            assert_eq!(plan, super::plan(&tensors));
        }
    }

    #[test]
    fn a_chain_alternates_between_two_places() {
        let sizes = [64, 256, 128, 64, 192];
        let chain: Vec<_> =
            (0..5).map(|i| Lifetime { bytes: sizes[i], first: i, last: i + 1 }).collect();
        let plan = plan(&chain);
        assert_valid(&chain, &plan);
        assert_eq!(plan.offsets, [256, 0, 256, 192, 0]);
        assert_eq!(plan.arena_bytes, 384);
        assert_eq!(peak_bytes(&chain), 384);
    }

    #[test]
    fn nothing_needs_no_arena() {
        let empty = plan(&[]);
        assert_eq!((empty.arena_bytes, peak_bytes(&[])), (0, 0));
    }
}
