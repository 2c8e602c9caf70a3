//! What is stored of a person: one record a template, with the name in it, so that no damage can put one person's name to another's
//! template.
//!
//! ```text
//!  0            4        8        12         28              44     46     47
//!  | generation | record | person | model id | preprocessing | len  | name | name, UTF-8 | values, int8 |
//!  |   u32      |  u32   |  u32   |          |      id       | u16  | u8   |             |              |
//! ```
//!
//! The inverse norm is not stored: whoever loads a template computes it, and a wrong one would scale a stranger up.

use edge_infer::matching::TemplateRef;
use model_format::{ModelId, ModelView};
use sha2::{Digest as _, Sha256};

use super::GalleryError;
use crate::ports::MAX_NAME;
use crate::store::bytes::{Reader, Writer};
use crate::store::slot::Kind;

/// Template records.
pub(super) const RECORD: Kind = Kind(*b"dg");
/// Bytes before name and values.
pub(super) const FIELDS: usize = 47;

/// A hash of what happens to a picture before the model sees it: detector, landmarks, crop. Templates are comparable only if theirs
/// is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PreprocessingId(pub [u8; 16]);

impl PreprocessingId {
    /// Of this firmware with this detector. Landmarks and crop are the model's own, which [`Stored::model`] stands for.
    #[must_use]
    pub fn of(detector: &ModelView<'_>) -> Self {
        let mut hash = Sha256::new_with_prefix("door preprocessing v1");
        hash.update(detector.id().0);
        let mut id = [0; 16];
        id.iter_mut().zip(hash.finalize()).for_each(|(to, byte)| *to = byte);
        Self(id)
    }
}

/// A template as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Its number, from 1, given once and never again.
    pub record: u32,
    /// Whose it is.
    pub person: u32,
    /// 1 to [`MAX_NAME`] bytes, for people to read.
    pub name: &'a str,
    /// The model that made it.
    pub model: ModelId,
    /// What preceded the model.
    pub preprocessing: PreprocessingId,
    /// The values, not all of them zero.
    pub values: &'a [i8],
}

impl<'a> Stored<'a> {
    /// Checks what is to be stored; `capacity` values are the most that a record holds.
    pub(super) fn check(&self, capacity: usize) -> Result<(), GalleryError> {
        let bytes = self.name.len();
        if !(1..=MAX_NAME).contains(&bytes) || self.name.contains(char::is_control) {
            return Err(GalleryError::Name { bytes });
        }
        if self.values.len() > capacity {
            return Err(GalleryError::TooLong { values: self.values.len(), capacity });
        }
        TemplateRef::from_values(self.values, self.model)?;
        Ok(())
    }

    /// Writes the payload of a record; `None` if `into` is too short.
    pub(super) fn encode(&self, generation: u32, into: &mut [u8]) -> Option<usize> {
        let (len, name) =
            (u16::try_from(self.values.len()).ok()?, u8::try_from(self.name.len()).ok()?);
        Writer::new(into)
            .put(&generation.to_le_bytes())
            .put(&self.record.to_le_bytes())
            .put(&self.person.to_le_bytes())
            .put(&self.model.0)
            .put(&self.preprocessing.0)
            .put(&len.to_le_bytes())
            .put(&[name])
            .put(self.name.as_bytes())
            .put(bytemuck::cast_slice(self.values))
            .finish()
    }

    /// Reads a payload and its generation; `None` if it is not one that [`check`](Self::check) lets through.
    pub(super) fn decode(payload: &'a [u8]) -> Option<(u32, Self)> {
        let mut fields = Reader(payload);
        let (generation, record, person) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (model, preprocessing) = (ModelId(fields.array()?), PreprocessingId(fields.array()?));
        let (len, name) = (fields.u16()?, fields.u8()?);
        let name = core::str::from_utf8(fields.slice(name.into())?).ok()?;
        let values = bytemuck::cast_slice(fields.slice(len.into())?);
        let stored = Self { record, person, name, model, preprocessing, values };
        stored.check(values.len()).ok()?;
        fields.0.is_empty().then_some((generation, stored))
    }
}
