//! Where every tensor lies in the arena.
//!
//! ```text
//! step      0     1     2     3
//! input   |=====|                      [first, last] of two tensors that share a step must not share bytes;
//! conv1         |=====|                a step reads operands and writes its results
//! conv2               |=====|
//! ```
//!
//! Greedy by size: the largest tensor first, each at the lowest aligned offset where no placed tensor alive at the same
//! time is in the way. Optimal packing is NP-hard; on chains of convolutions the greedy order reaches the lower bound,
//! which is the largest number of bytes alive at one step. Where it does not, tensors at the top of the arena are placed
//! earlier, by chance, as long as that helps. Knows lifetimes and sizes only; which ops share a step is chosen in `streams`.

mod streams;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use streams::{Goal, PlanError, replan};

/// Orders that are tried where the greedy one is not the best that there can be.
const TRIES: usize = 500;

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
    let mut best = place(tensors, &order);
    let aligned = |t: &Lifetime| Lifetime { bytes: t.bytes.next_multiple_of(ALIGNMENT), ..*t };
    let least = peak_bytes(&tensors.iter().map(aligned).collect::<Vec<_>>());
    let mut random = ChaCha8Rng::seed_from_u64(0);
    for _ in 0..TRIES {
        if best.arena_bytes <= least {
            break;
        }
        let end = |index: usize| best.offsets[index] + tensors[index].bytes;
        let top = order.iter().rposition(|&index| end(index) == best.arena_bytes);
        let top = top.expect("some tensor ends where the arena does");
        // Half of the time one that is in its way goes first.
        let in_way: Vec<usize> =
            (0..top).filter(|&at| tensors[order[at]].meets(&tensors[order[top]])).collect();
        let moved = match in_way.len() {
            others if others > 0 && random.random() => in_way[random.random_range(0..others)],
            _ => top,
        };
        let mut other = order.clone();
        let tensor = other.remove(moved);
        other.insert(random.random_range(0..=moved), tensor);
        let plan = place(tensors, &other);
        if plan.arena_bytes <= best.arena_bytes {
            (best, order) = (plan, other);
        }
    }
    best
}

/// Places tensors in this order, each at the lowest offset that is free while it lives.
fn place(tensors: &[Lifetime], order: &[usize]) -> Plan {
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

    /// Two that alternate above a pair of large ones: by size alone the second would lie above the first.
    #[test]
    fn tensors_that_are_in_each_others_way_are_placed_in_another_order() {
        let of = |bytes, first, last| Lifetime { bytes, first, last };
        let tensors = [
            of(512, 0, 1),
            of(512, 1, 2),
            of(256, 0, 2),
            of(256, 2, 5),
            of(512, 3, 4),
            of(512, 4, 5),
        ];
        let plan = plan(&tensors);
        assert_valid(&tensors, &plan);
        assert_eq!((plan.arena_bytes, peak_bytes(&tensors)), (1280, 1280));
        let by_size = place(&tensors, &[0, 1, 4, 5, 2, 3]);
        assert_eq!(by_size.arena_bytes, 1536);
    }

    #[test]
    fn nothing_needs_no_arena() {
        let empty = plan(&[]);
        assert_eq!((empty.arena_bytes, peak_bytes(&[])), (0, 0));
    }
}
