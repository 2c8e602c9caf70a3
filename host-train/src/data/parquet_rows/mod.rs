//! Parquet files with a column of image files and a column of labels, as data set hubs store them.
//!
//! ```text
//! image   struct { bytes binary, path string }    or one binary column
//! label   int32, int64 (with names in the file's `huggingface` metadata, or without) or string
//! ```
//!
//! Rows lie in groups, and a group is the least that can be read. Opening reads labels and paths; images are read by groups,
//! of which all files of a source together keep [`cache::MOST_BYTES`] at most. Reading in random order from a set that is
//! larger than that reads most groups again and again: turn such a set into RecordIO or tar first.
//!
//! A row whose path is `PERSON/IMAGE` with its own label's name in front keeps that name; others are called by number.

mod cache;
mod columns;
mod writer;

pub(super) use cache::Cache;
pub use columns::ParquetFault;
pub(super) use writer::RowWriter;

use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use columns::{Columns, check_compression, class_names};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::DataError;

/// Row groups with more image bytes than this are refused: all of a group is read for one image.
const MAX_GROUP_BYTES: i64 = 256 << 20;

/// The images of one file.
#[derive(Debug)]
pub(super) struct ParquetRows {
    path: PathBuf,
    columns: Columns,
    /// The first row of each group, and the number of all rows.
    starts: Vec<u64>,
    by_number: bool,
    cache: Arc<Cache>,
}

impl ParquetRows {
    /// Opens a file and lists its rows: `add(PERSON/IMAGE, row)`. Names made from row numbers start with `prefix`.
    pub(super) fn open(
        path: &Path,
        prefix: &str,
        cache: Arc<Cache>,
        mut add: impl FnMut(&str, u64),
    ) -> Result<Self, DataError> {
        let reader = read(path)?;
        let metadata = reader.metadata();
        let fault = |fault| DataError::Parquet { path: path.to_owned(), fault };
        let columns = Columns::of(metadata.file_metadata()).map_err(fault)?;
        let names = class_names(metadata.file_metadata(), &columns.label_name);
        let mut starts = vec![0];
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let rows = u64::try_from(group.num_rows()).unwrap_or(0);
            for column in [columns.image, columns.label].into_iter().chain(columns.path) {
                check_compression(group.column(column).compression()).map_err(fault)?;
            }
            let bytes = group.column(columns.image).uncompressed_size();
            if bytes > MAX_GROUP_BYTES {
                let limit = MAX_GROUP_BYTES;
                return Err(fault(ParquetFault::LargeGroup { group: number, bytes, limit }));
            }
            starts.push(starts[number] + rows);
        }
        let rows = Self { path: path.to_owned(), columns, starts, by_number: false, cache };
        let (labels, by_number) = rows.labels(&reader, names.as_deref())?;
        let paths = rows.paths(&reader)?;
        let digits = labels.len().max(1).ilog10() as usize + 1;
        for (row, label) in labels.iter().enumerate() {
            let own = paths.get(row).filter(|path| {
                let image =
                    path.strip_prefix(label.as_str()).and_then(|rest| rest.strip_prefix('/'));
                image.is_some_and(|image| !image.is_empty() && !image.contains('/'))
            });
            match own {
                Some(path) => add(path, row as u64),
                None => add(&format!("{label}/{prefix}{row:0digits$}"), row as u64),
            }
        }
        Ok(Self { by_number, ..rows })
    }

    /// Whether its persons are numbers without names.
    pub(super) fn by_number(&self) -> bool {
        self.by_number
    }

    /// The image file in a row.
    pub(super) fn image(&self, row: u64) -> Result<Vec<u8>, DataError> {
        let group = self.starts.partition_point(|&start| start <= row) - 1;
        let images = self.cache.get(&self.path, group, || {
            let reader = read(&self.path)?;
            self.strings(&reader, group, self.columns.image)
        })?;
        let place = (row - self.starts[group]) as usize;
        match images.get(place) {
            Some(Some(bytes)) => Ok(bytes.data().to_vec()),
            _ => Err(self.fault(ParquetFault::NoImage { row })),
        }
    }

    /// The name of each row's label, and whether the names are numbers.
    fn labels(
        &self,
        reader: &SerializedFileReader<File>,
        names: Option<&[String]>,
    ) -> Result<(Vec<String>, bool), DataError> {
        use parquet::basic::Type;
        let missing = |row| self.fault(ParquetFault::NoLabel { row });
        let mut numbers: Vec<i64> = Vec::new();
        let mut texts = Vec::new();
        let kind = self.columns.label_type;
        for group in 0..self.starts.len() - 1 {
            let column = self.columns.label;
            match kind {
                Type::INT32 => {
                    let values = self.values::<Int32Type>(reader, group, column)?;
                    for value in values {
                        let row = numbers.len() as u64;
                        numbers.push(value.ok_or_else(|| missing(row))?.into());
                    }
                }
                Type::INT64 => {
                    for value in self.values::<Int64Type>(reader, group, column)? {
                        let row = numbers.len() as u64;
                        numbers.push(value.ok_or_else(|| missing(row))?);
                    }
                }
                _ => {
                    for value in self.strings(reader, group, column)? {
                        let row = texts.len() as u64;
                        texts.push(self.person(row, value.ok_or_else(|| missing(row))?)?);
                    }
                }
            }
        }
        if kind == Type::BYTE_ARRAY {
            return Ok((texts, false));
        }
        for (row, &label) in (0..).zip(&numbers) {
            let classes = names.map_or(i64::from(u32::MAX), |names| names.len() as i64);
            if !(0..classes).contains(&label) {
                return Err(self.fault(ParquetFault::Label { row, label, classes }));
            }
        }
        let Some(names) = names else {
            let digits = numbers.iter().max().copied().unwrap_or(0).max(1).ilog10() as usize + 1;
            let of_number = |number: &i64| format!("{number:0digits$}");
            return Ok((numbers.iter().map(of_number).collect(), true));
        };
        Ok((numbers.iter().map(|&label| names[label as usize].clone()).collect(), false))
    }

    /// A person's name as a string column has it.
    fn person(&self, row: u64, value: ByteArray) -> Result<String, DataError> {
        let name = value.as_utf8().ok().filter(|name| !name.is_empty() && !name.contains('/'));
        name.map(str::to_owned).ok_or_else(|| self.fault(ParquetFault::Name { row }))
    }

    /// The path column, or nothing when there is none.
    fn paths(&self, reader: &SerializedFileReader<File>) -> Result<Vec<String>, DataError> {
        let mut paths = Vec::new();
        for group in 0..self.starts.len() - 1 {
            let Some(column) = self.columns.path else {
                break;
            };
            let values = self.strings(reader, group, column)?;
            let text = |value: Option<ByteArray>| {
                value.and_then(|value| value.as_utf8().ok().map(str::to_owned)).unwrap_or_default()
            };
            paths.extend(values.into_iter().map(text));
        }
        Ok(paths)
    }

    fn strings(
        &self,
        reader: &SerializedFileReader<File>,
        group: usize,
        column: usize,
    ) -> Result<Vec<Option<ByteArray>>, DataError> {
        self.values::<ByteArrayType>(reader, group, column)
    }

    /// The values of a column in a group, one a row.
    fn values<T: DataType>(
        &self,
        reader: &SerializedFileReader<File>,
        group: usize,
        column: usize,
    ) -> Result<Vec<Option<T::T>>, DataError> {
        let rows = (self.starts[group + 1] - self.starts[group]) as usize;
        let most = self.columns.levels(reader.metadata().file_metadata(), column);
        let read = || -> Result<_, ParquetError> {
            let group = reader.get_row_group(group)?;
            let mut reader = get_typed_column_reader::<T>(group.get_column_reader(column)?);
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let mut records = 0;
            while records < rows {
                let (more, ..) = reader.read_records(
                    rows - records,
                    (most > 0).then_some(&mut levels),
                    None,
                    &mut values,
                )?;
                if more == 0 {
                    break;
                }
                records += more;
            }
            Ok((levels, values))
        };
        let (levels, values) = guarded(read).map_err(|fault| self.fault(fault))?;
        let mut values = values.into_iter();
        let found: Vec<Option<T::T>> = match most {
            0 => values.map(Some).collect(),
            _ => levels
                .iter()
                .map(|&level| if level == most { values.next() } else { None })
                .collect(),
        };
        if found.len() != rows {
            let found = found.len();
            return Err(self.fault(ParquetFault::Rows { group, found, expected: rows }));
        }
        Ok(found)
    }

    fn fault(&self, fault: ParquetFault) -> DataError {
        DataError::Parquet { path: self.path.clone(), fault }
    }
}

/// Opens a file and reads what its end says about it.
fn read(path: &Path) -> Result<SerializedFileReader<File>, DataError> {
    let file = File::open(path).map_err(|error| DataError::from_io(path, error))?;
    guarded(|| SerializedFileReader::new(file))
        .map_err(|fault| DataError::Parquet { path: path.to_owned(), fault })
}

/// Runs a part of the library, which panics on some damaged files where it should give an error.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetFault> {
    // Nothing that a panic could leave half done is used afterwards.
    let outcome = panic::catch_unwind(AssertUnwindSafe(read));
    let damaged = |reason| ParquetFault::Damaged(reason);
    let outcome = outcome.map_err(|_| damaged("its pages are damaged".to_owned()))?;
    outcome.map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests;
