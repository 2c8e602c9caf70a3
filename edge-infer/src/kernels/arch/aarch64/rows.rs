//! The inputs of neighbouring pixels, each as one row of whole steps.
//!
//! A window of one strip is read where it lies. Several strips, or a strip after whose end there is
//! nothing to read, are copied one after the other:
//!
//! ```text
//! strip 0 │ strip 1 │ strip 2 │ any bytes up to a whole step      their weights are zero
//! ```

use super::super::Strip;
use super::lanes::{store_bytes, take};
use super::{BYTES, Inputs, STEP, STEPS};

/// Memory for the rows of `P` pixels. The strips are copied vector by vector, so that a copy may
/// reach behind its row's last byte.
pub(super) struct Rows<const P: usize>([[Inputs; STEPS + 1]; P]);

impl<const P: usize> Rows<P> {
    pub(super) const ZERO: Self = Self([[[0; STEP]; STEPS + 1]; P]);

    /// The rows of `P` pixels from `first` on, each at most `steps` long.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn of<'a>(
        &'a mut self,
        strips: &[Strip<'a>],
        len: usize,
        first: usize,
        steps: usize,
    ) -> [&'a [Inputs]; P] {
        let mut rows: [&[Inputs]; P] = [&[]; P];
        for ((row, memory), pixel) in rows.iter_mut().zip(&mut self.0).zip(first..) {
            let in_place = match strips {
                [strip] => strip.of(pixel, steps * STEP).as_chunks().0,
                _ => &[],
            };
            *row = if in_place.len() == steps {
                in_place
            } else {
                stage(strips, pixel, len, memory.as_flattened_mut());
                memory.get(..steps).unwrap_or_default()
            };
        }
        rows
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn stage(strips: &[Strip<'_>], pixel: usize, len: usize, memory: &mut [i8]) {
    let mut at = 0;
    for strip in strips {
        // Whole vectors, where the strip is not the last thing that there is.
        let mut values = strip.of(pixel, len.next_multiple_of(BYTES));
        let mut to = memory.get_mut(at..).unwrap_or_default();
        while !values.is_empty() {
            store_bytes(take(&mut values), to);
            to = to.get_mut(BYTES..).unwrap_or_default();
        }
        at += len;
    }
}
