//! A person and a template as they are kept: what they are called, whom they belong to, what made them.
//!
//! An id is a number that the store gives once and never again; nothing of a name is in it, and nothing but display is done with a
//! name. A template is comparable only with those of its [`Pipeline`].

use super::credential::StoredCredential;
use super::document::{base64_values, hex_bytes};
use edge_infer::image::align::Landmarks;
use edge_infer::matching::TemplateRef;
use model_format::ModelId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Most bytes of a name or a group's name.
const MAX_NAME: usize = 200;

/// Which person. Starts at 1; removed people's ids are not given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub u32);

impl core::fmt::Display for PersonId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// Which template, of all people's. Starts at 1; removed templates' ids are not given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateId(pub u32);

impl core::fmt::Display for TemplateId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A hash of what happens to a picture before the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PreprocessingId(pub [u8; 16]);

impl PreprocessingId {
    /// Of the detector that finds the five landmarks, the points that they are moved to, and the crop's width and height in
    /// pixels.
    pub fn of(detector: ModelId, template: &Landmarks, crop: [u32; 2]) -> Self {
        let mut hash = Sha256::new().chain_update("door preprocessing 1").chain_update(detector.0);
        for coordinate in template.iter().flatten() {
            hash.update(coordinate.to_le_bytes());
        }
        for side in crop {
            hash.update(side.to_le_bytes());
        }
        let hash = hash.finalize();
        let (id, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self(*id)
    }
}

/// All that makes an embedding of a picture. Templates of two pipelines are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The network.
    #[serde(with = "hex_bytes")]
    pub model: ModelId,
    /// What precedes it.
    #[serde(with = "hex_bytes")]
    pub preprocessing: PreprocessingId,
}

/// Where an enrolled face came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Source {
    /// The door's own camera.
    Camera,
    /// A picture that somebody gave.
    Picture,
}

/// A template to be enrolled.
#[derive(Clone, Copy, Debug)]
pub struct NewTemplate<'a> {
    /// The values; it exists, so it has a direction.
    pub template: TemplateRef<'a>,
    /// What preceded its model.
    pub preprocessing: PreprocessingId,
    /// Where the face came from.
    pub source: Source,
}

/// An enrolled template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredTemplate {
    /// Which.
    pub id: TemplateId,
    /// What made it.
    pub pipeline: Pipeline,
    /// Its values.
    #[serde(with = "base64_values")]
    pub values: Vec<i8>,
    /// 1 by the length of `values`, as [`edge_infer::matching::InverseNorm`] computes it.
    pub inverse_norm: f32,
    /// Where the face came from.
    pub source: Source,
    /// When, in milliseconds of Unix time, by the clock of then.
    pub enrolled_ms: u64,
}

/// What may be changed about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// For display. Two people may have one name.
    pub name: String,
    /// Schedules and roles go by these.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The first millisecond of Unix time at which the person is let in; `None` for always.
    #[serde(default)]
    pub valid_from_ms: Option<u64>,
    /// The first millisecond at which no longer; `None` for never.
    #[serde(default)]
    pub valid_until_ms: Option<u64>,
}

/// A profile that can't be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Nothing to display.
    #[error("a name or group is empty: give each at least one letter")]
    Empty,
    /// More than a list can show.
    #[error("a name or group of {bytes} bytes is longer than {MAX_NAME}")]
    TooLong {
        /// In UTF-8.
        bytes: usize,
    },
    /// A line end, an escape, or a mark that turns the direction of the text around it.
    #[error("a name or group contains the control character U+{:04X}", u32::from(*character))]
    Control {
        /// The first one.
        character: char,
    },
    /// Never valid.
    #[error("a person valid from {from_ms} until {until_ms} ms would never be let in")]
    Never {
        /// `valid_from_ms`
        from_ms: u64,
        /// `valid_until_ms`
        until_ms: u64,
    },
}

impl Profile {
    /// Whether the person is let in at `utc_ms`, as far as these dates say.
    pub fn is_valid_at(&self, utc_ms: u64) -> bool {
        self.valid_from_ms.is_none_or(|from| utc_ms >= from)
            && self.valid_until_ms.is_none_or(|until| utc_ms < until)
    }

    /// # Errors
    /// [`ProfileError`].
    pub(super) fn check(&self) -> Result<(), ProfileError> {
        for text in core::iter::once(&self.name).chain(&self.groups) {
            if text.trim().is_empty() {
                return Err(ProfileError::Empty);
            }
            if text.len() > MAX_NAME {
                return Err(ProfileError::TooLong { bytes: text.len() });
            }
            // A name in a log or a list must not reach what stands beside it.
            let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if let Some(character) = text.chars().find(|&c| c.is_control() || turns(c)) {
                return Err(ProfileError::Control { character });
            }
        }
        match (self.valid_from_ms, self.valid_until_ms) {
            (Some(from_ms), Some(until_ms)) if from_ms >= until_ms => {
                Err(ProfileError::Never { from_ms, until_ms })
            }
            _ => Ok(()),
        }
    }
}

/// Somebody enrolled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Which.
    pub id: PersonId,
    /// What may be changed.
    pub profile: Profile,
    /// Of any pipeline, in the order of enrolment.
    pub templates: Vec<StoredTemplate>,
    /// PINs and cards, each of this person alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<StoredCredential>,
}

impl Person {
    /// Their templates of `pipeline`.
    pub fn templates_of(
        &self,
        pipeline: &Pipeline,
    ) -> impl Iterator<Item = &StoredTemplate> + Clone {
        self.templates.iter().filter(move |template| template.pipeline == *pipeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_infer::image::align::ARCFACE_TEMPLATE_112;

    fn named(name: &str) -> Profile {
        Profile { name: name.to_owned(), ..Profile::default() }
    }

    #[test]
    fn rejects_names_that_cannot_be_shown() {
        for name in ["", " ", "\u{3000}"] {
            assert_eq!(named(name).check(), Err(ProfileError::Empty));
        }
        let long = "é".repeat(101);
        assert_eq!(named(&long).check(), Err(ProfileError::TooLong { bytes: 202 }));
        for character in ['\n', '\0', '\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}'] {
            let refused = named(&format!("A{character}B")).check();
            assert_eq!(refused, Err(ProfileError::Control { character }));
        }
        let group = Profile { groups: vec!["staff".into(), "a\tb".into()], ..named("Ada") };
        assert_eq!(group.check(), Err(ProfileError::Control { character: '\t' }));
    }

    #[test]
    fn rejects_dates_between_which_is_nothing() {
        let from_ms = 5;
        for until_ms in [5, 4, 0] {
            let (valid_from_ms, valid_until_ms) = (Some(from_ms), Some(until_ms));
            let profile = Profile { valid_from_ms, valid_until_ms, ..named("Ada") };
            assert_eq!(profile.check(), Err(ProfileError::Never { from_ms, until_ms }));
        }
    }

    #[test]
    fn a_person_is_let_in_from_the_first_date_until_before_the_second() {
        let profile = Profile { valid_from_ms: Some(10), valid_until_ms: Some(20), ..named("Ada") };
        profile.check().unwrap();
        let valid: Vec<u64> = (0..30).filter(|&ms| profile.is_valid_at(ms)).collect();
        assert_eq!(valid, (10..20).collect::<Vec<_>>());
        assert!(named("Ada").is_valid_at(0) && named("Ada").is_valid_at(u64::MAX));
    }

    #[test]
    fn whatever_precedes_the_model_changes_the_id() {
        let detector = ModelId([1; 16]);
        let id = PreprocessingId::of(detector, &ARCFACE_TEMPLATE_112, [112, 112]);
        let mut moved = ARCFACE_TEMPLATE_112;
        moved[4][1] = moved[4][1].next_up();
        let others = [
            PreprocessingId::of(ModelId([2; 16]), &ARCFACE_TEMPLATE_112, [112, 112]),
            PreprocessingId::of(detector, &moved, [112, 112]),
            PreprocessingId::of(detector, &ARCFACE_TEMPLATE_112, [112, 113]),
        ];
        assert!(!others.contains(&id));
        // It is stored with templates, so it must be the same in every build.
        assert_eq!(crate::hex::encode(&id.0), "22e73f76df5720f9d955a298f9203979");
    }
}
