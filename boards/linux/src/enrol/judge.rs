//! Whether the pictures of an album may be enrolled, and their way into the store: the same from files, an upload or the camera.

use super::album::look_alike;
use super::{Album, Photo};
use crate::store::{NewTemplate, People, PeopleError, Person, PersonId, Pipeline, Profile, Source};
use crate::vision::Models;
use crate::watch::{Roster, RosterError};
use edge_infer::door::{Calibration, CalibrationError, Policy};
use edge_infer::matching::{MERGED, Match};

/// Why nobody can be enrolled, whatever the pictures show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// With these templates no cosine would be strict enough, and everybody locked out.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The gallery can't be searched.
    #[error(transparent)]
    Roster(#[from] RosterError),
}

/// Whose the pictures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody new.
    New(Profile),
    /// More pictures of somebody.
    Enrolled(PersonId),
}

/// Sorts out pictures that are the same or of somebody else; then, who else than `person` is enrolled and looks like those that are
/// left, at the cosine that the door would have with them.
///
/// # Errors
/// [`JudgeError`].
pub fn judge(
    album: &mut Album,
    roster: &Roster,
    models: &Models,
    policy: &Policy,
    person: Option<&Person>,
) -> Result<Option<Match>, JudgeError> {
    album.sort_out(policy.still_cosine, models.loosest_cosine());
    if let Some(person) = person {
        album.sort_out_known(person.templates_of(&models.pipeline()), policy.still_cosine);
    }
    let more = u32::try_from(album.photos.len().div_ceil(MERGED)).unwrap_or(u32::MAX);
    let templates = roster.templates().saturating_add(more).max(1);
    let table = models.embedding().thresholds();
    let calibration = Calibration::new(policy.target_fpir, templates, table)?;
    let alike = look_alike(album, roster, calibration.cosine())?;
    Ok(alike.filter(|found| person.is_none_or(|person| person.id.0 != found.person)))
}

/// Adds the album's pictures to the people: a change for [`Store::change`](crate::store::Store::change).
///
/// # Errors
/// [`PeopleError`]; there are no pictures, or no such person.
pub fn enrol(
    people: &mut People,
    who: &Who,
    album: &Album,
    pipeline: &Pipeline,
    source: Source,
    now_ms: u64,
) -> Result<PersonId, PeopleError> {
    let preprocessing = pipeline.preprocessing;
    let new = |photo| NewTemplate { template: Photo::template(photo), preprocessing, source };
    let new: Vec<NewTemplate<'_>> = album.photos.iter().map(new).collect();
    match who {
        Who::New(profile) => people.enrol(profile.clone(), &new, now_ms),
        Who::Enrolled(id) => people.add_templates(*id, &new, now_ms).map(|()| *id),
    }
}
