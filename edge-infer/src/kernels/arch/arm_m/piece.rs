//! A window's strips in pieces: short strips make one piece together, a long one makes several.

use super::Strip;

/// Numbers of a piece of several strips, which are copied.
pub(super) const SHORT: usize = 64;

/// Neighbouring inputs of each pixel, whose weights are neighbours too.
#[derive(Clone, Copy)]
pub(super) struct Piece<'s, 'a> {
    strips: &'s [Strip<'a>],
    /// Where the piece starts in each strip.
    offset: usize,
    /// Numbers of each strip.
    len: usize,
}

impl<'s, 'a> Piece<'s, 'a> {
    /// The pieces of these strips, each `len` long, in the order of the weights; none is more than
    /// `MOST` deep, which is at least [`SHORT`].
    pub(super) fn all<const MOST: usize>(
        mut strips: &'s [Strip<'a>],
        len: usize,
    ) -> impl Iterator<Item = Self> {
        const { assert!(MOST >= SHORT) };
        let together = if strips.len() * len <= SHORT { strips.len() } else { 1 };
        let groups = core::iter::from_fn(move || {
            strips.split_off(..together).filter(|strips| !strips.is_empty())
        });
        groups.flat_map(move |strips| {
            let offsets = (0..len).step_by(MOST);
            offsets.map(move |offset| Self { strips, offset, len: MOST.min(len - offset) })
        })
    }

    /// Inputs of a pixel.
    pub(super) fn depth(&self) -> usize {
        self.strips.len() * self.len
    }

    /// The inputs of a pixel: where they lie, or copied to `memory`.
    #[inline(always)]
    pub(super) fn row<'r>(&self, pixel: usize, memory: &'r mut [i8; SHORT]) -> &'r [i8]
    where
        'a: 'r,
    {
        if let [Strip { values, step }] = *self.strips {
            let values = values.get(self.offset..).unwrap_or_default();
            return Strip { values, step }.of(pixel, self.len);
        }
        let mut rest = memory.as_mut_slice();
        for strip in self.strips {
            let to = rest.split_off_mut(..self.len).unwrap_or_default();
            for (to, &value) in to.iter_mut().zip(strip.of(pixel, self.len)) {
                *to = value;
            }
        }
        memory.get(..self.depth()).unwrap_or(memory)
    }
}
