//! Strangers' pictures against the enrolled templates and against each other: the comparisons by which
//! [`edge_infer::door::Survey`] judges whether the model's table of rates holds here.
//!
//! ```text
//! strangers' folders ─ enrol ─ albums ─┐
//! people of the store ─ gallery ───────┴─ every pair of faces ─┬─ of two people ──> Survey::impostors, the closest by name
//!                                                              └─ of one person ──> Survey::genuine
//! ```
//!
//! Of those enrolled it is what the door searches that is compared: of several templates their mean. Two of them are not compared: who looked like somebody enrolled was refused when they were enrolled, so that their pairs
//! are picked. What the door's log holds cannot serve either: nobody knows which of its refused were strangers.

use crate::enrol::PersonFolder;
use crate::store::Gallery;
use edge_infer::door::Survey;
use edge_infer::matching::{MatchError, TemplateError, TemplateRef, cosine};
use model_format::Threshold;

/// How many of the most alike pairs are named.
const CLOSEST: usize = 5;

/// Who a face is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Person {
    Enrolled(u32),
    /// By the folder's place.
    Stranger(usize),
}

/// A face to compare.
#[derive(Clone, Debug)]
struct Face<'a> {
    person: Person,
    name: String,
    template: TemplateRef<'a>,
}

/// All comparisons.
#[derive(Clone, Debug)]
pub struct Comparisons {
    /// What they amount to.
    pub survey: Survey,
    /// The pairs of two people that are most alike, the most alike first; at most five.
    pub closest: Vec<Pair>,
    /// Faces compared.
    faces: usize,
}

/// Two faces of two people.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// A stranger's folder and picture.
    pub stranger: String,
    /// Another stranger's, or "person" and the id of somebody enrolled.
    pub other: String,
    /// Of both.
    pub cosine: f32,
}

/// Faces that can't be compared.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyFacesError {
    /// A stored template without a direction, which no store makes.
    #[error("an enrolled template is damaged: {0}")]
    Template(#[from] TemplateError),
    /// Templates of another length than the model's.
    #[error(transparent)]
    Match(#[from] MatchError),
}

impl Comparisons {
    /// Of the strangers' pictures with the gallery and with each other, counted at the rows of `table`.
    ///
    /// # Errors
    /// [`SurveyFacesError`].
    pub fn new(
        gallery: &Gallery,
        strangers: &[PersonFolder],
        table: impl IntoIterator<Item = Threshold>,
    ) -> Result<Self, SurveyFacesError> {
        let mut faces = Vec::new();
        for (id, template) in gallery.templates() {
            let (person, name) = (Person::Enrolled(id), format!("person {id}"));
            faces.push(Face { person, name, template: template? });
        }
        for (place, folder) in strangers.iter().enumerate() {
            faces.extend(folder.album.photos.iter().map(|photo| Face {
                person: Person::Stranger(place),
                name: format!("{}/{}", folder.name, photo.name),
                template: photo.template(),
            }));
        }
        let mut found =
            Self { survey: Survey::new(table), closest: Vec::new(), faces: faces.len() };
        for (at, face) in faces.iter().enumerate() {
            for other in faces.iter().take(at) {
                found.count(face, other)?;
            }
        }
        Ok(found)
    }

    fn count(&mut self, face: &Face<'_>, other: &Face<'_>) -> Result<(), SurveyFacesError> {
        let cosine = cosine(face.template, other.template)?;
        match (face.person, other.person) {
            (one, another) if one == another => self.survey.genuine(cosine),
            (Person::Enrolled(_), Person::Enrolled(_)) => {}
            _ => {
                self.survey.impostors(cosine);
                let at = self.closest.partition_point(|pair| pair.cosine >= cosine);
                if at < CLOSEST {
                    let (stranger, other) = (face.name.clone(), other.name.clone());
                    self.closest.insert(at, Pair { stranger, other, cosine });
                    self.closest.truncate(CLOSEST);
                }
            }
        }
        Ok(())
    }

    /// How many more strangers, with one picture each, make so many more comparisons.
    pub fn strangers_for(&self, comparisons: usize) -> usize {
        // Each is compared with all faces before it: x faces + x (x - 1) / 2 comparisons of x strangers.
        let (mut more, mut made, mut faces) = (0, 0_usize, self.faces);
        while made < comparisons {
            (more, made, faces) = (more + 1, made.saturating_add(faces), faces + 1);
        }
        more
    }
}

#[cfg(test)]
mod tests;
