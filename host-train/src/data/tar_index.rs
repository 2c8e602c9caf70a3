//! Finds the images of an uncompressed tar archive and where their bytes lie.
//!
//! The archive is walked once, header to header, without reading the images; afterwards an image is one seek and one
//! read. Nothing is unpacked, so a name can harm nobody: `.` and empty parts are dropped and `..` takes a part back.
//! Entries other than regular files are passed over.
//!
//! ```text
//! [header 512][data, padded to 512] ... [512 zeros][512 zeros]
//!             ^offset    ^offset + length
//! ```

use std::fs::File;
use std::path::Path;

use tar::Archive;

use super::DataError;
use super::listing::{Found, Place, Span, is_hidden, is_image};

/// Headers and data start at multiples of this many bytes.
const BLOCK: u64 = 512;

/// Lists every image of the archive at `path`, in the archive's order.
pub(super) fn list(path: &Path) -> Result<Vec<Found>, DataError> {
    let refuse = |error| DataError::from_io(path, error);
    let file = File::open(path).map_err(refuse)?;
    let length = file.metadata().map_err(refuse)?.len();
    let truncated =
        |reason: String| DataError::TruncatedTar { path: path.to_owned(), length, reason };
    let mut archive = Archive::new(file);
    let mut found = Vec::new();
    // Where the next header must start.
    let mut next = 0;
    let entries =
        archive.entries_with_seek().map_err(|error| not_a_tar(path, error.to_string()))?;
    for entry in entries {
        let entry = entry.map_err(|error| match next {
            0 => not_a_tar(path, error.to_string()),
            _ if length < next + BLOCK => truncated("inside a header".to_owned()),
            offset => {
                DataError::CorruptTar { path: path.to_owned(), offset, reason: error.to_string() }
            }
        })?;
        let raw = entry.path_bytes();
        let span = Span { offset: entry.raw_file_position(), length: entry.size() };
        let end = span.offset.saturating_add(span.length);
        if end > length {
            let missing = end - length;
            let name = String::from_utf8_lossy(&raw);
            return Err(truncated(format!("{missing} bytes of {name} are missing")));
        }
        next = end.next_multiple_of(BLOCK);
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = str::from_utf8(&raw).map_err(|_| DataError::NotUtf8 {
            path: path.to_owned(),
            name: String::from_utf8_lossy(&raw).into_owned(),
        })?;
        let parts = parts(name);
        if parts.last().is_some_and(|last| is_image(last))
            && !parts.iter().any(|part| is_hidden(part))
        {
            found.push(Found { name: parts.join("/"), place: Place::Span(span) });
        }
    }
    if length == 0 {
        return Err(not_a_tar(path, "an empty file".to_owned()));
    }
    // An archive cut exactly between two entries is seen by its missing end mark only.
    if length < next + BLOCK {
        return Err(truncated("its end mark is missing".to_owned()));
    }
    Ok(found)
}

/// The parts of a name, without `.`, `..` and empty ones.
fn parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

fn not_a_tar(path: &Path, reason: String) -> DataError {
    DataError::NotATar { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests;
