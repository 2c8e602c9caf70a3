//! From the index to a list of images with their persons, reading as few records as possible.

use core::ops::Range;
use std::fs;
use std::path::Path;

use super::frame::RecordFile;
use super::header::{EXACT, RecordFault};
use crate::data::DataError;
use crate::data::listing::Place;

/// One line of an index: where the record with this key starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: u64,
    /// Byte of the `.rec` at which its record starts.
    pub(crate) offset: u64,
}

/// What the rows of an index are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rows {
    /// Lines of the `.idx`.
    pub rows: usize,
    /// Rows that are images.
    pub images: usize,
    /// Rows that say which images are one person's.
    pub identities: usize,
    /// Whether row 0 says where those start.
    pub header: bool,
}

/// What `.property` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Property {
    /// Number of persons.
    pub classes: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

impl Property {
    /// Reads the `.property` beside a `.rec`; none when there is no such file.
    ///
    /// # Errors
    /// [`DataError::Property`], or the system's reason not to read.
    pub fn beside(rec: &Path) -> Result<Option<Self>, DataError> {
        let path = rec.with_extension("property");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| DataError::from_io(&path, error))?,
        };
        let numbers: Option<Vec<usize>> =
            text.trim().split(',').map(|number| number.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[classes, height, width]) => Ok(Some(Self { classes, height, width })),
            _ => Err(DataError::Property { path, text: text.trim().chars().take(40).collect() }),
        }
    }
}

/// Lists the images of the set at `rec`: each with its name, `PERSON/KEY`, and its place.
pub(crate) fn list(rec: &Path, mut add: impl FnMut(&str, Place)) -> Result<Rows, DataError> {
    let mut file = RecordFile::open(rec)?;
    let entries = read_index(&rec.with_extension("idx"), file.length())?;
    let mut images = Vec::with_capacity(entries.len());
    let rows = match ranges(&mut file, &entries)? {
        Some(ranges) => {
            let identities = by_range(&mut file, &entries, &ranges, &mut images)?;
            Rows { rows: entries.len(), images: images.len(), identities, header: true }
        }
        None => by_record(&mut file, &entries, &mut images)?,
    };
    let digits = |most: u64| most.max(1).ilog10() as usize + 1;
    let persons = digits(images.iter().map(|&(label, _)| u64::from(label)).max().unwrap_or(0));
    let keys = digits(entries.last().map_or(0, |entry| entry.key));
    let mut name = String::new();
    for (label, Entry { key, offset }) in images {
        use core::fmt::Write as _;
        name.clear();
        // Writing to a string can't fail.
        let _ = write!(name, "{label:0persons$}/{key:0keys$}");
        add(&name, Place::Record { key, offset, label });
    }
    Ok(rows)
}

/// The index, by key.
fn read_index(path: &Path, rec_length: u64) -> Result<Vec<Entry>, DataError> {
    let text = fs::read_to_string(path).map_err(|error| DataError::from_io(path, error))?;
    let refuse = |line, reason| DataError::RecordIndex { path: path.to_owned(), line, reason };
    let mut entries: Vec<Entry> = Vec::with_capacity(text.len() / 12);
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.is_empty()) {
        let entry = row.split_once('\t').and_then(|(key, offset)| {
            Some(Entry { key: key.parse().ok()?, offset: offset.trim_end().parse().ok()? })
        });
        let entry = entry.ok_or_else(|| refuse(line, "not `KEY TAB OFFSET`".to_owned()))?;
        if entry.offset >= rec_length {
            let reason = format!(
                "offset {} lies behind the .rec's {rec_length} bytes; copy it again",
                entry.offset
            );
            return Err(refuse(line, reason));
        }
        entries.push(entry);
    }
    if !entries.is_sorted_by_key(|entry| entry.key) {
        entries.sort_by_key(|entry| entry.key);
    }
    if let Some(twice) = entries.windows(2).find(|pair| pair[0].key == pair[1].key) {
        return Err(refuse(0, format!("key {} stands in it twice", twice[0].key)));
    }
    if entries.is_empty() {
        return Err(DataError::NoImages { path: path.to_owned() });
    }
    Ok(entries)
}

/// The identity records that the header record counts, when there is one and its numbers are exact.
fn ranges(file: &mut RecordFile, entries: &[Entry]) -> Result<Option<Vec<Entry>>, DataError> {
    let Some(&first) = entries.first().filter(|entry| entry.key == 0) else {
        return Ok(None);
    };
    let (header, image) = file.header(first)?;
    if image || header.labels.len() != 2 {
        return Ok(None);
    }
    let keys = header.range().map_err(|fault| file.fault(first, fault))?;
    if keys.end > EXACT {
        return Ok(None);
    }
    let range = indexed(entries, keys).map_err(|fault| file.fault(first, fault))?;
    Ok(Some(entries[range].to_vec()))
}

/// The places in `entries` of all keys of a range.
fn indexed(entries: &[Entry], keys: Range<u64>) -> Result<Range<usize>, RecordFault> {
    let start = entries.partition_point(|entry| entry.key < keys.start);
    for (key, entry) in keys.clone().zip(start..) {
        if entries.get(entry).is_none_or(|entry| entry.key != key) {
            return Err(RecordFault::NotIndexed { missing: key });
        }
    }
    Ok(start..start + (keys.end - keys.start) as usize)
}

/// Images by the identity records: one header read a person. Returns the number of identity records.
fn by_range(
    file: &mut RecordFile,
    entries: &[Entry],
    identities: &[Entry],
    images: &mut Vec<(u32, Entry)>,
) -> Result<usize, DataError> {
    let mut spans = Vec::with_capacity(identities.len());
    for &identity in identities {
        let (header, _) = file.header(identity)?;
        let keys = header.range().map_err(|fault| file.fault(identity, fault))?;
        spans.push((keys.start, keys.end, identity));
    }
    spans.sort_by_key(|&(start, end, _)| (start, end));
    // Every image belongs to one person: the ranges follow each other from key 1 to the first identity key.
    let mut next = 1;
    for (start, end, identity) in spans {
        let at = |fault| file.fault(identity, fault);
        if start == end {
            continue;
        }
        if start != next {
            return Err(at(RecordFault::Gap { found: start, expected: next }));
        }
        let range = indexed(entries, start..end).map_err(at)?;
        let (header, _) = file.header(entries[range.start])?;
        let label = header.class().map_err(|fault| file.fault(entries[range.start], fault))?;
        images.extend(entries[range].iter().map(|&entry| (label, entry)));
        next = end;
    }
    let images_end = identities.first().map_or(1, |entry| entry.key);
    if next != images_end {
        return Err(file.fault(entries[0], RecordFault::Gap { found: next, expected: images_end }));
    }
    Ok(identities.len())
}

/// Images by their own headers: one header read a record.
fn by_record(
    file: &mut RecordFile,
    entries: &[Entry],
    images: &mut Vec<(u32, Entry)>,
) -> Result<Rows, DataError> {
    let mut rows = Rows { rows: entries.len(), images: 0, identities: 0, header: false };
    for &entry in entries {
        let (header, image) = file.header(entry)?;
        if image {
            let label = header.class().map_err(|fault| file.fault(entry, fault))?;
            images.push((label, entry));
        } else if entry.key == 0 {
            rows.header = true;
        } else {
            rows.identities += 1;
        }
    }
    rows.images = images.len();
    Ok(rows)
}
