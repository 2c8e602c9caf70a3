//! One pass over a gallery's rows for some probes.
//!
//! ```text
//! 64 rows ── dots, int32, exact ── f32(dot) * inverse_norm(probe) * inverse_norm(row) ── any above the floor? ──> offer
//! ```
//!
//! A pass is bound by the memory that the rows come from, so a block stays in the nearest cache until
//! every probe has seen it. Cosines are computed as [`cosine`](super::cosine()) does, each by the same
//! two multiplications, which take a vector of rows at a time because nothing here depends on a row
//! before. Only in a block with a closer row than [`Top::floor`] are the rows looked at one by one.

use super::cosine::scaled;
use super::{Match, TemplateRef, Top};
use crate::kernels::Tier;

/// Rows of a block: a whole number of groups on every tier, 8 KiB of 128 values each.
const BLOCK: usize = 64;

/// What is scanned: arrays that fit each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    /// Values of a row.
    pub(super) len: usize,
    /// One row after the other.
    pub(super) values: &'a [i8],
    /// Of each row.
    pub(super) inverse_norms: &'a [f32],
    /// Whose row it is.
    pub(super) people: &'a [u32],
}

impl<'a> Rows<'a> {
    /// Each row with its inverse norm.
    pub(super) fn iter(mut self) -> impl Iterator<Item = (&'a [i8], f32)> {
        let row = move |&inverse_norm| Some((self.values.split_off(..self.len)?, inverse_norm));
        self.inverse_norms.iter().map_while(row)
    }

    /// Takes off the first `count` rows, or all there are.
    pub(super) fn split_off(&mut self, count: usize) -> Self {
        let count = count.min(self.people.len());
        Self {
            len: self.len,
            values: self.values.split_off(..count * self.len).unwrap_or_default(),
            inverse_norms: self.inverse_norms.split_off(..count).unwrap_or_default(),
            people: self.people.split_off(..count).unwrap_or_default(),
        }
    }

    /// What each probe, all `len` long, finds in these rows.
    pub(super) fn closest<const K: usize, const P: usize>(
        mut self,
        tier: Tier,
        probes: &[TemplateRef<'_>; P],
    ) -> [Top<K>; P] {
        let mut found = [Top::EMPTY; P];
        while !self.people.is_empty() {
            let block = self.split_off(BLOCK);
            let mut dots = [0; BLOCK];
            let dots = dots.get_mut(..block.people.len()).unwrap_or_default();
            for (&probe, top) in probes.iter().zip(&mut found) {
                tier.dots(probe.values(), block.values, dots);
                block.offer(probe, dots, top);
            }
        }
        found
    }

    /// Offers the rows of a block, whose dots with `probe` are known.
    fn offer<const K: usize>(&self, probe: TemplateRef<'_>, dots: &[i32], top: &mut Top<K>) {
        let floor = top.floor();
        let mut cosines = [0.0; BLOCK];
        let mut closer = false;
        for ((cosine, &dot), &inverse_norm) in cosines.iter_mut().zip(dots).zip(self.inverse_norms)
        {
            *cosine = scaled(dot, probe, inverse_norm);
            closer |= *cosine > floor;
        }
        if closer {
            for (&cosine, &person) in cosines.iter().zip(self.people) {
                // Offers raise the floor.
                if cosine > top.floor() {
                    top.offer(Match { person, cosine });
                }
            }
        }
    }
}
