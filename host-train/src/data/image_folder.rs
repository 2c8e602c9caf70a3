//! Finds the images of a folder.
//!
//! Links are followed, so that a data set may be a folder of links into a larger one. Names that are no image, and hidden
//! ones, are passed over. Nothing is opened here.

use std::fs;
use std::path::Path;

use super::DataError;
use super::listing::{Found, Place, is_hidden, is_image};

/// Folders below the root that are entered; a link to its own parent ends here.
const MAX_DEPTH: usize = 16;

/// Lists every image below `root`, in no particular order.
pub(super) fn list(root: &Path) -> Result<Vec<Found>, DataError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let here = root.join(&folder);
        let refuse = |error| DataError::from_io(&here, error);
        for entry in fs::read_dir(&here).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let part = entry.file_name();
            let Some(part) = part.to_str() else {
                return Err(DataError::NotUtf8 {
                    path: here,
                    name: part.to_string_lossy().into_owned(),
                });
            };
            if is_hidden(part) {
                continue;
            }
            let name = if folder.is_empty() { part.to_owned() } else { format!("{folder}/{part}") };
            let path = entry.path();
            let kind = fs::metadata(&path).map_err(|error| DataError::from_io(&path, error))?;
            if kind.is_dir() {
                if depth == MAX_DEPTH {
                    return Err(DataError::NestedImage { path: root.to_owned(), image: name });
                }
                folders.push((name, depth + 1));
            } else if kind.is_file() && is_image(part) {
                found.push(Found { name, place: Place::File });
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<String> = list(root).unwrap().into_iter().map(|f| f.name).collect();
        names.sort();
        names
    }

    #[test]
    fn finds_images_and_passes_over_the_rest() {
        let root = tempfile::tempdir().unwrap();
        for name in ["Ann", "Bo/old", ".git", "__MACOSX/Ann", "Empty"] {
            fs::create_dir_all(root.path().join(name)).unwrap();
        }
        for name in [
            "Ann/1.jpg",
            "Ann/2.PNG",
            "Ann/._1.jpg",
            "Ann/notes.txt",
            "Bo/old/3.jpeg",
            ".git/4.jpg",
            "__MACOSX/Ann/1.jpg",
            "pairs.txt",
        ] {
            fs::write(root.path().join(name), b"").unwrap();
        }
        assert_eq!(names(root.path()), ["Ann/1.jpg", "Ann/2.PNG", "Bo/old/3.jpeg"]);
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("1.jpg"), b"").unwrap();
        symlink(other.path(), root.path().join("Ann")).unwrap();
        assert_eq!(names(root.path()), ["Ann/1.jpg"]);
        symlink(root.path(), root.path().join("circle")).unwrap();
        assert!(matches!(list(root.path()), Err(DataError::NestedImage { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn rejects_a_dangling_link() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("gone.jpg");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(matches!(list(root.path()), Err(DataError::NotFound { path }) if path == link));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn rejects_names_that_are_not_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"Jos\xe9");
        fs::create_dir(root.path().join(name)).unwrap();
        let error = list(root.path()).unwrap_err();
        assert!(
            matches!(&error, DataError::NotUtf8 { name, .. } if name == "Jos\u{fffd}"),
            "{error}"
        );
    }
}
