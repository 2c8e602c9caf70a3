//! Words beside memory that nobody may write. Rust's slices stay within their bounds; what does not is a stack that grows into them, a
//! DMA that is set wrong, memory that fails.

use core::sync::atomic::{AtomicU32, Ordering};

const WORDS: usize = 8;

/// No address of any board, no instruction, and no byte of it twice.
const ALIVE: u32 = 0xC5A3_9E7B;

/// Words that keep their value as long as nobody writes over them. Atomic, so that the compiler takes none of them for known.
#[derive(Debug, Default)]
pub struct Canary([AtomicU32; WORDS]);

impl Canary {
    /// Zeros, which cost no flash; not whole before [`arm`](Self::arm).
    #[must_use]
    pub const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; WORDS])
    }

    /// Sets every word.
    pub fn arm(&self) {
        self.0.iter().for_each(|word| word.store(ALIVE, Ordering::Relaxed));
    }

    /// Whether every word is as it was set.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(|word| word.load(Ordering::Relaxed) == ALIVE)
    }
}

/// Memory for networks between two canaries.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Fenced<const N: usize> {
    before: Canary,
    bytes: [u8; N],
    after: Canary,
}

/// The canaries of a memory that is in use.
#[derive(Clone, Copy, Debug)]
pub struct Fence<'a> {
    before: &'a Canary,
    after: &'a Canary,
}

impl<const N: usize> Default for Fenced<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Fenced<N> {
    /// All zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { before: Canary::new(), bytes: [0; N], after: Canary::new() }
    }

    /// Arms the canaries; they and the memory.
    pub fn arm(&mut self) -> (Fence<'_>, &mut [u8]) {
        self.before.arm();
        self.after.arm();
        (Fence { before: &self.before, after: &self.after }, &mut self.bytes)
    }
}

impl Fence<'_> {
    /// Whether nobody wrote beyond the memory.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.before.is_whole() && self.after.is_whole()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_watched() {
        let canary = Canary::new();
        assert!(!canary.is_whole());
        canary.arm();
        assert!(canary.is_whole());
        for word in &canary.0 {
            word.store(ALIVE ^ 1, Ordering::Relaxed);
            assert!(!canary.is_whole());
            canary.arm();
        }
    }

    #[test]
    fn the_memory_between_may_be_written_and_its_neighbours_not() {
        let mut fenced = Fenced::<100>::new();
        let (fence, bytes) = fenced.arm();
        bytes.fill(0xFF);
        assert!(fence.is_whole());
        fence.after.0[0].store(0, Ordering::Relaxed);
        assert!(!fence.is_whole());
    }

    #[test]
    fn zeros_alone_until_armed() {
        let fenced = Fenced::<64>::new();
        assert!(fenced.bytes.iter().all(|byte| *byte == 0));
        assert!(fenced.before.0.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }
}
