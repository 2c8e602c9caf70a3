//! Buffers of big tensors, kept when a tensor goes and handed out again.
//!
//! A training step makes some three hundred tensors of up to 50 MB and lets them go again. An allocator gives such blocks
//! back to the system each time, and the system clears every page of them anew: two fifths of a step's time. Every step
//! needs the same sizes, so a buffer that is kept is used again a step later; what is kept is at most what one step holds.

use bytes::Bytes as Owned;
use core::mem;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Smaller tensors are left to the allocator, which does not give their pages back.
const LEAST: usize = 16 * 1024;

/// Buffers of one length.
#[derive(Default)]
struct Kept {
    free: Vec<Vec<f32>>,
    /// Taken and not given back. A buffer that comes back when none is missing was made elsewhere and is let go, so that no
    /// more are kept than were ever in use together.
    missing: usize,
}

/// Buffers by their length.
static KEPT: LazyLock<Mutex<HashMap<usize, Kept>>> = LazyLock::new(Mutex::default);

/// Does something with the buffers of one length.
fn with_kept<T>(len: usize, action: impl FnOnce(&mut Kept) -> T) -> T {
    action(KEPT.lock().unwrap_or_else(PoisonError::into_inner).entry(len).or_default())
}

/// `len` numbers that some earlier tensor held, or zeros: the caller writes every one.
pub(crate) fn take(len: usize) -> Vec<f32> {
    let kept = if len < LEAST {
        None
    } else {
        with_kept(len, |kept| {
            kept.missing += 1;
            kept.free.pop()
        })
    };
    let mut buffer = kept.unwrap_or_else(|| vec![0.0; len]);
    if cfg!(test) {
        // A number that a kernel forgets to write must not pass a test.
        buffer.fill(f32::NAN);
    }
    buffer
}

/// Keeps a buffer that nobody needs any more for [`take`].
pub(crate) fn give(buffer: Vec<f32>) {
    if buffer.len() >= LEAST {
        with_kept(buffer.len(), |kept| {
            if kept.missing > 0 {
                kept.missing -= 1;
                kept.free.push(buffer);
            }
        });
    }
}

/// These numbers as a tensor's storage, which comes back to [`take`] with the last tensor that shares it.
pub(crate) fn storage(values: Vec<f32>) -> burn::tensor::Bytes {
    if values.len() < LEAST {
        return burn::tensor::Bytes::from_elems(values);
    }
    let owned = Owned::from_owner(Lent(values));
    burn::tensor::Bytes::from_shared(owned, burn::tensor::AllocationProperty::Native)
}

/// A buffer that a tensor uses.
struct Lent(Vec<f32>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        give(mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_its_last_tensor() {
        // A length that no other test uses: the buffers are shared by all threads.
        const LEN: usize = LEAST + 13;
        let free = || with_kept(LEN, |kept| kept.free.len());
        let values = take(LEN);
        assert_eq!(values.len(), LEN);
        let address = values.as_ptr();
        let storage = storage(values);
        assert_eq!(free(), 0);
        drop(storage);
        assert_eq!(free(), 1);
        let again = take(LEN);
        assert_eq!(again.as_ptr(), address);
    }

    #[test]
    fn small_buffers_are_not_kept() {
        drop(storage(take(LEAST - 1)));
        assert_eq!(with_kept(LEAST - 1, |kept| kept.free.len()), 0);
    }

    /// A long run gave back a buffer an image that was never taken: ten gigabytes in an hour.
    #[test]
    fn buffers_made_elsewhere_are_not_kept() {
        const LEN: usize = LEAST + 29;
        for _ in 0..100 {
            give(vec![0.0; LEN]);
            drop(storage(vec![0.0; LEN]));
        }
        assert_eq!(with_kept(LEN, |kept| kept.free.len()), 0);
        let (one, two) = (take(LEN), take(LEN));
        give(one);
        give(two);
        give(vec![0.0; LEN]);
        assert_eq!(with_kept(LEN, |kept| kept.free.len()), 2);
    }
}
