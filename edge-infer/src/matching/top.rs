//! The closest people so far, as rows come in.

use core::fmt::{self, Debug};
use core::ops::Deref;

/// A person and how close the probe came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// As stored in the gallery.
    pub person: u32,
    /// Cosine of the probe with the closest of this person's templates.
    pub cosine: f32,
}

/// The closest people, at most `K`, each once, the closest first; of equal cosines the one enrolled
/// first. A slice of them.
#[derive(Clone, Copy, PartialEq)]
pub struct Top<const K: usize>([Match; K]);

impl<const K: usize> Top<K> {
    /// A place without a match: no cosine is as small.
    const FREE: Match = Match { person: 0, cosine: f32::NEG_INFINITY };
    pub(super) const EMPTY: Self = Self([Self::FREE; K]);

    /// Adds what a search of other rows, or with another probe, has found: the result is that of one
    /// search of all, in which the other's rows come last.
    pub fn merge(&mut self, other: &Self) {
        for &next in other.iter() {
            self.offer(next);
        }
    }

    /// A match that is not closer changes nothing. For either its person is listed, and not with
    /// less; or all places are taken by others who came first and were as close.
    pub(super) fn floor(&self) -> f32 {
        self.0.last().map_or(f32::INFINITY, |last| last.cosine)
    }

    /// Lists a match whose row comes after those of all matches before.
    pub(super) fn offer(&mut self, next: Match) {
        let place = self.0.iter().take_while(|listed| listed.cosine >= next.cosine).count();
        if self.0.iter().take(place).any(|listed| listed.person == next.person) {
            return;
        }
        // Everyone behind moves down by one, up to this person's earlier match. That a free place may look
        // like it does no harm: behind one there are no others.
        let mut moved = next;
        for listed in self.0.iter_mut().skip(place) {
            core::mem::swap(listed, &mut moved);
            if moved.person == next.person {
                break;
            }
        }
    }
}

impl<const K: usize> Deref for Top<K> {
    type Target = [Match];

    fn deref(&self) -> &[Match] {
        let taken = self.0.partition_point(|listed| listed.cosine > f32::NEG_INFINITY);
        self.0.get(..taken).unwrap_or_default()
    }
}

impl<const K: usize> Debug for Top<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&**self, f)
    }
}
