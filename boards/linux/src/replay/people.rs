//! People for a replay: a folder a person, enrolled as `door enroll` does, in memory alone.

use crate::enrol::{self, Album, FolderError, PersonFolder};
use crate::store::{NewTemplate, People, PeopleError, PersonId, PreprocessingId, Profile, Source};
use crate::vision::Eyes;
use edge_infer::door::Policy;
use std::path::{Path, PathBuf};

/// Everybody of a folder.
#[derive(Debug)]
pub struct PeopleFolder {
    /// Those with at least one template.
    pub people: People,
    /// Each folder's name, whom it became, and its pictures.
    pub albums: Vec<(String, Option<PersonId>, Album)>,
}

/// A folder that nobody can be enrolled from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleFolderError {
    /// It can't be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A name that no person can have.
    #[error("{}: {error}", path.display())]
    Person {
        /// Whose folder.
        path: PathBuf,
        /// Why.
        error: PeopleError,
    },
}

/// Enrols a person from each folder in `root`, by its name, from the pictures in it. Pictures between which nothing changes from the
/// cosine `policy.still_cosine` on are one; those of somebody else are told by the cosine `least`.
///
/// # Errors
/// [`PeopleFolderError`]. A person whose pictures are all refused is none.
pub fn enrol_folder(
    eyes: &mut Eyes<'_>,
    policy: &Policy,
    preprocessing: PreprocessingId,
    least: f32,
    root: &Path,
) -> Result<PeopleFolder, PeopleFolderError> {
    let mut found = PeopleFolder { people: People::default(), albums: Vec::new() };
    for folder in enrol::people_in(eyes, &policy.face, root)? {
        let PersonFolder { path, name, mut album } = folder;
        album.sort_out(policy.still_cosine, least);
        let new = |photo| NewTemplate {
            template: enrol::Photo::template(photo),
            preprocessing,
            source: Source::Picture,
        };
        let templates: Vec<NewTemplate<'_>> = album.photos.iter().map(new).collect();
        let profile = Profile { name: name.clone(), ..Profile::default() };
        let id = if templates.is_empty() {
            None
        } else {
            let enrolled = found.people.enrol(profile, &templates, 0);
            Some(enrolled.map_err(|error| PeopleFolderError::Person { path, error })?)
        };
        found.albums.push((name, id, album));
    }
    Ok(found)
}
