//! People for a replay: a folder a person, enrolled as `door enroll` does, in memory alone.

use crate::enrol::{self, Album};
use crate::store::{NewTemplate, People, PeopleError, PersonId, PreprocessingId, Profile, Source};
use crate::vision::{Eyes, EyesError, decode};
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
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No folder in it.
    #[error("{}: there is no folder in it; a folder a person is needed", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A name that no person can have.
    #[error("{}: {error}", path.display())]
    Person {
        /// Whose folder.
        path: PathBuf,
        /// Why.
        error: PeopleError,
    },
    /// The networks did not run.
    #[error(transparent)]
    Eyes(#[from] EyesError),
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
    for path in list(root)?.into_iter().filter(|path| path.is_dir()) {
        let mut album = Album::default();
        for file in list(&path)?.into_iter().filter(|file| file.is_file()) {
            let name = name(&file);
            let photo = match decode::open(&file) {
                Ok(picture) => enrol::take(eyes, &policy.face, &name, &picture)?,
                Err(error) => Err(error.into()),
            };
            album.add(&name, photo);
        }
        album.sort_out(policy.still_cosine, least);
        let new = |photo| NewTemplate {
            template: enrol::Photo::template(photo),
            preprocessing,
            source: Source::Picture,
        };
        let templates: Vec<NewTemplate<'_>> = album.photos.iter().map(new).collect();
        let profile = Profile { name: name(&path), ..Profile::default() };
        let id = if templates.is_empty() {
            None
        } else {
            let enrolled = found.people.enrol(profile, &templates, 0);
            Some(
                enrolled
                    .map_err(|error| PeopleFolderError::Person { path: path.clone(), error })?,
            )
        };
        found.albums.push((name(&path), id, album));
    }
    if found.albums.is_empty() {
        return Err(PeopleFolderError::Empty { path: root.to_owned() });
    }
    Ok(found)
}

/// What lies in a folder, by name.
fn list(folder: &Path) -> Result<Vec<PathBuf>, PeopleFolderError> {
    let failed = |error| PeopleFolderError::Io { path: folder.to_owned(), error };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
