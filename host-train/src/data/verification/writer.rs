//! Writes a verification set that InsightFace's `pickle.load(file, encoding='bytes')` reads.
//!
//! Protocol 3, the first with byte strings of its own: no import, no call, no memo.

use std::io::Write;
use std::path::Path;

use crate::data::DataError;

/// Writes pairs to `out`: `image(i)` gives image file `i` of two a pair, `same` whether a pair shows one person.
///
/// `path` stands in errors.
pub(crate) fn write(
    out: &mut impl Write,
    path: &Path,
    same: &[bool],
    mut image: impl FnMut(usize) -> Result<Vec<u8>, DataError>,
) -> Result<(), DataError> {
    let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(|e| DataError::writing(path, e));
    put(b"\x80\x03](")?;
    for index in 0..2 * same.len() {
        let file = image(index)?;
        put(b"B")?;
        // Sources refuse image files above 64 MiB.
        put(&(file.len() as u32).to_le_bytes())?;
        put(&file)?;
    }
    put(b"e](")?;
    let flags: Vec<u8> = same.iter().map(|&same| if same { 0x88 } else { 0x89 }).collect();
    put(&flags)?;
    put(b"e\x86.")
}
