//! InsightFace's RecordIO sets: `train.rec`, `train.idx` and `train.property`, as MXNet packs them.
//!
//! ```text
//! .idx       lines `key TAB offset`, one a record
//! .property  `classes,height,width`
//! .rec       record: 0xced7230a u32 | part << 29 | length u32 | payload, padded to 4 bytes
//!            payload: flag u32 | label f32 | id u64 | id2 u64 | flag x f32 | image file
//!
//! key 0      header: flag 2, [first identity key, end], no image
//! key 1 ..   one record an image
//! then       one record an identity: flag 2, [its first image's key, end], no image
//! ```
//!
//! So 20,000 images of 9,980 persons are 29,981 rows. Packs without the header and identity rows exist too; then every
//! record's own header says whose image it is. Opening reads the index and, of the records, headers only; an image is one
//! seek and one read, and its label is checked then. A set names persons by number: `0012/0000345` is the image of
//! person 12 with key 345.

mod frame;
mod header;
mod index;
mod writer;

pub(super) use frame::RecordFile;
pub use header::RecordFault;
pub(super) use index::{Entry, list};
pub use index::{Property, Rows};
pub(super) use writer::RecordWriter;

#[cfg(test)]
mod tests;
