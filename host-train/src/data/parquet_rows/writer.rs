//! Writes images and labels as data set hubs expect them: an image struct and a class label with names.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::columns::ParquetFault;
use crate::data::DataError;

const SCHEMA: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (STRING); }
    optional int64 label;
}";

/// A group is closed when it holds this many bytes of images: all of it is read for one.
const GROUP_BYTES: usize = 8 << 20;

/// Takes rows and writes one file.
pub(crate) struct RowWriter {
    path: PathBuf,
    file: SerializedFileWriter<File>,
    images: Vec<ByteArray>,
    paths: Vec<ByteArray>,
    labels: Vec<i64>,
    bytes: usize,
}

impl RowWriter {
    /// Starts a file for persons of these names.
    pub(crate) fn create(path: &Path, names: &[String]) -> Result<Self, DataError> {
        let file = File::create(path).map_err(|error| DataError::writing(path, error))?;
        let features = serde_json::json!({ "info": { "features": {
            "image": { "_type": "Image" },
            "label": { "names": names, "_type": "ClassLabel" },
        } } });
        let entry = KeyValue::new("huggingface".to_owned(), features.to_string());
        let properties = WriterProperties::builder()
            // Image files do not get smaller.
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_key_value_metadata(Some(vec![entry]))
            .build();
        let start = || {
            let schema = Arc::new(parse_message_type(SCHEMA)?);
            SerializedFileWriter::new(file, schema, Arc::new(properties))
        };
        let file = start().map_err(|error| failed(path, &error))?;
        let path = path.to_owned();
        Ok(Self { path, file, images: vec![], paths: vec![], labels: vec![], bytes: 0 })
    }

    /// Adds an image file of the person with this label.
    pub(crate) fn push(&mut self, label: u32, name: &str, image: Vec<u8>) -> Result<(), DataError> {
        self.bytes += image.len();
        self.images.push(image.into());
        self.paths.push(name.into());
        self.labels.push(label.into());
        if self.bytes >= GROUP_BYTES { self.close_group() } else { Ok(()) }
    }

    /// Writes what is left, and the file's end.
    pub(crate) fn finish(mut self) -> Result<(), DataError> {
        if !self.labels.is_empty() {
            self.close_group()?;
        }
        self.file.close().map(drop).map_err(|error| failed(&self.path, &error))
    }

    fn close_group(&mut self) -> Result<(), DataError> {
        let (images, paths) = (core::mem::take(&mut self.images), core::mem::take(&mut self.paths));
        let labels = core::mem::take(&mut self.labels);
        self.bytes = 0;
        // Every optional thing is there: levels are at their most.
        let (inner, outer) = (vec![2; labels.len()], vec![1; labels.len()]);
        let write = || -> Result<(), ParquetError> {
            let mut group = self.file.next_row_group()?;
            for values in [images, paths] {
                if let Some(mut column) = group.next_column()? {
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&inner), None)?;
                    column.close()?;
                }
            }
            if let Some(mut column) = group.next_column()? {
                column.typed::<Int64Type>().write_batch(&labels, Some(&outer), None)?;
                column.close()?;
            }
            group.close().map(drop)
        };
        write().map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &ParquetError) -> DataError {
    let fault = ParquetFault::Damaged(format!("cannot be written: {error}"));
    DataError::Parquet { path: path.to_owned(), fault }
}
