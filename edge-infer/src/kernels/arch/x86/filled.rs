//! Memory that costs nothing until it is filled. A kernel makes a panel at every call, with room for the deepest window that there can
//! be; most layers fill a small part of it, and to clear the rest would take as long as they do.

use core::mem::MaybeUninit;

/// Room for `N` values, of which the first ones are there.
pub(super) struct Filled<T, const N: usize> {
    room: [MaybeUninit<T>; N],
    /// How many are there: never more than have been written.
    count: usize,
}

impl<T: Copy, const N: usize> Filled<T, N> {
    /// Nothing. No constant: its room would be cleared.
    #[inline(always)]
    pub(super) fn empty() -> Self {
        Self { room: [const { MaybeUninit::uninit() }; N], count: 0 }
    }

    /// Replaces the content by `count` times `value`, or as many times as there is room for.
    #[inline(always)]
    pub(super) fn fill(&mut self, count: usize, value: T) -> &mut [T] {
        self.count = count.min(N);
        let values = self.room.get_mut(..self.count).unwrap_or_default();
        for place in &mut *values {
            place.write(value);
        }
        // SAFETY: every one of these values was written just now.
        unsafe { values.assume_init_mut() }
    }

    /// The values that are there.
    #[inline(always)]
    pub(super) fn values(&self) -> &[T] {
        let values = self.room.get(..self.count).unwrap_or_default();
        // SAFETY: `fill` alone sets `count` to more than 0, and it writes as many values.
        unsafe { values.assume_init_ref() }
    }
}
