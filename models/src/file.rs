//! A model file in memory of its own, for hosts and boards that load it from a file system.

use core::fmt;
use std::vec::Vec;

use crate::error::FormatError;
use crate::view::ModelView;

/// Alignment of the copy: a cache line, so that weights are aligned in memory as they are in the file.
const ALIGN: usize = 64;

/// An owned, checked model file whose bytes start at a multiple of 64.
pub struct ModelFile {
    /// The file from `start` on, after bytes that only align it. Never grows, so its address stays.
    storage: Vec<u8>,
    start: usize,
}

impl ModelFile {
    /// Copies `bytes` to an aligned place and checks them there.
    ///
    /// # Errors
    /// As [`ModelView::parse`], except [`FormatError::FileMisaligned`], which cannot happen.
    pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Result<Self, FormatError> {
        let bytes = bytes.as_ref();
        let mut storage = Vec::<u8>::with_capacity(bytes.len().saturating_add(ALIGN));
        let past = storage.as_ptr().addr() & (ALIGN - 1);
        let start = if past == 0 { 0 } else { ALIGN.saturating_sub(past) };
        storage.resize(start, 0);
        storage.extend_from_slice(bytes);
        let file = Self { storage, start };
        ModelView::parse(file.bytes())?;
        Ok(file)
    }

    /// The checked view.
    #[must_use]
    pub fn view(&self) -> ModelView<'_> {
        ModelView::open(self.bytes()).expect("`from_bytes` has parsed the same bytes")
    }

    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.storage.get(self.start..).unwrap_or_default()
    }
}

impl fmt::Debug for ModelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelFile").field(&self.view()).finish()
    }
}
