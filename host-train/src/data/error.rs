//! Every way that data can be refused, in words for the person who has to fix it.
//!
//! A message names the file (and its row, line or byte), the number that was wrong, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::parquet_rows::ParquetFault;
use super::record_io::RecordFault;
use super::verification::PickleFault;
use crate::files::FileError;

/// Why a data source, an image, a manifest, a pair list or a batch was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A path given by the user does not exist.
    #[error("{}: no such file or folder", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The operating system refused to read something that exists.
    #[error("{}: cannot be read: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A data source that is a file is not an uncompressed tar archive.
    #[error(
        "{}: not a tar archive ({reason}); a data source is a folder or an uncompressed .tar with one folder a person, or \
         a .rec, .bin or .parquet file",
        path.display()
    )]
    NotATar {
        /// The file.
        path: PathBuf,
        /// What its first bytes look like.
        reason: String,
    },
    /// A tar archive ends inside an entry, or without its end mark.
    #[error("{}: the tar archive is cut off after {length} bytes ({reason}); copy it again", path.display())]
    TruncatedTar {
        /// The archive.
        path: PathBuf,
        /// Bytes that are there.
        length: u64,
        /// What is missing.
        reason: String,
    },
    /// A tar archive is broken behind its first entry.
    #[error("{}: the tar archive is damaged at byte {offset}: {reason}", path.display())]
    CorruptTar {
        /// The archive.
        path: PathBuf,
        /// Where the broken header starts.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A source holds no image at all.
    #[error("{}: no .jpg, .jpeg or .png in it; expected one folder a person with images inside", path.display())]
    NoImages {
        /// The folder or archive.
        path: PathBuf,
    },
    /// An image lies beside the person folders.
    #[error("{}: {image} lies outside the person folders; move it into a folder named after its person", path.display())]
    LooseImage {
        /// The folder or archive.
        path: PathBuf,
        /// The image inside it.
        image: String,
    },
    /// An image lies deeper than the person folders, so that its identity is unclear.
    #[error(
        "{}: {image} lies deeper than PERSON/IMAGE, so its person is unclear; pass the folder whose folders are the persons",
        path.display()
    )]
    NestedImage {
        /// The folder or archive.
        path: PathBuf,
        /// The image (or, past the depth limit, the folder) inside it.
        image: String,
    },
    /// A file name is not UTF-8, so no manifest or pair list could name it.
    #[error("{}: the name {name} is not UTF-8; rename it", path.display())]
    NotUtf8 {
        /// The folder or archive.
        path: PathBuf,
        /// The name with replacement characters.
        name: String,
    },
    /// Two files carry the same PERSON/IMAGE name.
    #[error(
        "{image} is in {} and in {}: same folder name means same person, so rename one or drop it",
        first.display(), second.display()
    )]
    DuplicateImage {
        /// PERSON/IMAGE.
        image: String,
        /// The source that had it first.
        first: PathBuf,
        /// The source that repeats it (may be the same archive).
        second: PathBuf,
    },

    /// Two sources that both name their persons by number only.
    #[error(
        "{} and {} both call their persons by number, so their numbers would be taken for the same persons; train on one, \
         or turn one into a tar with its own names (data convert)",
        first.display(), second.display()
    )]
    Numbered {
        /// The first such source.
        first: PathBuf,
        /// The second.
        second: PathBuf,
    },
    /// A RecordIO record that can't be used.
    #[error("{}: record {key} at byte {offset}: {fault}", path.display())]
    Record {
        /// The `.rec`.
        path: PathBuf,
        /// The record's key in the index.
        key: u64,
        /// Where the index says that it starts.
        offset: u64,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// A RecordIO index that can't be used.
    #[error("{}: line {line}: {reason}", path.display())]
    RecordIndex {
        /// The `.idx`.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A RecordIO set's `.property` is not three numbers.
    #[error("{}: `{text}` is not `classes,height,width`", path.display())]
    Property {
        /// The `.property`.
        path: PathBuf,
        /// How it starts.
        text: String,
    },
    /// More images and persons than a RecordIO set can count.
    #[error("{}: RecordIO counts in 32-bit floats, so {limit} rows (images and persons) are the most; write a tar", path.display())]
    RecordRows {
        /// The folder that was written to.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A verification set that can't be used, or must not be.
    #[error("{}: byte {offset}: {fault}", path.display())]
    Pickle {
        /// The `.bin`.
        path: PathBuf,
        /// Where the instruction starts.
        offset: u64,
        /// What is wrong with it.
        fault: PickleFault,
    },
    /// A verification set whose two lists do not belong together.
    #[error("{}: {images} images for {pairs} pairs; a verification set has two images a pair, and at least one pair", path.display())]
    VerificationCount {
        /// The `.bin`.
        path: PathBuf,
        /// Images in the first list.
        images: usize,
        /// Flags in the second.
        pairs: usize,
    },
    /// A Parquet file that can't be used.
    #[error("{}: {fault}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ParquetFault,
    },
    /// A result that can't be written.
    #[error(transparent)]
    File(#[from] FileError),

    /// An image file is larger than any photograph of a face.
    #[error("{name}: {bytes} bytes; image files above {limit} bytes are refused")]
    FileTooLarge {
        /// The image.
        name: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The bytes are neither JPEG nor PNG.
    #[error("{name}: neither JPEG nor PNG ({bytes} bytes)")]
    UnknownFormat {
        /// The image.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// The image file ends before its end mark.
    #[error("{name}: the image file is cut off after {bytes} bytes; copy it again or leave it out")]
    TruncatedImage {
        /// The image.
        name: String,
        /// Bytes that are there.
        bytes: usize,
    },
    /// The image file breaks the rules of its format.
    #[error("{name}: the image file is damaged: {reason}")]
    CorruptImage {
        /// The image.
        name: String,
        /// The rule it breaks.
        reason: String,
    },
    /// The image file is valid, but of a kind that is not read (12-bit, arithmetic-coded, ...).
    #[error("{name}: {reason}; convert it to 8-bit RGB")]
    UnsupportedImage {
        /// The image.
        name: String,
        /// The kind.
        reason: String,
    },
    /// A JPEG with four ink channels.
    #[error("{name}: a CMYK JPEG; its colours need a print profile, so convert it to RGB first")]
    Cmyk {
        /// The image.
        name: String,
    },
    /// Decoding the image would take too much memory.
    #[error("{name}: {width}x{height} pixels; images above {limit} pixels are refused")]
    TooManyPixels {
        /// The image.
        name: String,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The limit on their product.
        limit: u64,
    },
    /// An image is not of the network's input size.
    #[error(
        "{name}: {width}x{height} pixels, but the network takes {expected_width}x{expected_height}; align faces by \
         their five landmarks to that size first (they are never resized silently)"
    )]
    WrongSize {
        /// The image.
        name: String,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Columns that the network takes.
        expected_width: usize,
        /// Rows that the network takes.
        expected_height: usize,
    },

    /// Training data shows one person only.
    #[error(
        "only one identity ({name}); ArcFace learns to tell persons apart and needs at least two"
    )]
    OneIdentity {
        /// That person.
        name: String,
    },
    /// Training data shows nobody twice.
    #[error(
        "each of the {identities} identities has one image; ArcFace pulls images of one person together, so at least \
         one person needs two"
    )]
    OneImageEach {
        /// How many persons there are.
        identities: usize,
    },
    /// No whole batch can be made.
    #[error("a batch of {batch} from {images} images: choose a batch between 1 and {images}")]
    BatchSize {
        /// Images a batch.
        batch: usize,
        /// Images in the data set.
        images: usize,
    },

    /// A CSV file is not readable as such.
    #[error("{}: not a readable CSV: {reason}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with its line.
        reason: String,
    },
    /// A CSV file lacks a column.
    #[error("{}: no column `{column}` in its first row", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A manifest's label is not a whole number.
    #[error("{}: line {line}: label `{label}` is not a whole number from 0", path.display())]
    ManifestLabel {
        /// The manifest.
        path: PathBuf,
        /// Line in the file, from 1 (the column names).
        line: u64,
        /// What stands there.
        label: String,
    },
    /// A manifest names a tar (or folder) that was not given.
    #[error("{}: line {line}: `{tar}` is not among the data sources; add it to --data", path.display())]
    ManifestTar {
        /// The manifest.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// The name in column `tar`.
        tar: String,
    },
    /// A manifest names an image that its source does not hold.
    #[error("{}: line {line}: no image `{image}` in {tar}", path.display())]
    ManifestImage {
        /// The manifest.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// The name in column `tar`.
        tar: String,
        /// The name in column `path`.
        image: String,
    },
    /// A manifest names an image twice.
    #[error("{}: line {line}: `{image}` already stands in line {first}", path.display())]
    ManifestRepeats {
        /// The manifest.
        path: PathBuf,
        /// The second line.
        line: u64,
        /// The first line.
        first: u64,
        /// The image.
        image: String,
    },
    /// A manifest has no rows.
    #[error("{}: the manifest names no image", path.display())]
    ManifestEmpty {
        /// The manifest.
        path: PathBuf,
    },

    /// A pair list is of no known kind.
    #[error("{}: neither LFW's pairs.txt (first line: folds and pairs a fold) nor a CSV `fold,a,b,same`", path.display())]
    PairFormat {
        /// The pair list.
        path: PathBuf,
    },
    /// A line of a pair list is not a pair.
    #[error("{}: line {line}: {reason}", path.display())]
    PairSyntax {
        /// The pair list.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// LFW's pair list has another number of pairs than its first line says.
    #[error("{}: {found} pairs, but its first line promises {expected}", path.display())]
    PairCount {
        /// The pair list.
        path: PathBuf,
        /// Pairs by the first line.
        expected: usize,
        /// Pairs in the file.
        found: usize,
    },
    /// A verification set's pairs are asked for, but its images are not in the data.
    #[error("{}: it holds its own images, but {image} is not in the data: give it as the data too, or no data", path.display())]
    PairsElsewhere {
        /// The `.bin`.
        path: PathBuf,
        /// The first image that is not there.
        image: String,
    },
    /// A verification set is to be written, but nobody said which pairs.
    #[error("a verification set (.bin) is made of pairs: say which with --pairs")]
    NoPairs,
    /// A pair names an image that the data does not hold.
    #[error("{}: line {line}: no image `{image}` in the data", path.display())]
    PairImage {
        /// The pair list.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// PERSON/IMAGE.
        image: String,
    },
}

impl DataError {
    /// The error for a path that the system would not open or read.
    pub(super) fn from_io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Io { path, error },
        }
    }

    /// The error for a path that the system would not write.
    pub(super) fn writing(path: &Path, error: io::Error) -> Self {
        Self::File(FileError::new("write", path, error))
    }
}
