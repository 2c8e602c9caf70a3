//! A data set whose images are all in memory: for drawn faces, which take longer to draw than to learn from.

use super::{DataError, Dataset, FaceImage};
use rayon::prelude::*;

/// Images and labels, made once.
#[derive(Clone, Debug)]
pub struct InMemory {
    entries: Vec<(FaceImage, u32)>,
    class_count: usize,
}

impl InMemory {
    /// Makes every image of `dataset`, on all threads; `done` is called after each.
    ///
    /// # Errors
    /// The first image, in the order of the set, that can't be made.
    pub fn of(dataset: &dyn Dataset, done: impl Fn() + Sync) -> Result<Self, DataError> {
        let made: Vec<Result<_, DataError>> = (0..dataset.len())
            .into_par_iter()
            .map(|index| {
                let entry = dataset.image(index);
                done();
                entry
            })
            .collect();
        let entries = made.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { entries, class_count: dataset.class_count() })
    }

    /// All images with their labels.
    #[must_use]
    pub fn entries(&self) -> &[(FaceImage, u32)] {
        &self.entries
    }
}

impl Dataset for InMemory {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn class_count(&self) -> usize {
        self.class_count
    }

    fn label(&self, index: usize) -> u32 {
        self.entries[index].1
    }

    fn image(&self, index: usize) -> Result<(FaceImage, u32), DataError> {
        Ok(self.entries[index].clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::data::synthetic::{Difficulty, DrawnFaces};

    #[test]
    fn holds_what_the_set_would_have_made() {
        let drawn = DrawnFaces::new(3, 5..8, 2, 32, Difficulty::default()).unwrap();
        let held = InMemory::of(&drawn, || ()).unwrap();
        assert_eq!((held.len(), held.class_count()), (6, 3));
        for index in 0..6 {
            assert_eq!(held.image(index).unwrap(), Dataset::image(&drawn, index).unwrap());
        }
    }
}
