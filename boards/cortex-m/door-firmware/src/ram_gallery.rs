//! People in RAM: for boards whose programs can write no flash, for hosts and tests. A power cut forgets them.

use crate::ports::{Enrolled, GalleryStore};
use model_format::ModelId;

/// At most `N` templates of `LEN` values of one model, without names.
#[derive(Clone, Copy, Debug)]
pub struct RamGallery<const N: usize, const LEN: usize> {
    model: ModelId,
    templates: [(u32, [i8; LEN]); N],
    count: usize,
}

/// Why a template was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RamGalleryError {
    /// Every place is taken.
    #[error("there is place for {capacity} templates; remove somebody first")]
    Full {
        /// `N`.
        capacity: usize,
    },
    /// It is of another length.
    #[error("a template of {found} values, {len} are needed")]
    Length {
        /// As passed.
        found: usize,
        /// `LEN`.
        len: usize,
    },
    /// It is of another model.
    #[error("a template of model {found}, these are of {model}")]
    Model {
        /// As passed.
        found: ModelId,
        /// Of the gallery.
        model: ModelId,
    },
}

impl<const N: usize, const LEN: usize> RamGallery<N, LEN> {
    /// Nobody yet.
    #[must_use]
    pub const fn new(model: ModelId) -> Self {
        Self { model, templates: [(0, [0; LEN]); N], count: 0 }
    }
}

impl<const N: usize, const LEN: usize> GalleryStore for RamGallery<N, LEN> {
    type Error = RamGalleryError;

    fn for_each(&mut self, each: &mut dyn FnMut(Enrolled<'_>)) -> Result<(), RamGalleryError> {
        for (person, values) in self.templates.iter().take(self.count) {
            each(Enrolled { person: *person, name: "", model: self.model, values });
        }
        Ok(())
    }

    fn add(&mut self, new: Enrolled<'_>) -> Result<(), RamGalleryError> {
        if new.model != self.model {
            return Err(RamGalleryError::Model { found: new.model, model: self.model });
        }
        let length = RamGalleryError::Length { found: new.values.len(), len: LEN };
        let values = new.values.try_into().map_err(|_| length)?;
        let full = RamGalleryError::Full { capacity: N };
        *self.templates.get_mut(self.count).ok_or(full)? = (new.person, values);
        self.count += 1;
        Ok(())
    }

    fn remove(&mut self, person: u32) -> Result<usize, RamGalleryError> {
        let mut kept = 0;
        for at in 0..self.count {
            if self.templates[at].0 != person {
                self.templates[kept] = self.templates[at];
                kept += 1;
            }
        }
        let removed = self.count - kept;
        // Nothing of somebody who was removed stays in memory.
        self.templates[kept..self.count].fill((0, [0; LEN]));
        self.count = kept;
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const MODEL: ModelId = ModelId([3; 16]);

    fn enrolled(person: u32, values: &[i8]) -> Enrolled<'_> {
        Enrolled { person, name: "", model: MODEL, values }
    }

    fn people(gallery: &mut RamGallery<3, 2>) -> Vec<(u32, i8)> {
        let mut people = Vec::new();
        gallery
            .for_each(&mut |enrolled| people.push((enrolled.person, enrolled.values[0])))
            .unwrap();
        people
    }

    #[test]
    fn templates_stay_in_order_and_a_person_goes_with_all_of_them() {
        let mut gallery = RamGallery::<3, 2>::new(MODEL);
        for (person, value) in [(1, 10), (2, 20), (1, 30)] {
            gallery.add(enrolled(person, &[value, 0])).unwrap();
        }
        assert_eq!(people(&mut gallery), [(1, 10), (2, 20), (1, 30)]);
        let full = gallery.add(enrolled(4, &[1, 1])).unwrap_err();
        assert_eq!(full, RamGalleryError::Full { capacity: 3 });
        assert_eq!(gallery.remove(1), Ok(2));
        assert_eq!(gallery.remove(1), Ok(0));
        assert_eq!(people(&mut gallery), [(2, 20)]);
        assert_eq!(gallery.templates[1..], [(0, [0; 2]); 2]);
    }

    #[test]
    fn rejects_another_length_and_another_model() {
        let mut gallery = RamGallery::<3, 2>::new(MODEL);
        let error = gallery.add(enrolled(1, &[1; 3])).unwrap_err();
        assert_eq!(error, RamGalleryError::Length { found: 3, len: 2 });
        let other = Enrolled { model: ModelId([4; 16]), ..enrolled(1, &[1; 2]) };
        let error = gallery.add(other).unwrap_err();
        assert_eq!(error, RamGalleryError::Model { found: ModelId([4; 16]), model: MODEL });
        assert_eq!(people(&mut gallery), []);
    }
}
