//! InsightFace's verification sets: one `.bin` file with image files and the pairs that they make.
//!
//! ```text
//! pickle of ([image file, image file, ..], [same?, ..])      images 2i and 2i + 1 are pair i
//! ```
//!
//! The file says who is compared with whom, but not who anybody is: each image stands for a person of its own, called by
//! its place (`000007/image`). Only the pickles that such files are made of are read ([`pickle`]); nothing in them is run.

mod fault;
mod pickle;
mod writer;

pub use fault::PickleFault;
pub(super) use writer::write;

use std::path::Path;

use super::DataError;
use super::listing::Place;

/// Folds of a verification set, as InsightFace cuts it: in order, the first ones longer where it does not divide.
pub(super) const FOLDS: usize = 10;

/// What a `.bin` file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VerificationSet {
    /// Where each image file lies.
    pub(super) images: Vec<Place>,
    /// Of each pair, whether it shows one person.
    pub(super) same: Vec<bool>,
}

impl VerificationSet {
    /// Reads where everything lies; the images stay in the file.
    ///
    /// # Errors
    /// [`DataError::Pickle`], [`DataError::VerificationCount`], or the system's reason not to read.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let (images, same) = pickle::read(path)?;
        if same.is_empty() || images.len() != 2 * same.len() {
            let (images, pairs) = (images.len(), same.len());
            return Err(DataError::VerificationCount { path: path.to_owned(), images, pairs });
        }
        Ok(Self { images, same })
    }

    /// What image `index` is called in a source.
    pub(super) fn name(index: usize) -> String {
        format!("{index:06}/image")
    }

    /// The fold of pair `index`.
    pub(super) fn fold(&self, index: usize) -> usize {
        let (length, longer) = (self.same.len() / FOLDS, self.same.len() % FOLDS);
        let behind = longer * (length + 1);
        if index < behind {
            index / (length + 1)
        } else {
            longer + (index - behind) / length.max(1)
        }
    }
}

#[cfg(test)]
mod tests;
