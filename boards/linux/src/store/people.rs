//! Everybody, in memory, and every change that can be made to them.
//!
//! A change is made whole or refused. Writing it down is left to the [`Store`](super::Store).

use super::document::{Document, DocumentError, FORMAT};
use super::{
    CredentialError, Credentials, Gallery, NewTemplate, Person, PersonId, Pipeline, Profile,
    ProfileError, StoredCredential, StoredTemplate, TemplateId,
};
use edge_infer::matching::{GalleryError, merge};
use model_format::ModelId;

/// A change that is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// Nobody has this id.
    #[error("there is no person {id}")]
    UnknownPerson {
        /// As given.
        id: PersonId,
    },
    /// The person has no such template.
    #[error("person {person} has no template {id}")]
    UnknownTemplate {
        /// Who.
        person: PersonId,
        /// As given.
        id: TemplateId,
    },
    /// A name, a group or a date.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A PIN or card.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Nothing to recognise the person by.
    #[error("a person is enrolled with at least one template")]
    NoTemplate,
    /// Templates of one model have one length.
    #[error("a template of {len} values, where model {model} gave {other} before")]
    Length {
        /// The model of both.
        model: ModelId,
        /// As given.
        len: usize,
        /// As enrolled.
        other: usize,
    },
    /// 2^32 ids are given.
    #[error("all ids are given: export the people and import them into a new store")]
    NoId,
    /// What is imported.
    #[error("nobody was imported: {0}")]
    Document(#[from] DocumentError),
}

/// Somebody who was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The id in the document.
    pub from: PersonId,
    /// The id here.
    pub id: PersonId,
}

/// Everybody, by id.
#[derive(Clone, Debug, PartialEq)]
pub struct People {
    next_person: u32,
    next_template: u32,
    people: Vec<Person>,
}

impl Default for People {
    fn default() -> Self {
        Self { next_person: 1, next_template: 1, people: Vec::new() }
    }
}

impl People {
    /// Everybody, in the order of enrolment.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Person> {
        self.people.iter()
    }

    /// The person with this id.
    pub fn get(&self, id: PersonId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// What is searched: of everybody with templates of `pipeline`, whose embeddings have `len` values, the mean
    /// ([`merge`](edge_infer::matching::merge)).
    ///
    /// # Errors
    /// A template has another length, or its norm is not its own.
    pub fn gallery(&self, pipeline: &Pipeline, len: usize) -> Result<Gallery, GalleryError> {
        let mut gallery = Gallery {
            model: pipeline.model,
            len,
            rows: Vec::new(),
            inverse_norms: Vec::new(),
            people: Vec::new(),
        };
        for person in &self.people {
            let Gallery { rows, inverse_norms, people, .. } = &mut gallery;
            let before = people.len();
            for template in person.templates_of(pipeline) {
                rows.extend(&template.values);
                inverse_norms.push(template.inverse_norm);
                people.push(person.id.0);
            }
            let own =
                (&mut rows[before * len..], &mut inverse_norms[before..], &mut people[before..]);
            let left = before + merge(len, own.0, own.1, own.2)?;
            rows.truncate(left * len);
            inverse_norms.truncate(left);
            people.truncate(left);
        }
        Ok(gallery)
    }

    /// Who has no template of `pipeline` and must be enrolled again: after a change of the model, everybody.
    pub fn dormant(&self, pipeline: &Pipeline) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| person.templates_of(pipeline).next().is_none())
    }

    /// Somebody new.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub fn enrol(
        &mut self,
        profile: Profile,
        templates: &[NewTemplate<'_>],
        now_ms: u64,
    ) -> Result<PersonId, PeopleError> {
        profile.check()?;
        let templates = self.templates(templates, now_ms)?;
        let id = PersonId(next(&mut self.next_person, 1)?);
        self.people.push(Person { id, profile, templates, credentials: Vec::new() });
        Ok(id)
    }

    /// More templates of somebody: other light, another model.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub fn add_templates(
        &mut self,
        id: PersonId,
        templates: &[NewTemplate<'_>],
        now_ms: u64,
    ) -> Result<(), PeopleError> {
        self.person(id)?;
        let templates = self.templates(templates, now_ms)?;
        self.person(id)?.templates.extend(templates);
        Ok(())
    }

    /// One template less. Somebody without any stays enrolled, and [dormant](Self::dormant).
    ///
    /// # Errors
    /// There is no such person or template.
    pub fn remove_template(&mut self, person: PersonId, id: TemplateId) -> Result<(), PeopleError> {
        let templates = &mut self.person(person)?.templates;
        let at = templates.iter().position(|template| template.id == id);
        templates.remove(at.ok_or(PeopleError::UnknownTemplate { person, id })?);
        Ok(())
    }

    /// Forgets the templates of all other pipelines; how many they were.
    pub fn remove_dormant(&mut self, pipeline: &Pipeline) -> usize {
        let mut removed = 0;
        for person in &mut self.people {
            let before = person.templates.len();
            person.templates.retain(|template| template.pipeline == *pipeline);
            removed += before - person.templates.len();
        }
        removed
    }

    /// Another name, other groups or dates.
    ///
    /// # Errors
    /// There is no such person, or the profile can't be kept.
    pub fn set_profile(&mut self, id: PersonId, profile: Profile) -> Result<(), PeopleError> {
        profile.check()?;
        self.person(id)?.profile = profile;
        Ok(())
    }

    /// Everybody's PINs and cards.
    pub fn credentials(&self) -> Credentials {
        let of = |person: &Person| {
            let id = person.id;
            person.credentials.clone().into_iter().map(move |credential| (id, credential))
        };
        Credentials::new(self.people.iter().flat_map(of))
    }

    /// One PIN or card more; `duress`: one that is given when forced to.
    ///
    /// # Errors
    /// There is no such person, or [`CredentialError`].
    pub fn add_credential(
        &mut self,
        id: PersonId,
        text: &str,
        duress: bool,
    ) -> Result<(), PeopleError> {
        self.person(id)?;
        let credential = StoredCredential::new(text, duress)?;
        if self.people.iter().flat_map(|person| &person.credentials).any(|other| other.is(text)) {
            return Err(CredentialError::Taken.into());
        }
        self.person(id)?.credentials.push(credential);
        Ok(())
    }

    /// Forgets the person's PINs and cards; how many they were.
    ///
    /// # Errors
    /// There is no such person.
    pub fn remove_credentials(&mut self, id: PersonId) -> Result<usize, PeopleError> {
        Ok(core::mem::take(&mut self.person(id)?.credentials).len())
    }

    /// Forgets somebody.
    ///
    /// # Errors
    /// There is no such person.
    pub fn remove(&mut self, id: PersonId) -> Result<(), PeopleError> {
        let at = self.people.iter().position(|person| person.id == id);
        self.people.remove(at.ok_or(PeopleError::UnknownPerson { id })?);
        Ok(())
    }

    /// Forgets everybody; how many they were. Their ids stay given.
    pub fn purge(&mut self) -> usize {
        core::mem::take(&mut self.people).len()
    }

    /// Everybody as JSON, in the clear: whoever has it has their templates. The form is that of the [`store`](super).
    pub fn to_json(&self) -> String {
        let document = Document {
            format: FORMAT,
            next_person: self.next_person,
            next_template: self.next_template,
            people: &self.people,
        };
        // Maps with keys that are no text, the one thing that JSON can't hold, are nowhere in it.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// What [`Self::to_json`] gave.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn from_json(json: &[u8]) -> Result<Self, DocumentError> {
        let Document { next_person, next_template, people, .. } = Document::parse(json)?;
        Ok(Self { next_person, next_template, people })
    }

    /// Adds everybody of an export. Where nobody was ever enrolled they keep their ids; elsewhere those may have been somebody
    /// else's, so they get new ones.
    ///
    /// # Errors
    /// The document is none, or its templates are not of the same length as those of the same model here. Nobody is added then.
    pub fn import(&mut self, json: &[u8]) -> Result<Vec<Imported>, PeopleError> {
        let mut others = Self::from_json(json)?;
        for template in others.people.iter().flat_map(|person| &person.templates) {
            self.check_length(template.pipeline.model, template.values.len())?;
        }
        let from: Vec<PersonId> = others.people.iter().map(|person| person.id).collect();
        if *self == Self::default() {
            *self = others;
            return Ok(from.into_iter().map(|id| Imported { from: id, id }).collect());
        }
        let templates = others.people.iter().map(|person| person.templates.len()).sum();
        let person_id = next(&mut self.next_person, others.people.len())?;
        let mut template_ids = next(&mut self.next_template, templates)?..;
        for (person, id) in others.people.iter_mut().zip(person_id..) {
            person.id = PersonId(id);
            for (template, id) in person.templates.iter_mut().zip(template_ids.by_ref()) {
                template.id = TemplateId(id);
            }
        }
        let imported = from.iter().zip(&others.people);
        let imported = imported.map(|(&from, person)| Imported { from, id: person.id }).collect();
        self.people.append(&mut others.people);
        Ok(imported)
    }

    fn person(&mut self, id: PersonId) -> Result<&mut Person, PeopleError> {
        let person = self.people.iter_mut().find(|person| person.id == id);
        person.ok_or(PeopleError::UnknownPerson { id })
    }

    fn templates(
        &mut self,
        templates: &[NewTemplate<'_>],
        now_ms: u64,
    ) -> Result<Vec<StoredTemplate>, PeopleError> {
        let (first, rest) = templates.split_first().ok_or(PeopleError::NoTemplate)?;
        let (model, other) = (first.template.model(), first.template.values().len());
        self.check_length(model, other)?;
        for NewTemplate { template, .. } in rest {
            let (model, len) = (template.model(), template.values().len());
            self.check_length(model, len)?;
            if model == first.template.model() && len != other {
                return Err(PeopleError::Length { model, len, other });
            }
        }
        let first = next(&mut self.next_template, templates.len())?;
        let stored = templates.iter().zip(first..).map(|(new, id)| StoredTemplate {
            id: TemplateId(id),
            pipeline: Pipeline { model: new.template.model(), preprocessing: new.preprocessing },
            values: new.template.values().to_vec(),
            inverse_norm: new.template.inverse_norm().get(),
            source: new.source,
            enrolled_ms: now_ms,
        });
        Ok(stored.collect())
    }

    fn check_length(&self, model: ModelId, len: usize) -> Result<(), PeopleError> {
        let enrolled = self.people.iter().flat_map(|person| &person.templates);
        let mut others = enrolled.filter(|t| t.pipeline.model == model).map(|t| t.values.len());
        match others.next() {
            Some(other) if other != len => Err(PeopleError::Length { model, len, other }),
            _ => Ok(()),
        }
    }
}

/// Takes `count` ids; the first of them.
fn next(counter: &mut u32, count: usize) -> Result<u32, PeopleError> {
    let first = *counter;
    let count = u32::try_from(count).map_err(|_| PeopleError::NoId)?;
    *counter = first.checked_add(count).ok_or(PeopleError::NoId)?;
    Ok(first)
}

#[cfg(test)]
mod tests;
