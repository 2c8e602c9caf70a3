//! The images of any mix of folders, tar archives, RecordIO sets, verification sets and Parquet files.
//!
//! | path                                   | persons                                        |
//! |----------------------------------------|------------------------------------------------|
//! | a folder, or an uncompressed `.tar`    | its folders, one a person                      |
//! | a `.rec`, or a folder with `train.rec` | numbers                                        |
//! | a `.parquet`, or a folder of them      | the label column's names, or numbers           |
//! | a `.bin`                               | unknown: each image stands for its own         |
//!
//! A source knows names and places, not pixels. Its order is that of the names (person, then file, by bytes), whatever
//! order the paths were given in and the disk lists them in; so an index means the same image on every machine. It takes
//! 48 bytes an image and the names.
//!
//! Same person name means same person, also across paths: a data set may be split over several of them. Sets that know
//! their persons by number only are therefore not opened together; where file names collide too, that is refused.

mod open;

use core::ops::Range;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::listing::{Place, Span};
use super::parquet_rows::ParquetRows;
use super::record_io::{Entry, RecordFault, RecordFile, Rows};
use super::{DataError, FaceImage, decode};

pub(super) use open::{Kind, file_name};

/// Image files above this many bytes are refused unread.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// One image of a [`Source`].
#[derive(Clone, Debug)]
pub struct ImageRef {
    /// Whose image it is: an index into [`Source::identities`].
    pub identity: usize,
    /// Where in [`Source::names`] its name starts, and its length.
    name: u64,
    name_length: u32,
    /// Which of the opened files holds it.
    origin: u32,
    place: Place,
}

/// What the images of an opened path are kept in.
#[derive(Debug)]
enum Store {
    Folder,
    Tar,
    RecordIo(Rows),
    Verification,
    Parquet(ParquetRows),
}

/// One of the opened files or folders; a folder of Parquet files is several.
#[derive(Debug)]
struct Origin {
    path: PathBuf,
    /// Its file name, as manifests call it.
    name: String,
    /// What lies above the person folders inside it: empty, or closed by `/`.
    top: String,
    store: Store,
}

/// Images, their identities and the way to their bytes. Cheap to share between threads: reading takes `&self`.
#[derive(Debug)]
pub struct Source {
    origins: Vec<Origin>,
    /// `PERSON/IMAGE` of all images, one behind the other.
    names: String,
    images: Vec<ImageRef>,
    identities: Vec<String>,
}

impl Source {
    /// All images, by name.
    pub fn images(&self) -> &[ImageRef] {
        &self.images
    }

    /// The persons' folder names, sorted; [`ImageRef::identity`] counts them.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// An image's name, `PERSON/IMAGE.jpg`, as pair lists have it.
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn path(&self, index: usize) -> &str {
        &self.names[self.images[index].range()]
    }

    /// The index of the image called `path`.
    pub fn find(&self, path: &str) -> Option<usize> {
        let name = |image: &ImageRef| &self.names[image.range()];
        self.images.binary_search_by(|image| key(name(image)).cmp(&key(path))).ok()
    }

    /// The bytes of an image's file.
    ///
    /// Every read opens its file anew, so that threads share nothing; but the rows of a Parquet file are read in groups, of
    /// which the source keeps some.
    ///
    /// # Errors
    /// [`DataError::FileTooLarge`], a damaged record or row group, or the system's reason not to read.
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let image = &self.images[index];
        let origin = self.origin(index);
        match image.place {
            Place::File => {
                let path = origin.path.join(&origin.top).join(self.path(index));
                let length = fs::metadata(&path).map_err(|error| DataError::from_io(&path, error));
                self.read_span(index, &path, Span { offset: 0, length: length?.len() })
            }
            Place::Span(span) => self.read_span(index, &origin.path, span),
            Place::Latin1(span) => {
                let text = self.read_span(index, &origin.path, span)?;
                let reason = "its text is not Latin-1".to_owned();
                latin1(&text)
                    .ok_or_else(|| DataError::CorruptImage { name: self.full_name(index), reason })
            }
            Place::Record { key, offset, label } => {
                let entry = Entry { key, offset };
                let mut file = RecordFile::open(&origin.path)?;
                let (header, bytes) = file.image(entry)?;
                match header.class() {
                    Ok(found) if found == label => Ok(bytes),
                    Ok(found) => {
                        let fault = RecordFault::OtherPerson { label: found, expected: label };
                        Err(file.fault(entry, fault))
                    }
                    Err(fault) => Err(file.fault(entry, fault)),
                }
            }
            Place::Row(row) => match &origin.store {
                Store::Parquet(rows) => rows.image(row),
                _ => unreachable!("only Parquet files have rows"),
            },
        }
    }

    fn read_span(&self, index: usize, path: &Path, span: Span) -> Result<Vec<u8>, DataError> {
        let Span { offset, length: bytes } = span;
        if bytes > MAX_FILE_BYTES {
            let (name, limit) = (self.full_name(index), MAX_FILE_BYTES);
            return Err(DataError::FileTooLarge { name, bytes, limit });
        }
        let refuse = |error| DataError::from_io(path, error);
        let mut file = File::open(path).map_err(refuse)?;
        file.seek(SeekFrom::Start(offset)).map_err(refuse)?;
        let mut content = vec![0; bytes as usize];
        file.read_exact(&mut content).map_err(refuse)?;
        Ok(content)
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

    /// An image's name with the folder or file that holds it, for messages: `faces/lfw.tar: lfw/Ann/1.jpg`.
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn full_name(&self, index: usize) -> String {
        let Origin { path, top, store, .. } = self.origin(index);
        let name = self.path(index);
        match store {
            Store::Folder => path.join(top).join(name).display().to_string(),
            _ => format!("{}: {top}{name}", path.display()),
        }
    }

    /// How a manifest names an image: the file name of what holds it, and its name in there.
    ///
    /// # Panics
    /// When `index` is not below the number of images.
    pub fn manifest_name(&self, index: usize) -> (&str, String) {
        let Origin { name, top, .. } = self.origin(index);
        (name, format!("{top}{}", self.path(index)))
    }

    fn origin(&self, index: usize) -> &Origin {
        &self.origins[self.images[index].origin as usize]
    }

    /// What was opened: each file or folder with its kind, and the rows of a RecordIO set.
    pub(super) fn opened(&self) -> impl Iterator<Item = (&Path, &'static str, Option<Rows>)> {
        self.origins.iter().map(|origin| {
            let (kind, rows) = match origin.store {
                Store::Folder => ("folder", None),
                Store::Tar => ("tar", None),
                Store::RecordIo(rows) => ("RecordIO", Some(rows)),
                Store::Verification => ("verification set", None),
                Store::Parquet(_) => ("Parquet", None),
            };
            (origin.path.as_path(), kind, rows)
        })
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
                self.find(inner).filter(|&index| self.images[index].origin as usize == number)
            },
        )
    }
}

impl ImageRef {
    /// Where its name stands among all names.
    fn range(&self) -> Range<usize> {
        let start = self.name as usize;
        start..start + self.name_length as usize
    }
}

/// The bytes of a text whose characters are all below 256.
fn latin1(text: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(text).ok()?;
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

/// Person and file of a path. As a sort key it keeps a person's images together, which plain byte order would not:
/// `-` sorts before `/`.
fn key(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

#[cfg(test)]
mod tests;
