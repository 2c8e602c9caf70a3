//! Copies a source's images to a new set of another kind, each file byte for byte.
//!
//! Labels follow the order of the persons' names, so every kind gives the same images with the same labels. A RecordIO set
//! keeps no names: its persons are called by their labels. What is written is whole or absent.

use core::str::FromStr;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::parquet_rows::RowWriter;
use super::record_io::RecordWriter;
use super::source::Kind;
use super::{DataError, Manifest, Pairs, Source, decode, verification};
use crate::files;

/// A kind of data set that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A folder with one folder a person.
    Folder,
    /// The same as an archive.
    Tar,
    /// A folder with `train.rec`, `train.idx` and `train.property`.
    RecordIo,
    /// One Parquet file.
    Parquet,
    /// A verification set, made of pairs.
    Verification,
}

impl Format {
    /// The kind that a path's ending asks for; a folder for none.
    pub fn of(path: &Path) -> Self {
        match Kind::of(path) {
            Kind::Records => Self::RecordIo,
            Kind::Verification => Self::Verification,
            Kind::Parquet => Self::Parquet,
            Kind::Tar if path.extension().is_some_and(|ending| ending == "tar") => Self::Tar,
            Kind::Tar => Self::Folder,
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "folder" => Ok(Self::Folder),
            "tar" => Ok(Self::Tar),
            "rec" => Ok(Self::RecordIo),
            "parquet" => Ok(Self::Parquet),
            "bin" => Ok(Self::Verification),
            _ => Err("expected folder, tar, rec, parquet or bin".to_owned()),
        }
    }
}

/// An image and what it will be called.
struct Entry {
    image: usize,
    label: u32,
    /// File name, without an ending where the source has none.
    file: String,
}

/// Images with labels, in the order of the labels, and the labels' names.
pub struct Selection {
    entries: Vec<Entry>,
    names: Vec<String>,
}

impl Selection {
    /// All images.
    pub fn all(source: &Source) -> Self {
        let labels = source.images().iter().map(|image| image.identity as u32);
        Self::of(source, labels.enumerate().collect(), source.identities().to_vec())
    }

    /// The images of a manifest. A label is called after the person of its first image; images that came from another
    /// person's folder take that person's name before their own, so that none collide.
    pub fn of_manifest(source: &Source, manifest: &Manifest) -> Self {
        let mut images: Vec<(usize, u32)> =
            manifest.images().iter().copied().zip(manifest.labels().iter().copied()).collect();
        images.sort_by_key(|&(image, label)| (label, image));
        let firsts = images.chunk_by(|a, b| a.1 == b.1).map(|label| label[0].0);
        let mut taken = HashSet::new();
        let names = firsts.map(|image| {
            let person = person(source, image);
            // One person's images may be spread over two labels.
            let free = |number: &usize| match number {
                1 => !taken.contains(person),
                _ => !taken.contains(&format!("{person}-{number}")),
            };
            let number = (1..).find(free).unwrap_or(1);
            let name = if number == 1 { person.to_owned() } else { format!("{person}-{number}") };
            taken.insert(name.clone());
            name
        });
        let names = names.collect();
        Self::of(source, images, names)
    }

    fn of(source: &Source, images: Vec<(usize, u32)>, names: Vec<String>) -> Self {
        let entries = images.into_iter().map(|(image, label)| {
            let person = person(source, image);
            let file = &source.path(image)[person.len() + 1..];
            let own = names[label as usize] == person;
            let file = if own { file.to_owned() } else { format!("{person}-{file}") };
            Entry { image, label, file }
        });
        Self { entries: entries.collect(), names }
    }

    /// Number of images.
    #[expect(clippy::len_without_is_empty, reason = "a source has images")]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Number of persons.
    pub fn persons(&self) -> usize {
        self.names.len()
    }
}

fn person(source: &Source, image: usize) -> &str {
    &source.identities()[source.images()[image].identity]
}

/// Writes a selection as a set of this kind (not [`Format::Verification`]) at `to`; `done` is called after each image.
///
/// # Errors
/// Something is at `to`, an image can't be read or is neither JPEG nor PNG, the disk is full, and
/// [`DataError::NoPairs`] for a verification set.
pub fn convert(
    source: &Source,
    selection: &Selection,
    format: Format,
    to: &Path,
    done: impl Fn(),
) -> Result<(), DataError> {
    let Selection { entries, names } = selection;
    let read = |entry: &Entry| -> Result<(String, Vec<u8>), DataError> {
        let bytes = source.read(entry.image)?;
        done();
        let name = &names[entry.label as usize];
        Ok((format!("{name}/{}", with_ending(source, entry, &bytes)?), bytes))
    };
    files::make_new(to, |new| match format {
        Format::Folder => entries.iter().try_for_each(|entry| {
            let (name, bytes) = read(entry)?;
            let path = new.join(name);
            let folder = path.parent().unwrap_or(new);
            fs::create_dir_all(folder).map_err(|error| DataError::writing(folder, error))?;
            fs::write(&path, bytes).map_err(|error| DataError::writing(&path, error))
        }),
        Format::Tar => {
            let refuse = |error| DataError::writing(to, error);
            let file = File::create(new).map_err(refuse)?;
            let mut archive = tar::Builder::new(BufWriter::new(file));
            for entry in entries {
                let (name, bytes) = read(entry)?;
                let mut header = tar::Header::new_gnu();
                header.set_mode(0o644);
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, name, bytes.as_slice()).map_err(refuse)?;
            }
            archive.into_inner().and_then(|mut file| file.flush()).map_err(refuse)
        }
        Format::RecordIo => {
            fs::create_dir(new).map_err(|error| DataError::writing(new, error))?;
            let mut records = RecordWriter::create(new)?;
            let mut size = None;
            for entry in entries {
                let (name, bytes) = read(entry)?;
                if size.is_none() {
                    let image = decode(&bytes, &name)?;
                    size = Some((image.height, image.width));
                }
                records.push(entry.label, &bytes)?;
            }
            records.finish(size.unwrap_or_default())
        }
        Format::Parquet => {
            let mut rows = RowWriter::create(new, names)?;
            for entry in entries {
                let (name, bytes) = read(entry)?;
                rows.push(entry.label, &name, bytes)?;
            }
            rows.finish()
        }
        Format::Verification => Err(DataError::NoPairs),
    })
}

/// Writes the pairs of a list, fold after fold, as a verification set at `to`.
///
/// # Errors
/// Something is at `to`, an image can't be read, or the disk is full.
pub fn convert_pairs(
    source: &Source,
    pairs: &Pairs,
    to: &Path,
    done: impl Fn(),
) -> Result<(), DataError> {
    let mut pairs = pairs.pairs().to_vec();
    pairs.sort_by_key(|pair| pair.fold);
    let same: Vec<bool> = pairs.iter().map(|pair| pair.same).collect();
    files::make_new(to, |new| {
        let refuse = |error| DataError::writing(to, error);
        let mut out = BufWriter::new(File::create(new).map_err(refuse)?);
        verification::write(&mut out, to, &same, |index| {
            let pair = pairs[index / 2];
            done();
            source.read(if index % 2 == 0 { pair.a } else { pair.b })
        })?;
        out.flush().map_err(refuse)
    })
}

/// A file's name with the ending that its bytes ask for, unless it has one.
fn with_ending(source: &Source, entry: &Entry, bytes: &[u8]) -> Result<String, DataError> {
    let ending = match image::guess_format(bytes) {
        Ok(image::ImageFormat::Jpeg) => "jpg",
        Ok(image::ImageFormat::Png) => "png",
        _ => {
            let (name, bytes) = (source.full_name(entry.image), bytes.len());
            return Err(DataError::UnknownFormat { name, bytes });
        }
    };
    let named = super::listing::is_image(&entry.file);
    Ok(if named { entry.file.clone() } else { format!("{}.{ending}", entry.file) })
}

#[cfg(test)]
mod tests;
