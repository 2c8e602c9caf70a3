//! Who may enter, in memory: a template to search of everybody, and their dates.

use crate::store::{Gallery, People, PersonId, Pipeline, Profile};
use edge_infer::door::{Admission, Matched};
use edge_infer::matching::{GalleryError, MatchError, TemplateRef};

/// Everybody with a template of one pipeline, as they were when it was taken.
#[derive(Clone, Debug)]
pub struct Roster {
    people: Vec<(PersonId, Profile)>,
    gallery: Gallery,
    templates: u32,
}

/// A search that gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// The memory is damaged, or templates have another length than the model's.
    #[error("the enrolled templates cannot be searched: {0}")]
    Gallery(#[from] GalleryError),
    /// The probe is of another model.
    #[error(transparent)]
    Match(#[from] MatchError),
}

impl Roster {
    /// Everybody of `people` with a template of `pipeline`, whose embeddings have `len` values.
    ///
    /// # Errors
    /// [`RosterError::Gallery`].
    pub fn new(people: &People, pipeline: &Pipeline, len: usize) -> Result<Self, RosterError> {
        let gallery = people.gallery(pipeline, len)?;
        let templates = u32::try_from(gallery.view()?.len()).unwrap_or(u32::MAX);
        let people = people.iter().map(|person| (person.id, person.profile.clone())).collect();
        Ok(Self { people, gallery, templates })
    }

    /// How many templates are searched: of a person with several, their mean.
    pub fn templates(&self) -> u32 {
        self.templates
    }

    /// The closest person to `probe` and whether they may enter at `utc_ms`, milliseconds of Unix time, `None` if nobody knows it.
    /// `None` if nobody is enrolled.
    ///
    /// # Errors
    /// [`RosterError`].
    pub fn search(
        &self,
        probe: TemplateRef<'_>,
        utc_ms: Option<u64>,
    ) -> Result<Option<Matched>, RosterError> {
        let best = self.gallery.view()?.search(probe)?;
        Ok(best.map(|best| Matched {
            best,
            templates: self.templates,
            admission: self.admission(best.person, utc_ms),
        }))
    }

    /// The profile of a person.
    pub fn profile(&self, person: u32) -> Option<&Profile> {
        let found = self.people.iter().find(|(id, _)| id.0 == person);
        found.map(|(_, profile)| profile)
    }

    /// Everybody, also those without a template.
    pub fn profiles(&self) -> impl Iterator<Item = (PersonId, &Profile)> {
        self.people.iter().map(|(id, profile)| (*id, profile))
    }

    fn admission(&self, person: u32, utc_ms: Option<u64>) -> Admission {
        match (self.profile(person), utc_ms) {
            // A template of nobody, which no store makes.
            (None, _) => Admission::Outside,
            (Some(profile), Some(now)) if profile.is_valid_at(now) => Admission::Inside,
            (Some(_), Some(_)) => Admission::Outside,
            (Some(profile), None) => match (profile.valid_from_ms, profile.valid_until_ms) {
                (None, None) => Admission::Inside,
                _ => Admission::TimeUnknown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{NewTemplate, PreprocessingId, Source};
    use model_format::ModelId;

    const PIPELINE: Pipeline =
        Pipeline { model: ModelId([1; 16]), preprocessing: PreprocessingId([2; 16]) };

    fn template(values: &[i8; 4]) -> TemplateRef<'_> {
        TemplateRef::from_values(values, PIPELINE.model).unwrap()
    }

    fn roster(profiles: [Profile; 2]) -> Roster {
        let mut people = People::default();
        for (profile, values) in profiles.into_iter().zip([[127, 0, 0, 0], [0, 127, 0, 0]]) {
            let template = template(&values);
            let new = NewTemplate {
                template,
                preprocessing: PIPELINE.preprocessing,
                source: Source::Picture,
            };
            people.enrol(profile, &[new], 0).unwrap();
        }
        Roster::new(&people, &PIPELINE, 4).unwrap()
    }

    fn named(name: &str) -> Profile {
        Profile { name: name.to_owned(), ..Profile::default() }
    }

    #[test]
    fn the_closest_person_is_found_with_the_runner_up() {
        let roster = roster([named("Ada"), named("Zoë")]);
        let found = roster.search(template(&[3, 4, 0, 0]), None).unwrap().unwrap();
        assert_eq!((found.best.person, found.templates), (2, 2));
        assert!((found.best.cosine - 0.8).abs() < 1e-6);
        assert!((found.best.runner_up.unwrap().cosine - 0.6).abs() < 1e-6);
        assert_eq!(roster.profile(2).unwrap().name, "Zoë");
    }

    #[test]
    fn a_person_is_compared_by_the_mean_of_their_templates() {
        let mut people = People::default();
        let templates = [[127, 0, 0, 0], [0, 9, 0, 0]];
        let new = templates.each_ref().map(|values| NewTemplate {
            template: template(values),
            preprocessing: PIPELINE.preprocessing,
            source: Source::Picture,
        });
        people.enrol(named("Ada"), &new, 0).unwrap();
        let roster = Roster::new(&people, &PIPELINE, 4).unwrap();
        let found = roster.search(template(&[50, 50, 0, 0]), None).unwrap().unwrap();
        assert_eq!((found.best.person, found.best.runner_up, found.templates), (1, None, 1));
        assert!((found.best.cosine - 1.0).abs() < 1e-6, "{}", found.best.cosine);
    }

    #[test]
    fn dates_admit_and_an_unknown_time_admits_only_those_without() {
        let dated = Profile { valid_from_ms: Some(100), valid_until_ms: Some(200), ..named("Ada") };
        let roster = roster([dated, named("Zoë")]);
        let at = |values: [i8; 4], utc_ms| {
            roster.search(template(&values), utc_ms).unwrap().unwrap().admission
        };
        let ada = [127, 1, 0, 0];
        assert_eq!(at(ada, Some(99)), Admission::Outside);
        assert_eq!(at(ada, Some(100)), Admission::Inside);
        assert_eq!(at(ada, Some(200)), Admission::Outside);
        assert_eq!(at(ada, None), Admission::TimeUnknown);
        assert_eq!(at([1, 127, 0, 0], None), Admission::Inside);
    }

    /// A template of another pipeline is dormant: insightface 1838, deepface 1520.
    #[test]
    fn insightface_1838_templates_of_another_pipeline_are_not_searched() {
        let mut people = People::default();
        let values = [127, 0, 0, 0];
        let new = NewTemplate {
            template: template(&values),
            preprocessing: PreprocessingId([9; 16]),
            source: Source::Picture,
        };
        people.enrol(named("Ada"), &[new], 0).unwrap();
        let roster = Roster::new(&people, &PIPELINE, 4).unwrap();
        assert_eq!(roster.templates(), 0);
        assert_eq!(roster.search(template(&values), None).unwrap(), None);
    }

    #[test]
    fn rejects_a_probe_of_another_model() {
        let roster = roster([named("Ada"), named("Zoë")]);
        let probe = TemplateRef::from_values(&[1, 2, 3, 4], ModelId([7; 16])).unwrap();
        assert!(matches!(roster.search(probe, None), Err(RosterError::Match(_))));
    }
}
