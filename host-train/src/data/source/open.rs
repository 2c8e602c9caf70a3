//! From paths to a source: what kind each is, its images, and the order of all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ImageRef, Origin, Source, Store, key};
use crate::data::listing::{Found, Place, top_of};
use crate::data::parquet_rows::{Cache, ParquetRows};
use crate::data::verification::VerificationSet;
use crate::data::{DataError, image_folder, record_io, tar_index};

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
pub(in crate::data) enum Kind {
    Tar,
    Records,
    Verification,
    Parquet,
}

impl Kind {
    pub(in crate::data) fn of(path: &Path) -> Self {
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

/// The last part of a path, also for `.` and `..`.
pub(in crate::data) fn file_name(path: &Path) -> Result<String, DataError> {
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
