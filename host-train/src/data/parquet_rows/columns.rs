//! Which columns of a Parquet file are the image, its path and its label.

use parquet::basic::{Compression, Type};
use parquet::file::metadata::FileMetaData;

/// Names of a label column, the most telling first.
const LABELS: [&str; 6] = ["label", "labels", "identity", "person", "class", "id"];

/// Names of an image column that is no struct.
const IMAGES: [&str; 5] = ["image", "img", "jpg", "jpeg", "png"];

/// What is wrong with a Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetFault {
    /// The file can't be read as Parquet, or a part of it is damaged.
    #[error("{0}")]
    Damaged(String),
    /// A compression that is not built in, because its code is not Rust.
    #[error("compressed with {codec}; write it with snappy, gzip or none")]
    Compression {
        /// Its name in the format.
        codec: String,
    },
    /// No column holds image files.
    #[error(
        "no image column among {columns}; expected a struct with `bytes`, or a binary column called image"
    )]
    NoImageColumn {
        /// The columns that are there.
        columns: String,
    },
    /// No column holds labels.
    #[error(
        "no label column among {columns}; expected label, identity, person, class or id, a whole number or a string"
    )]
    NoLabelColumn {
        /// The columns that are there.
        columns: String,
    },
    /// All images of a group must be read for one of them, and these are too many.
    #[error(
        "row group {group} holds {bytes} bytes of images, and groups above {limit} are refused; write smaller groups"
    )]
    LargeGroup {
        /// The group.
        group: usize,
        /// Its bytes.
        bytes: i64,
        /// The limit.
        limit: i64,
    },
    /// A column has another number of rows than its group.
    #[error("row group {group} has {found} values in a column of {expected} rows")]
    Rows {
        /// The group.
        group: usize,
        /// Values found.
        found: usize,
        /// Rows of the group.
        expected: usize,
    },
    /// A row without an image.
    #[error("row {row} has no image")]
    NoImage {
        /// The row.
        row: u64,
    },
    /// A row without a label.
    #[error("row {row} has no label")]
    NoLabel {
        /// The row.
        row: u64,
    },
    /// A label that is no class.
    #[error(
        "row {row} has label {label}, which is not from 0 to below {classes}; files without labels often carry -1"
    )]
    Label {
        /// The row.
        row: u64,
        /// The label.
        label: i64,
        /// The number of classes that have names, or of possible ones.
        classes: i64,
    },
    /// A label that can't be a person's name.
    #[error("row {row}: its label is empty, not UTF-8, or contains `/`")]
    Name {
        /// The row.
        row: u64,
    },
}

/// The columns that matter, counted over all leaves of the schema.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) image: usize,
    pub(super) path: Option<usize>,
    pub(super) label: usize,
    pub(super) label_type: Type,
    pub(super) label_name: String,
}

impl Columns {
    /// Finds them by name and type.
    pub(super) fn of(file: &FileMetaData) -> Result<Self, ParquetFault> {
        let schema = file.schema_descr();
        let leaves: Vec<(String, Type)> = schema
            .columns()
            .iter()
            .map(|column| {
                // A repeated column has no one value a row.
                let name = if column.max_rep_level() == 0 {
                    column.path().string()
                } else {
                    String::new()
                };
                (name, column.physical_type())
            })
            .collect();
        let find = |wanted: &str, types: &[Type]| {
            leaves.iter().position(|(name, kind)| name == wanted && types.contains(kind))
        };
        let columns = || {
            let all = schema.columns().iter().map(|column| column.path().string());
            all.collect::<Vec<_>>().join(", ")
        };
        let binary = [Type::BYTE_ARRAY];
        let of_struct = leaves.iter().position(|(name, kind)| {
            name.ends_with(".bytes") && name.matches('.').count() == 1 && binary.contains(kind)
        });
        let image = of_struct
            .or_else(|| IMAGES.iter().find_map(|name| find(name, &binary)))
            .ok_or_else(|| ParquetFault::NoImageColumn { columns: columns() })?;
        let path = of_struct.and_then(|image| {
            let parent = leaves[image].0.trim_end_matches(".bytes");
            find(&format!("{parent}.path"), &binary)
        });
        let known = [Type::INT32, Type::INT64, Type::BYTE_ARRAY];
        let label = LABELS
            .iter()
            .find_map(|name| find(name, &known))
            .ok_or_else(|| ParquetFault::NoLabelColumn { columns: columns() })?;
        let (label_name, label_type) = leaves[label].clone();
        Ok(Self { image, path, label, label_type, label_name })
    }

    /// The definition level at which a value of the column is there.
    pub(super) fn levels(&self, file: &FileMetaData, column: usize) -> i16 {
        file.schema_descr().column(column).max_def_level()
    }
}

/// Refuses what can't be unpacked.
pub(super) fn check_compression(codec: Compression) -> Result<(), ParquetFault> {
    match codec {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) => Ok(()),
        other => Err(ParquetFault::Compression { codec: other.to_string() }),
    }
}

/// The names of a label column's classes, where the file's `huggingface` metadata has them.
pub(super) fn class_names(file: &FileMetaData, label: &str) -> Option<Vec<String>> {
    let entries = file.key_value_metadata()?;
    let text = entries.iter().find(|entry| entry.key == "huggingface")?.value.as_ref()?;
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let names = value.pointer("/info/features")?.get(label)?.get("names")?.as_array()?;
    let usable = |name: &&str| !name.is_empty() && !name.contains('/');
    names.iter().map(|name| name.as_str().filter(usable).map(str::to_owned)).collect()
}
