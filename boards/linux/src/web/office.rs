//! What pages may do with people. The door's own office has the store, the networks and the loop's hub; nothing here opens anything.

use crate::audit::{Event, Kind};
use crate::enrol::{self, Album, Photo, Refusal, Who};
use crate::hub::{Change, Hub};
use crate::store::{People, PeopleError, PersonId, Pipeline, Profile, Source, Store, StoreError};
use crate::vision::{Eyes, EyesError, Models, Picture, decode};
use crate::watch::{Roster, RosterError};
use edge_infer::door::{Calibration, Policy};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Somebody enrolled, as a list shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: u32,
    /// For display.
    pub name: String,
    /// How many templates the door can use.
    pub usable: usize,
    /// How many are of networks that were replaced.
    pub dormant: usize,
}

/// A picture of somebody to be enrolled.
#[derive(Clone, Debug)]
pub enum Photograph {
    /// A file's bytes.
    File(Vec<u8>),
    /// A frame of the door's camera.
    Frame(Arc<Picture>),
}

/// Who is to be enrolled.
#[derive(Clone, Debug)]
pub struct Wish {
    /// New, or with more pictures.
    pub who: Who,
    /// Also if somebody enrolled looks the same, as twins do.
    pub even_if_alike: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Who was enrolled; `None` if nobody was.
    pub id: Option<u32>,
    /// Names of the pictures that were good.
    pub good: Vec<String>,
    /// Those that were not, and why.
    pub refused: Vec<(String, String)>,
    /// Who is enrolled and looks like this: id, name, cosine.
    pub alike: Option<(u32, String, f32)>,
    /// What would make the pictures cover more.
    pub advice: Option<&'static str>,
}

/// What could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfficeError {
    /// It was removed meanwhile.
    #[error("there is no person {0}")]
    NoPerson(u32),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The networks did not run.
    #[error(transparent)]
    Eyes(#[from] EyesError),
    /// The templates can't be searched.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// Nobody can be enrolled.
    #[error(transparent)]
    Judge(#[from] enrol::JudgeError),
}

/// Pictures with their names, one after the other, so that one is decoded at a time.
pub type Photographs = Vec<(String, Photograph)>;

/// What pages may do with people. Calls block, for as long as the disk and the networks take.
pub trait Office: Send + Sync {
    /// Everybody.
    fn people(&self) -> Vec<Listed>;

    /// Enrols somebody, if the pictures are good for it.
    ///
    /// # Errors
    /// [`OfficeError`]; that pictures are not good is none.
    fn enrol(&self, wish: &Wish, photographs: Photographs) -> Result<Outcome, OfficeError>;

    /// Gives somebody another name.
    ///
    /// # Errors
    /// [`OfficeError`].
    fn rename(&self, id: u32, name: &str) -> Result<(), OfficeError>;

    /// Forgets somebody.
    ///
    /// # Errors
    /// [`OfficeError`].
    fn remove(&self, id: u32) -> Result<(), OfficeError>;
}

/// Where events for the audit log go. It must not wait for the disk.
pub type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// The door's own.
pub struct DoorOffice {
    store: Mutex<Store>,
    models: Arc<Models>,
    policy: Policy,
    hub: Hub,
    tell: Tell,
}

impl DoorOffice {
    /// Over the people of `store`. Changes are proposed to the loop behind `hub`, and told to the audit log.
    pub fn new(store: Store, models: Arc<Models>, policy: Policy, hub: Hub, tell: Tell) -> Self {
        Self { store: Mutex::new(store), models, policy, hub, tell }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A store is whole after every step, also after one that panicked.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pipeline(&self) -> Pipeline {
        self.models.pipeline()
    }

    fn roster(&self, store: &Store) -> Result<Roster, RosterError> {
        Roster::new(store.people(), &self.pipeline(), self.models.embedding_len())
    }

    /// Changes the people, tells the log, and has the door go on with whom the disk has then: also after a change that is not certain.
    fn change(
        &self,
        store: &mut Store,
        kind: Kind,
        edit: impl FnOnce(&mut People) -> Result<PersonId, PeopleError>,
    ) -> Result<PersonId, OfficeError> {
        let changed = store.change(edit);
        if let Ok(id) = &changed {
            (self.tell)(Event::new(kind).person(*id).reason("by the web page"));
        }
        let roster = self.roster(store)?;
        let (target, table) = (self.policy.target_fpir, self.models.embedding().thresholds());
        let calibration = Calibration::new(target, roster.templates().max(1), table).ok();
        self.hub.propose(Change { roster, calibration });
        Ok(changed?)
    }

    fn photo(
        &self,
        eyes: &mut Eyes<'_>,
        name: &str,
        photograph: &Photograph,
    ) -> Result<Result<Photo, Refusal>, EyesError> {
        let decoded;
        let picture = match photograph {
            Photograph::Frame(picture) => picture,
            Photograph::File(bytes) => match decode::decode(bytes) {
                Ok(picture) => {
                    decoded = picture;
                    &decoded
                }
                Err(error) => return Ok(Err(error.into())),
            },
        };
        enrol::take(eyes, &self.policy.face, name, picture)
    }
}

impl Office for DoorOffice {
    fn people(&self) -> Vec<Listed> {
        let pipeline = self.pipeline();
        let listed = |person: &crate::store::Person| {
            let usable = person.templates_of(&pipeline).count();
            let dormant = person.templates.len() - usable;
            Listed { id: person.id.0, name: person.profile.name.clone(), usable, dormant }
        };
        self.store().people().iter().map(listed).collect()
    }

    fn enrol(&self, wish: &Wish, photographs: Photographs) -> Result<Outcome, OfficeError> {
        let mut eyes = Eyes::new(&self.models)?;
        let mut album = Album::default();
        let camera = photographs.iter().all(|(_, one)| matches!(one, Photograph::Frame(_)));
        for (name, photograph) in photographs {
            album.add(&name, self.photo(&mut eyes, &name, &photograph)?);
        }
        let mut store = self.store();
        let roster = self.roster(&store)?;
        let person = match wish.who {
            Who::Enrolled(id) => Some(store.people().get(id).ok_or(OfficeError::NoPerson(id.0))?),
            Who::New(_) => None,
        };
        let alike = enrol::judge(&mut album, &roster, &self.models, &self.policy, person)?;
        let mut outcome = Outcome {
            id: None,
            good: album.photos.iter().map(|photo| photo.name.clone()).collect(),
            refused: album
                .refused
                .iter()
                .map(|(name, why)| (name.clone(), why.to_string()))
                .collect(),
            alike: alike.map(|found| {
                let name = roster.profile(found.person).map(|profile| profile.name.clone());
                (found.person, name.unwrap_or_default(), found.cosine)
            }),
            advice: album.spread().and_then(|spread| spread.advice()),
        };
        if album.photos.is_empty() || (alike.is_some() && !wish.even_if_alike) {
            return Ok(outcome);
        }
        let source = if camera { Source::Camera } else { Source::Picture };
        let (pipeline, now) = (self.pipeline(), crate::clock::utc_ms());
        let kind = if person.is_some() { Kind::Changed } else { Kind::Enrolled };
        let id = self.change(&mut store, kind, |people| {
            enrol::enrol(people, &wish.who, &album, &pipeline, source, now)
        })?;
        outcome.id = Some(id.0);
        Ok(outcome)
    }

    fn rename(&self, id: u32, name: &str) -> Result<(), OfficeError> {
        let mut store = self.store();
        let id = PersonId(id);
        let person = store.people().get(id).ok_or(OfficeError::NoPerson(id.0))?;
        let profile = Profile { name: name.to_owned(), ..person.profile.clone() };
        let rename = |people: &mut People| people.set_profile(id, profile).map(|()| id);
        self.change(&mut store, Kind::Changed, rename).map(drop)
    }

    fn remove(&self, id: u32) -> Result<(), OfficeError> {
        let mut store = self.store();
        let id = PersonId(id);
        store.people().get(id).ok_or(OfficeError::NoPerson(id.0))?;
        let remove = |people: &mut People| people.remove(id).map(|()| id);
        self.change(&mut store, Kind::Removed, remove).map(drop)
    }
}
