//! What a data set is: counts, sizes, colour, damage, files that are there twice.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::record_io::Property;
use super::{DataError, Rows, Source, decode};

/// What [`inspect`] found.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// What was opened.
    pub sources: Vec<Opened>,
    /// Number of images.
    pub images: usize,
    /// Number of persons.
    pub identities: usize,
    /// Image files together.
    pub bytes: u64,
    /// How many images a person has.
    pub per_identity: PerIdentity,
    /// `WIDTHxHEIGHT` of the decodable images, with their number.
    pub sizes: BTreeMap<String, usize>,
    /// Images without any colour.
    pub grey: usize,
    /// Images that can't be used, with the reason.
    pub undecodable: Vec<Undecodable>,
    /// Images whose files are equal to the byte; each list has two at least.
    pub duplicates: Vec<Vec<String>>,
    /// Of those lists, how many hold images of more than one person: their labels can't all be right.
    pub duplicates_across_identities: usize,
}

/// One opened file or folder.
#[derive(Debug, Serialize)]
pub struct Opened {
    /// Its path.
    pub path: PathBuf,
    /// folder, tar, RecordIO, verification set or Parquet.
    pub kind: &'static str,
    /// RecordIO: what the rows of the index are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// RecordIO: what `.property` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<Property>,
}

/// How many images a person has.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct PerIdentity {
    /// Fewest.
    pub min: usize,
    /// The middle person's, the lower of two.
    pub median: usize,
    /// Most.
    pub max: usize,
    /// Persons by number of images: lower end of the class (1, 2, 3-4, 5-8, ...; each twice the last), persons.
    pub histogram: BTreeMap<usize, usize>,
}

/// An image that can't be used.
#[derive(Debug, Serialize)]
pub struct Undecodable {
    /// Its name in the source.
    pub image: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What one image is.
struct Face {
    hash: [u8; 32],
    bytes: usize,
    size: (usize, usize),
    grey: bool,
}

/// Reads and decodes every image; `done` is called after each.
///
/// # Errors
/// A `.property` that can't be read. Damaged images are part of the answer.
pub fn inspect(source: &Source, done: impl Fn() + Sync) -> Result<Inspection, DataError> {
    let faces: Vec<Result<Face, DataError>> = (0..source.images().len())
        .into_par_iter()
        .map(|index| {
            let face = look(source, index);
            done();
            face
        })
        .collect();
    let mut sizes = BTreeMap::new();
    let mut undecodable = Vec::new();
    let mut equal: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    let (mut bytes, mut grey) = (0, 0);
    for (index, face) in faces.into_iter().enumerate() {
        match face {
            Ok(face) => {
                let (width, height) = face.size;
                *sizes.entry(format!("{width}x{height}")).or_default() += 1;
                equal.entry(face.hash).or_default().push(index);
                bytes += face.bytes as u64;
                grey += usize::from(face.grey);
            }
            Err(error) => undecodable.push(Undecodable {
                image: source.path(index).to_owned(),
                reason: error.to_string(),
            }),
        }
    }
    let mut equal: Vec<Vec<usize>> = equal.into_values().filter(|all| all.len() > 1).collect();
    equal.sort();
    let identity = |index: usize| source.images()[index].identity;
    let across =
        equal.iter().filter(|all| all.iter().any(|&one| identity(one) != identity(all[0]))).count();
    let names = |all: &Vec<usize>| all.iter().map(|&one| source.path(one).to_owned()).collect();
    Ok(Inspection {
        sources: opened(source)?,
        images: source.images().len(),
        identities: source.identities().len(),
        bytes,
        per_identity: per_identity(source),
        sizes,
        grey,
        undecodable,
        duplicates: equal.iter().map(names).collect(),
        duplicates_across_identities: across,
    })
}

fn look(source: &Source, index: usize) -> Result<Face, DataError> {
    let bytes = source.read(index)?;
    let image = decode(&bytes, &source.full_name(index))?;
    Ok(Face {
        hash: Sha256::digest(&bytes).into(),
        bytes: bytes.len(),
        size: (image.width, image.height),
        grey: image.rgb.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b),
    })
}

fn opened(source: &Source) -> Result<Vec<Opened>, DataError> {
    let open = |(path, kind, rows): (&std::path::Path, _, Option<Rows>)| {
        let property = match rows {
            Some(_) => Property::beside(path)?,
            None => None,
        };
        Ok(Opened { path: path.to_owned(), kind, rows, property })
    };
    source.opened().map(open).collect()
}

fn per_identity(source: &Source) -> PerIdentity {
    let mut counts = vec![0_usize; source.identities().len()];
    for image in source.images() {
        counts[image.identity] += 1;
    }
    counts.sort_unstable();
    let mut histogram = BTreeMap::new();
    for &count in &counts {
        // 1, 2, 3-4, 5-8: the class ends at the next power of two.
        let end = count.next_power_of_two();
        *histogram.entry(if end > 2 { end / 2 + 1 } else { end }).or_default() += 1;
    }
    // A source has an image, and an image has a person.
    let (min, max) = (counts[0], counts[counts.len() - 1]);
    PerIdentity { min, median: counts[(counts.len() - 1) / 2], max, histogram }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::data::convert::{Format, Selection, convert};
    use crate::data::fixture::{jpeg, png, write_jpegs};
    use std::fs;

    #[test]
    fn counts_sizes_damage_and_duplicates() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("faces");
        write_jpegs(&folder, &[5, 1, 2]);
        fs::write(folder.join("Ann/grey.png"), png(3, 2, [9, 9, 9])).unwrap();
        fs::copy(folder.join("Ann/000.jpg"), folder.join("Ann/copy.jpg")).unwrap();
        fs::copy(folder.join("Ann/001.jpg"), folder.join("Bo/wrong.jpg")).unwrap();
        let whole = jpeg(16, [1, 2, 3]);
        fs::write(folder.join("Bo/cut.jpg"), &whole[..whole.len() / 2]).unwrap();
        let source = Source::open(&[folder]).unwrap();
        let found = inspect(&source, || ()).unwrap();
        assert_eq!((found.images, found.identities, found.grey), (12, 3, 1));
        assert_eq!(found.sizes, [("16x16".to_owned(), 10), ("3x2".to_owned(), 1)].into());
        let histogram = [(2, 1), (3, 1), (5, 1)].into();
        assert_eq!(found.per_identity, PerIdentity { min: 2, median: 3, max: 7, histogram });
        assert_eq!(found.undecodable.len(), 1);
        assert_eq!(found.undecodable[0].image, "Bo/cut.jpg");
        assert!(found.undecodable[0].reason.contains("cut off"));
        assert_eq!(
            found.duplicates,
            [["Ann/000.jpg", "Ann/copy.jpg"], ["Ann/001.jpg", "Bo/wrong.jpg"]]
        );
        assert_eq!(found.duplicates_across_identities, 1);
    }

    #[test]
    fn rows_of_a_record_io_set_are_told() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("faces");
        write_jpegs(&folder, &[2, 1]);
        let source = Source::open(&[folder]).unwrap();
        let rec = root.path().join("rec");
        convert(&source, &Selection::all(&source), Format::RecordIo, &rec, || ()).unwrap();
        let found = inspect(&Source::open(&[rec]).unwrap(), || ()).unwrap();
        let [opened] = &found.sources[..] else { panic!("{:?}", found.sources) };
        assert_eq!(opened.kind, "RecordIO");
        let rows = Rows { rows: 6, images: 3, identities: 2, header: true };
        assert_eq!(opened.rows, Some(rows));
        assert_eq!(opened.property, Some(Property { classes: 2, height: 16, width: 16 }));
    }
}
