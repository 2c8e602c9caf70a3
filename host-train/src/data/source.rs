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

use core::ops::Range;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::listing::{Found, Place, Span, top_of};
use super::parquet_rows::{Cache, ParquetRows};
use super::record_io::{self, Entry, RecordFault, RecordFile, Rows};
use super::verification::VerificationSet;
use super::{DataError, FaceImage, decode, image_folder, tar_index};

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
    /// Opens any number of paths as one source. No image is read yet.
    ///
    /// # Errors
    /// A path that does not exist, is of no known kind, is damaged, or holds no image of a person; an image outside the
    /// person folders or below them; two images of one name; two sets with numbers for names. See [`DataError`].
    pub fn open(paths: &[PathBuf]) -> Result<Self, DataError> {
        let mut source = Self {
            origins: Vec::new(),
            names: String::new(),
            images: Vec::new(),
            identities: Vec::new(),
        };
        let cache = Arc::new(Cache::default());
        let mut numbered: Option<&PathBuf> = None;
        for path in paths {
            let by_number = source.add_path(path, &cache)?;
            match numbered.filter(|_| by_number) {
                Some(first) => {
                    let (first, second) = (first.clone(), path.clone());
                    return Err(DataError::Numbered { first, second });
                }
                None if by_number => numbered = Some(path),
                None => {}
            }
        }
        source.sort()?;
        Ok(source)
    }

    /// Lists one path's images; whether its persons are numbers.
    fn add_path(&mut self, path: &Path, cache: &Arc<Cache>) -> Result<bool, DataError> {
        let refuse = |error| DataError::from_io(path, error);
        if fs::metadata(path).map_err(refuse)?.is_dir() {
            let records = path.join("train.rec");
            if records.is_file() {
                return self.add_records(&records);
            }
            let shards = parquet_files(path)?;
            if shards.is_empty() {
                self.add_found(path, Store::Folder, image_folder::list(path)?)?;
                return Ok(false);
            }
            let mut by_number = false;
            for (number, shard) in shards.iter().enumerate() {
                by_number |= self.add_parquet(shard, &format!("{number:05}-"), cache)?;
            }
            return Ok(by_number);
        }
        match Kind::of(path) {
            Kind::Records => self.add_records(path),
            Kind::Parquet => self.add_parquet(path, "", cache),
            Kind::Verification => {
                let set = VerificationSet::open(path)?;
                let mut names = Names::of(self);
                for (index, place) in set.images.into_iter().enumerate() {
                    names.add(&VerificationSet::name(index), place);
                }
                self.push(path, String::new(), Store::Verification)?;
                Ok(true)
            }
            Kind::Tar => {
                self.add_found(path, Store::Tar, tar_index::list(path)?)?;
                Ok(false)
            }
        }
    }

    fn add_found(&mut self, path: &Path, store: Store, found: Vec<Found>) -> Result<(), DataError> {
        let top = top_of(path, &found)?;
        let mut names = Names::of(self);
        for Found { name, place } in found {
            names.add(&name[top.len()..], place);
        }
        self.push(path, top, store)
    }

    fn add_records(&mut self, path: &Path) -> Result<bool, DataError> {
        let mut names = Names::of(self);
        let rows = record_io::list(path, |name, place| names.add(name, place))?;
        self.push(path, String::new(), Store::RecordIo(rows))?;
        Ok(true)
    }

    /// Rows without names of their own are called `prefix` and their number.
    fn add_parquet(
        &mut self,
        path: &Path,
        prefix: &str,
        cache: &Arc<Cache>,
    ) -> Result<bool, DataError> {
        let mut names = Names::of(self);
        let add = |name: &str, row| names.add(name, Place::Row(row));
        let rows = ParquetRows::open(path, prefix, cache.clone(), add)?;
        let by_number = rows.by_number();
        self.push(path, String::new(), Store::Parquet(rows))?;
        Ok(by_number)
    }

    fn push(&mut self, path: &Path, top: String, store: Store) -> Result<(), DataError> {
        let (path, name) = (path.to_owned(), file_name(path)?);
        self.origins.push(Origin { path, name, top, store });
        Ok(())
    }

    /// Puts the images in order and finds out who they are.
    fn sort(&mut self) -> Result<(), DataError> {
        let Self { origins, names, images, identities } = self;
        let path = |image: &ImageRef| &names[image.range()];
        images.sort_by(|a, b| (key(path(a)), a.origin).cmp(&(key(path(b)), b.origin)));
        for pair in images.windows(2) {
            if path(&pair[0]) == path(&pair[1]) {
                return Err(DataError::DuplicateImage {
                    image: path(&pair[0]).to_owned(),
                    first: origins[pair[0].origin as usize].path.clone(),
                    second: origins[pair[1].origin as usize].path.clone(),
                });
            }
        }
        for image in images {
            let person = key(path(image)).0;
            if identities.last().is_none_or(|last| last != person) {
                identities.push(person.to_owned());
            }
            image.identity = identities.len() - 1;
        }
        Ok(())
    }

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

/// Adds the images of the next origin.
struct Names<'a> {
    names: &'a mut String,
    images: &'a mut Vec<ImageRef>,
    origin: u32,
}

impl<'a> Names<'a> {
    fn of(source: &'a mut Source) -> Self {
        let origin = source.origins.len() as u32;
        Self { names: &mut source.names, images: &mut source.images, origin }
    }

    fn add(&mut self, path: &str, place: Place) {
        let name = self.names.len() as u64;
        let (name_length, origin) = (path.len() as u32, self.origin);
        self.names.push_str(path);
        self.images.push(ImageRef { identity: 0, name, name_length, origin, place });
    }
}

/// What kind of file a path names, by its ending.
pub(super) enum Kind {
    Tar,
    Records,
    Verification,
    Parquet,
}

impl Kind {
    pub(super) fn of(path: &Path) -> Self {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("rec") => Self::Records,
            Some("bin") => Self::Verification,
            Some("parquet") => Self::Parquet,
            _ => Self::Tar,
        }
    }
}

/// The Parquet files right inside a folder, by name.
fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let refuse = |error| DataError::from_io(folder, error);
    let mut shards = Vec::new();
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        if matches!(Kind::of(&path), Kind::Parquet) && path.is_file() {
            shards.push(path);
        }
    }
    shards.sort();
    Ok(shards)
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

/// The last part of a path, also for `.` and `..`.
pub(super) fn file_name(path: &Path) -> Result<String, DataError> {
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
