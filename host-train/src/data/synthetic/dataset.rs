//! A finite set of photographs cut from the endless population.

use core::ops::Range;

use super::identity::Identity;
use super::portrait::draw;
use super::shot::{Difficulty, Shot};
use crate::data::FaceImage;

/// Sides that [`DrawnFaces`] accepts, in pixels.
pub const SIZES: core::ops::RangeInclusive<usize> = 16..=1024;

/// Why a set of drawn faces cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DrawnFacesError {
    /// The range of identities holds nobody, or more people than a label can number.
    #[error("identities {start}..{end} are {} people; give a range of 1 to 4294967295", .end.saturating_sub(*.start))]
    Identities {
        /// First identity.
        start: u64,
        /// One past the last.
        end: u64,
    },
    /// No photographs of anybody, or too many to count.
    #[error(
        "{shots_per_identity} photographs of each of {identities} people cannot be counted; give at least 1 and fewer in all"
    )]
    Shots {
        /// Photographs asked for of each person.
        shots_per_identity: usize,
        /// People asked for.
        identities: u64,
    },
    /// A side outside [`SIZES`].
    #[error("faces of {size} pixels a side cannot be drawn; give 16 to 1024")]
    Size {
        /// Side asked for.
        size: usize,
    },
}

/// Photographs of a range of identities, each a pure function of its index; nothing is kept in memory.
///
/// ```text
/// index   0 .. shots_per_identity-1 | shots_per_identity .. 2*shots_per_identity-1 | ...
/// label   0                         | 1                                            | ...
/// person  identities.start          | identities.start + 1                         | ...
/// ```
///
/// Two sets of one seed with disjoint ranges have no person in common: one to train on, one to test on.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnFaces {
    seed: u64,
    identities: Range<u64>,
    shots_per_identity: usize,
    size: usize,
    difficulty: Difficulty,
}

impl DrawnFaces {
    /// `shots_per_identity` photographs of each of `identities` of the population of `seed`, `size` pixels a side.
    ///
    /// # Errors
    /// A range without people, zero photographs, or a size outside [`SIZES`].
    pub fn new(
        seed: u64,
        identities: Range<u64>,
        shots_per_identity: usize,
        size: usize,
        difficulty: Difficulty,
    ) -> Result<Self, DrawnFacesError> {
        let people = identities.end.saturating_sub(identities.start);
        if people == 0 || people > u64::from(u32::MAX) {
            return Err(DrawnFacesError::Identities {
                start: identities.start,
                end: identities.end,
            });
        }
        let countable =
            usize::try_from(people).ok().and_then(|people| people.checked_mul(shots_per_identity));
        if shots_per_identity == 0 || countable.is_none() {
            return Err(DrawnFacesError::Shots { shots_per_identity, identities: people });
        }
        if !SIZES.contains(&size) {
            return Err(DrawnFacesError::Size { size });
        }
        Ok(Self { seed, identities, shots_per_identity, size, difficulty })
    }

    /// Photographs in all.
    pub fn len(&self) -> usize {
        self.class_count() * self.shots_per_identity
    }

    /// Never: a set holds at least one photograph.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// People; labels are `0..class_count`.
    pub fn class_count(&self) -> usize {
        (self.identities.end - self.identities.start) as usize
    }

    /// The person behind a label.
    pub fn identity(&self, label: u32) -> Identity {
        Identity::draw(self.seed, self.identities.start + u64::from(label))
    }

    /// The label of image `index`.
    pub fn label(&self, index: usize) -> u32 {
        (index / self.shots_per_identity) as u32
    }

    /// Draws photograph `index` of [`Self::len`] and its label. Past the end it goes on with the identities after
    /// the range, so every index has a picture.
    pub fn image(&self, index: usize) -> (FaceImage, u32) {
        let label = self.label(index);
        let person = self.identity(label);
        let shot = Shot::draw(&person, (index % self.shots_per_identity) as u64, &self.difficulty);
        (draw(&person, &shot, self.size), label)
    }
}
