//! The images of any mix of folders and tar archives, each with one folder a person.
//!
//! A source knows names and places, not pixels. Its order is that of the names (person, then file, by bytes), whatever
//! order the paths were given in and the disk lists them in; so an index means the same image on every machine.
//!
//! Same folder name means same person, also across archives: a data set may be split over several of them. Two sets whose
//! folders are plain numbers must therefore not be opened together; where file names collide too, that is refused.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::listing::{Span, top_of};
use super::{DataError, FaceImage, decode, image_folder, tar_index};

/// Image files above this many bytes are refused unread.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// One image of a [`Source`].
#[derive(Clone, Debug)]
pub struct ImageRef {
    /// `PERSON/IMAGE.jpg`, as pair lists name it.
    pub path: String,
    /// Whose image it is: an index into [`Source::identities`].
    pub identity: usize,
    /// Which of the opened paths holds it.
    origin: usize,
    /// Where in the archive; unset in a folder.
    span: Option<Span>,
}

/// One of the opened paths.
#[derive(Debug)]
struct Origin {
    path: PathBuf,
    /// Its file name, as manifests call it.
    name: String,
    /// What lies above the person folders inside it: empty, or closed by `/`.
    top: String,
}

/// Images, their identities and the way to their bytes. Cheap to share between threads: reading takes `&self`.
#[derive(Debug)]
pub struct Source {
    origins: Vec<Origin>,
    images: Vec<ImageRef>,
    identities: Vec<String>,
}

impl Source {
    /// Opens folders and tar archives as one source. No image is read yet.
    ///
    /// # Errors
    /// A path that does not exist, is no folder and no whole tar, or holds no image in a person folder; an image outside
    /// the person folders or below them; two images of one name. See [`DataError`].
    pub fn open(paths: &[PathBuf]) -> Result<Self, DataError> {
        let mut origins = Vec::with_capacity(paths.len());
        let mut named = Vec::new();
        for (origin, path) in paths.iter().enumerate() {
            let kind = fs::metadata(path).map_err(|error| DataError::from_io(path, error))?;
            let found =
                if kind.is_dir() { image_folder::list(path)? } else { tar_index::list(path)? };
            let top = top_of(path, &found)?;
            named.extend(found.into_iter().map(|found| ImageRef {
                path: found.name[top.len()..].to_owned(),
                identity: 0,
                origin,
                span: found.span,
            }));
            origins.push(Origin { path: path.clone(), name: file_name(path)?, top });
        }
        let mut images = named;
        images.sort_by(|a, b| (key(&a.path), a.origin).cmp(&(key(&b.path), b.origin)));
        for pair in images.windows(2) {
            if pair[0].path == pair[1].path {
                return Err(DataError::DuplicateImage {
                    image: pair[0].path.clone(),
                    first: origins[pair[0].origin].path.clone(),
                    second: origins[pair[1].origin].path.clone(),
                });
            }
        }
        let mut identities: Vec<String> = Vec::new();
        for image in &mut images {
            let person = key(&image.path).0;
            if identities.last().is_none_or(|last| last != person) {
                identities.push(person.to_owned());
            }
            image.identity = identities.len() - 1;
        }
        Ok(Self { origins, images, identities })
    }

    /// All images, by name.
    pub fn images(&self) -> &[ImageRef] {
        &self.images
    }

    /// The persons' folder names, sorted; [`ImageRef::identity`] counts them.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The index of the image called `path` (`PERSON/IMAGE.jpg`).
    pub fn find(&self, path: &str) -> Option<usize> {
        self.images.binary_search_by(|image| key(&image.path).cmp(&key(path))).ok()
    }

    /// The bytes of an image's file.
    ///
    /// Every read opens its file anew, so that threads share nothing.
    ///
    /// # Errors
    /// [`DataError::FileTooLarge`], or the system's reason not to read.
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let image = &self.images[index];
        let origin = &self.origins[image.origin];
        let (path, span) = match image.span {
            Some(span) => (origin.path.clone(), Some(span)),
            None => (origin.path.join(&origin.top).join(&image.path), None),
        };
        let refuse = |error| DataError::from_io(&path, error);
        let mut file = File::open(&path).map_err(refuse)?;
        let length = match span {
            Some(span) => {
                file.seek(SeekFrom::Start(span.offset)).map_err(refuse)?;
                span.length
            }
            None => file.metadata().map_err(refuse)?.len(),
        };
        if length > MAX_FILE_BYTES {
            return Err(DataError::FileTooLarge {
                name: self.full_name(index),
                bytes: length,
                limit: MAX_FILE_BYTES,
            });
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact(&mut bytes).map_err(refuse)?;
        Ok(bytes)
    }

    /// Reads and decodes an image.
    ///
    /// # Errors
    /// Those of [`Source::read`] and [`decode()`].
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn load(&self, index: usize) -> Result<FaceImage, DataError> {
        decode(&self.read(index)?, &self.full_name(index))
    }

    /// [`Self::load`], refusing an image of another size by its name.
    ///
    /// # Errors
    /// Those of [`Self::load`], and [`DataError::WrongSize`].
    pub fn load_of_size(&self, index: usize, size: (usize, usize)) -> Result<FaceImage, DataError> {
        let (width, height) = size;
        self.load(index)?.of_size(width, height, || self.full_name(index))
    }

    /// An image's name with the folder or archive that holds it, for messages: `faces/lfw.tar: lfw/Ann/1.jpg`.
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn full_name(&self, index: usize) -> String {
        let image = &self.images[index];
        let Origin { path, top, .. } = &self.origins[image.origin];
        match image.span {
            Some(_) => format!("{}: {top}{}", path.display(), image.path),
            None => path.join(top).join(&image.path).display().to_string(),
        }
    }

    /// Whether one of the opened paths has this file name.
    pub(super) fn has_origin(&self, name: &str) -> bool {
        self.origins.iter().any(|origin| origin.name == name)
    }

    /// The image called `path`, with or without the top, in the opened path whose file name is `origin`.
    pub(super) fn find_in(&self, origin: &str, path: &str) -> Option<usize> {
        self.origins.iter().enumerate().filter(|(_, candidate)| candidate.name == origin).find_map(
            |(number, candidate)| {
                let inner = path.strip_prefix(candidate.top.as_str()).unwrap_or(path);
                self.find(inner).filter(|&index| self.images[index].origin == number)
            },
        )
    }
}

/// Person and file of a path. As a sort key it keeps a person's images together, which plain byte order would not:
/// `-` sorts before `/`.
fn key(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

/// The last part of a path, also for `.` and `..`.
fn file_name(path: &Path) -> Result<String, DataError> {
    let name = match path.file_name() {
        Some(name) => name.to_owned(),
        None => fs::canonicalize(path)
            .map_err(|error| DataError::from_io(path, error))?
            .file_name()
            .unwrap_or_default()
            .to_owned(),
    };
    Ok(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
