//! The people of the demonstration, in memory: Ada can be renamed and removed on the pages, and nobody else is enrolled, for want of networks.

use crate::hub::{Change, Hub};
use crate::store::{
    NewTemplate, People, PeopleError, PersonId, Pipeline, PreprocessingId, Profile, Source,
};
use crate::watch::{Roster, RosterError};
use crate::web::{Listed, Office, OfficeError, Outcome, Photographs, Wish};
use edge_infer::door::Calibration;
use edge_infer::matching::TemplateRef;
use model_format::ModelId;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of no network.
const PIPELINE: Pipeline =
    Pipeline { model: ModelId([0; 16]), preprocessing: PreprocessingId([0; 16]) };
/// A template to be listed by; what is matched are drawings.
const VALUES: [i8; 4] = [127, 0, 0, 0];

/// Who is enrolled at a door for drawings.
pub struct DrawnOffice {
    people: Mutex<People>,
    hub: Hub,
    calibration: Calibration,
}

impl DrawnOffice {
    /// Ada alone; changes are proposed to the loop behind `hub`, which goes on with `calibration`.
    ///
    /// # Errors
    /// A store would not take her.
    pub fn new(hub: Hub, calibration: Calibration) -> Result<Self, PeopleError> {
        let mut people = People::default();
        let template = TemplateRef::from_values(&VALUES, PIPELINE.model);
        let template = template.ok().ok_or(PeopleError::NoTemplate)?;
        let preprocessing = PIPELINE.preprocessing;
        let template = NewTemplate { template, preprocessing, source: Source::Picture };
        people.enrol(Profile { name: "Ada".to_owned(), ..Profile::default() }, &[template], 0)?;
        Ok(Self { people: Mutex::new(people), hub, calibration })
    }

    /// Who is enrolled now.
    ///
    /// # Errors
    /// The templates can't be searched.
    pub fn roster(&self) -> Result<Roster, RosterError> {
        Roster::new(&self.people(), &PIPELINE, VALUES.len())
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(
        &self,
        id: u32,
        edit: impl FnOnce(&mut People, PersonId) -> Result<(), PeopleError>,
    ) -> Result<(), OfficeError> {
        let id = PersonId(id);
        let mut people = self.people();
        people.get(id).ok_or(OfficeError::NoPerson(id.0))?;
        edit(&mut people, id).map_err(|error| OfficeError::Store(error.into()))?;
        drop(people);
        let (roster, calibration) = (self.roster()?, Some(self.calibration));
        self.hub.propose(Change { roster, calibration });
        Ok(())
    }
}

impl Office for DrawnOffice {
    fn people(&self) -> Vec<Listed> {
        let people = self.people();
        let listed = people.iter().map(|person| Listed {
            id: person.id.0,
            name: person.profile.name.clone(),
            usable: person.templates.len(),
            dormant: 0,
        });
        listed.collect()
    }

    fn enrol(&self, _: &Wish, photographs: Photographs) -> Result<Outcome, OfficeError> {
        let why = "this demonstration has no networks: see `door demo --help` for one that has";
        let refused = photographs.into_iter().map(|(name, _)| (name, why.to_owned()));
        Ok(Outcome { refused: refused.collect(), ..Outcome::default() })
    }

    fn rename(&self, id: u32, name: &str) -> Result<(), OfficeError> {
        self.change(id, |people, id| {
            people.set_profile(id, Profile { name: name.to_owned(), ..Profile::default() })
        })
    }

    fn remove(&self, id: u32) -> Result<(), OfficeError> {
        self.change(id, People::remove)
    }
}
