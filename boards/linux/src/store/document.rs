//! The people as JSON: what is sealed on the disk, and in the clear what an export gives and an import takes.
//!
//! ```text
//! {"format":1,"next_person":3,"next_template":5,"people":[
//!   {"id":2,"profile":{"name":"Zoë","groups":["staff"],"valid_from_ms":null,"valid_until_ms":null},"templates":[
//!     {"id":4,"pipeline":{"model":HEX,"preprocessing":HEX},"values":BASE64,"inverse_norm":0.0021,"source":"camera",
//!      "enrolled_ms":1764190800000}],"credentials":[{"salt":HEX,"mac":HEX,"duress":false}]}]}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{People, Profile};
    use edge_infer::matching::Template;
    use proptest::prelude::*;

    /// Two people and three templates, the values `[127, -64, 0, 1]`.
    const JSON: &str = r#"{"format":1,"next_person":5,"next_template":9,"people":[
        {"id":2,"profile":{"name":"Ada"},"templates":[
            {"id":4,"pipeline":{"model":"07070707070707070707070707070707",
                "preprocessing":"03030303030303030303030303030303"},
             "values":"f8AAAQ==","inverse_norm":0.007031452,"source":"camera","enrolled_ms":9}]},
        {"id":4,"profile":{"name":"Bob"},"templates":[
            {"id":7,"pipeline":{"model":"07070707070707070707070707070707",
                "preprocessing":"03030303030303030303030303030303"},
             "values":"f8AAAQ==","inverse_norm":0.007031452,"source":"picture","enrolled_ms":9}]}]}"#;

    fn parse(from: &str, to: &str) -> Result<Document<Vec<Person>>, DocumentError> {
        assert!(JSON.contains(from), "{from}");
        Document::parse(JSON.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn what_is_written_here_is_read() {
        let document = parse("Ada", "Ada").unwrap();
        assert_eq!(document.people.len(), 2);
        assert_eq!(document.people[1].templates[0].values, [127, -64, 0, 1]);
        let people = People::from_json(JSON.as_bytes()).unwrap();
        assert_eq!(People::from_json(people.to_json().as_bytes()).unwrap(), people);
    }

    #[test]
    fn rejects_what_is_no_document() {
        for (from, to) in [
            ("{\"format\":1,", "{"),
            ("\"id\":2,", "\"id\":-2,"),
            ("\"id\":2,", ""),
            ("\"id\":2,", "\"id\":2,\"photo\":\"x\","),
            ("0707", "07"),
            ("f8AAAQ==", "f8AAAQ"),
            ("camera", "scanner"),
            // JSON has no NaN, and what others write in its place is no number.
            ("0.007031452", "NaN"),
            ("0.007031452", "null"),
            ("}]}]}", ""),
        ] {
            let refused = parse(from, to).map(drop).unwrap_err();
            assert!(matches!(refused, DocumentError::Json(_)), "{to}: {refused}");
        }
    }

    #[test]
    fn rejects_another_format() {
        // The fields of a later one may be others.
        let refused = Document::parse(br#"{"format":2,"faces":[]}"#).map(drop).unwrap_err();
        assert!(matches!(refused, DocumentError::Format { found: 2 }), "{refused}");
    }

    #[test]
    fn rejects_ids_that_were_not_given_once() {
        for (from, to, whose) in [
            ("\"id\":2,", "\"id\":0,", "person"),
            ("\"id\":2,", "\"id\":4,", "person"),
            ("\"id\":2,", "\"id\":5,", "person"),
            ("\"id\":7,", "\"id\":0,", "template"),
            ("\"id\":7,", "\"id\":4,", "template"),
            ("\"id\":7,", "\"id\":9,", "template"),
        ] {
            let refused = parse(from, to).map(drop).unwrap_err();
            assert!(matches!(refused, DocumentError::Id { what, .. } if what == whose), "{to}");
        }
    }

    #[test]
    fn rejects_a_name_that_is_none() {
        let refused = parse("Ada", " ").map(drop).unwrap_err();
        assert!(
            matches!(refused, DocumentError::Profile { person: 2, error: ProfileError::Empty }),
            "{refused}"
        );
    }

    #[test]
    fn rejects_templates_of_no_length_or_of_two() {
        let refused = parse("f8AAAQ==", "").map(drop).unwrap_err();
        assert!(matches!(refused, DocumentError::Length { template: 4, len: 0 }), "{refused}");
        let refused = parse("f8AAAQ==\",\"inverse_norm\":0.007031452", "AQ==\",\"inverse_norm\":1")
            .map(drop)
            .unwrap_err();
        let lengths =
            matches!(refused, DocumentError::Lengths { template: 7, len: 4, other: 1, .. });
        assert!(lengths, "{refused}");
    }

    #[test]
    fn pictopy_632_a_template_of_zeros_or_nan_is_refused_when_it_is_loaded() {
        let refused = parse("f8AAAQ==", "AAAAAA==").map(drop).unwrap_err();
        assert!(matches!(refused, DocumentError::Zero { template: 4 }), "{refused}");
        for other in ["0.0070314524", "0", "-0.007031452", "1e9"] {
            let refused = parse("0.007031452", other).map(drop).unwrap_err();
            assert!(matches!(refused, DocumentError::InverseNorm { template: 4, .. }), "{refused}");
        }
        for none in ["NaN", "null", "1e39"] {
            assert!(matches!(parse("0.007031452", none), Err(DocumentError::Json(_))), "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_template_comes_back_to_the_bit(embedding in prop::array::uniform32(-1.0_f32..1.0)) {
            let template = Template::from_embedding(&embedding, ModelId([1; 16])).unwrap();
            let new = crate::store::NewTemplate {
                template: template.as_ref(),
                preprocessing: PreprocessingId([2; 16]),
                source: crate::store::Source::Camera,
            };
            let mut people = People::default();
            let profile = Profile { name: "Ada".into(), ..Profile::default() };
            people.enrol(profile, &[new], 0).unwrap();
            prop_assert_eq!(People::from_json(people.to_json().as_bytes()).unwrap(), people);
        }

        #[test]
        fn nothing_that_is_read_panics(json in ".{0,200}", at in 0..JSON.len(), byte: u8) {
            let _ = Document::parse(json.as_bytes());
            let mut json = JSON.as_bytes().to_vec();
            json[at] = byte;
            let _ = Document::parse(&json);
        }
    }
}
