//! A folder a person: everybody's pictures, each looked at as for enrolment.

use super::{Album, take};
use crate::vision::{Eyes, EyesError, decode};
use edge_infer::door::FacePolicy;
use std::path::{Path, PathBuf};

/// The pictures of one folder.
#[derive(Debug)]
pub struct PersonFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Its last name.
    pub name: String,
    /// Its pictures, not yet sorted out.
    pub album: Album,
}

/// A folder of people that can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It or one in it can't be listed.
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
    /// The networks did not run.
    #[error(transparent)]
    Eyes(#[from] EyesError),
}

/// The people of `root`, by the names of their folders, and their pictures, by name.
///
/// # Errors
/// [`FolderError`]. A picture that can't be used is no error, but in its album with the reason.
pub fn people_in(
    eyes: &mut Eyes<'_>,
    policy: &FacePolicy,
    root: &Path,
) -> Result<Vec<PersonFolder>, FolderError> {
    let mut people = Vec::new();
    for path in list(root)?.into_iter().filter(|path| path.is_dir()) {
        let mut album = Album::default();
        for file in list(&path)?.into_iter().filter(|file| file.is_file()) {
            let name = name(&file);
            let photo = match decode::open(&file) {
                Ok(picture) => take(eyes, policy, &name, &picture)?,
                Err(error) => Err(error.into()),
            };
            album.add(&name, photo);
        }
        people.push(PersonFolder { name: name(&path), path, album });
    }
    if people.is_empty() {
        return Err(FolderError::Empty { path: root.to_owned() });
    }
    Ok(people)
}

/// What lies in a folder, by name.
fn list(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let failed = |error| FolderError::Io { path: folder.to_owned(), error };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
