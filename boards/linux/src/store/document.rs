//! The people as JSON: what is sealed on the disk, and in the clear what an export gives and an import takes.
//!
//! ```text
//! {"format":1,"next_person":3,"next_template":5,"people":[
//!   {"id":2,"profile":{"name":"Zoë","groups":["staff"],"valid_from_ms":null,"valid_until_ms":null},"templates":[
//!     {"id":4,"pipeline":{"model":HEX,"preprocessing":HEX},"values":BASE64,"inverse_norm":0.0021,"source":"camera",
//!      "enrolled_ms":1764190800000}]}]}
//! ```
//!
//! One form for both, so that whatever is read has passed the same checks, whoever wrote it.

use super::{Person, PreprocessingId, ProfileError};
use edge_infer::matching::{InverseNorm, MAX_LEN};
use model_format::ModelId;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Of the document.
pub(super) const FORMAT: u32 = 1;

/// A document that is no list of people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Not JSON, or other fields.
    #[error("the people can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Of a later build.
    #[error("the people are in format {found}, this build reads {FORMAT}: install the newer one")]
    Format {
        /// As read.
        found: u32,
    },
    /// Two people or two templates have one id, or one that is still to be given.
    #[error("the {what} id {id} is taken twice or was never given")]
    Id {
        /// "person" or "template".
        what: &'static str,
        /// Which.
        id: u32,
    },
    /// A name, a group or a date.
    #[error("person {person}: {error}")]
    Profile {
        /// Whose.
        person: u32,
        /// What is wrong.
        error: ProfileError,
    },
    /// No model has templates of this length.
    #[error("template {template} has {len} values, not 1 to {MAX_LEN}")]
    Length {
        /// Which.
        template: u32,
        /// As read.
        len: usize,
    },
    /// Two templates of one model have two lengths.
    #[error("template {template} of model {model} has {len} values, another one {other}")]
    Lengths {
        /// The later one.
        template: u32,
        /// The model of both.
        model: ModelId,
        /// As read.
        len: usize,
        /// Of the earlier one.
        other: usize,
    },
    /// Every value is zero: it has no direction.
    #[error("template {template} is zero: enrol that face again")]
    Zero {
        /// Which.
        template: u32,
    },
    /// The inverse norm is not that of the values, which would scale a stranger up to any cosine.
    #[error("template {template} has the inverse norm {computed}, but {stored} is stored")]
    InverseNorm {
        /// Which.
        template: u32,
        /// As read.
        stored: f32,
        /// Of the values.
        computed: f32,
    },
}

/// The whole of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document<P> {
    pub(super) format: u32,
    pub(super) next_person: u32,
    pub(super) next_template: u32,
    pub(super) people: P,
}

impl Document<Vec<Person>> {
    pub(super) fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        // Of another format, the fields mean nothing yet.
        let found = serde_json::from_slice::<Head>(json)?.format;
        if found != FORMAT {
            return Err(DocumentError::Format { found });
        }
        let document: Self = serde_json::from_slice(json)?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), DocumentError> {
        let (mut people, mut templates) = (HashSet::new(), HashSet::new());
        let mut lengths = HashMap::new();
        for person in &self.people {
            let id = person.id.0;
            if id == 0 || id >= self.next_person || !people.insert(id) {
                return Err(DocumentError::Id { what: "person", id });
            }
            let invalid = |error| DocumentError::Profile { person: id, error };
            person.profile.check().map_err(invalid)?;
            for template in &person.templates {
                let (id, len) = (template.id.0, template.values.len());
                if id == 0 || id >= self.next_template || !templates.insert(id) {
                    return Err(DocumentError::Id { what: "template", id });
                }
                if !(1..=MAX_LEN).contains(&len) {
                    return Err(DocumentError::Length { template: id, len });
                }
                let model = template.pipeline.model;
                let other = *lengths.entry(model).or_insert(len);
                if other != len {
                    return Err(DocumentError::Lengths { template: id, model, len, other });
                }
                let computed = InverseNorm::of(&template.values)
                    .ok_or(DocumentError::Zero { template: id })?
                    .get();
                let stored = template.inverse_norm;
                if stored != computed {
                    return Err(DocumentError::InverseNorm { template: id, stored, computed });
                }
            }
        }
        Ok(())
    }
}

/// Ids of 16 bytes as hex digits.
pub(super) mod hex_bytes {
    use super::{ModelId, PreprocessingId};
    use crate::hex;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) trait Bytes: Copy {
        fn bytes(self) -> [u8; 16];
        fn of(bytes: [u8; 16]) -> Self;
    }

    impl Bytes for ModelId {
        fn bytes(self) -> [u8; 16] {
            self.0
        }
        fn of(bytes: [u8; 16]) -> Self {
            Self(bytes)
        }
    }

    impl Bytes for PreprocessingId {
        fn bytes(self) -> [u8; 16] {
            self.0
        }
        fn of(bytes: [u8; 16]) -> Self {
            Self(bytes)
        }
    }

    pub(crate) fn serialize<T: Bytes, S: Serializer>(id: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(&id.bytes()))
    }

    pub(crate) fn deserialize<'de, T: Bytes, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        hex::decode(&text).map(T::of).ok_or_else(|| D::Error::custom("an id has 32 hex digits"))
    }
}

/// A template's values as base64.
pub(super) mod base64_values {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use zeroize::Zeroizing;

    pub(crate) fn serialize<S: Serializer>(values: &[i8], to: S) -> Result<S::Ok, S::Error> {
        let bytes: Zeroizing<Vec<u8>> =
            Zeroizing::new(values.iter().map(|value| value.cast_unsigned()).collect());
        to.serialize_str(&Zeroizing::new(STANDARD.encode(&*bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i8>, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        let bytes = Zeroizing::new(STANDARD.decode(&*text).map_err(D::Error::custom)?);
        Ok(bytes.iter().map(|byte| byte.cast_signed()).collect())
    }
}
