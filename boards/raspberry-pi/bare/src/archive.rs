//! The RAM disk: a tar archive in memory, read in place. Any `tar` makes one; short names, no links, no sparse files.
//!
//! ```text
//! | header 512 | content, filled up to 512 | header 512 | content .. | 512 zeros |
//!   name 0..100, size 124..136 in octal, checksum 148..156, type 156, magic 257..262
//! ```
//!
//! Content starts at a multiple of 512 bytes from the archive's start, so a model in it is aligned as its format asks.

use core::ops::Range;

const UNIT: usize = 512;
const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: Range<usize> = 257..262;

/// A file of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its path, without `./` before it.
    pub name: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
}

/// Why memory holds no whole archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveError {
    /// No header of a tar archive, or one that was damaged.
    Header {
        /// Where it should be, in bytes from the start.
        at: usize,
    },
    /// A file ends behind the memory.
    Length {
        /// Where its header lies, in bytes from the start.
        at: usize,
        /// Bytes that it says to have.
        size: usize,
    },
}

impl core::fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Header { at } => {
                write!(f, "no tar header {at} bytes into the RAM disk: was it loaded, and whole?")
            }
            Self::Length { at, size } => {
                write!(
                    f,
                    "the file {at} bytes into the RAM disk has {size} bytes, more than there are"
                )
            }
        }
    }
}

/// An archive whose headers were all checked.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a>(&'a [u8]);

impl<'a> Archive<'a> {
    /// Checks every header up to the end of the archive, which `memory` may reach beyond.
    ///
    /// # Errors
    /// [`ArchiveError`], of the first header that is none.
    pub fn new(memory: &'a [u8]) -> Result<Self, ArchiveError> {
        let mut at = 0;
        while let Some((_, next)) = read(memory, at)? {
            at = next;
        }
        // Memory that nobody wrote to is no archive of no files.
        if at == 0 { Err(ArchiveError::Header { at }) } else { Ok(Self(memory)) }
    }

    /// Its files, in the order of the archive.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let (memory, mut at) = (self.0, 0);
        core::iter::from_fn(move || {
            loop {
                let (entry, next) = read(memory, at).ok()??;
                at = next;
                if entry.is_some() {
                    return entry;
                }
            }
        })
    }

    /// The file of this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&'a [u8]> {
        self.entries().find(|entry| entry.name == name).map(|entry| entry.content)
    }
}

/// A file, `None` for a folder, and where the next header lies.
type Read<'a> = (Option<Entry<'a>>, usize);

/// What lies at `at`; `None` at the end of the archive.
fn read(memory: &[u8], at: usize) -> Result<Option<Read<'_>>, ArchiveError> {
    let broken = ArchiveError::Header { at };
    let header = memory.get(at..).and_then(<[u8]>::first_chunk::<UNIT>).ok_or(broken)?;
    if header.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    let field = |range| header.get(range).unwrap_or_default();
    if field(MAGIC) != b"ustar" || octal(field(CHECKSUM)) != Some(checksum(header)) {
        return Err(broken);
    }
    let size = octal(field(SIZE)).ok_or(broken)?;
    let too_long = ArchiveError::Length { at, size };
    let content = memory.get(at + UNIT..).and_then(|rest| rest.get(..size)).ok_or(too_long)?;
    let name = field(NAME).split(|&byte| byte == 0).next().unwrap_or_default();
    let name = str::from_utf8(name).map_err(|_| broken)?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let is_file = matches!(header.get(KIND), Some(b'0' | 0));
    let next = at + UNIT + size.next_multiple_of(UNIT);
    Ok(Some((is_file.then_some(Entry { name, content }), next)))
}

/// The sum of the header's bytes, its own field counted as spaces.
fn checksum(header: &[u8; UNIT]) -> usize {
    let counted = |(at, &byte)| if CHECKSUM.contains(&at) { b' ' } else { byte };
    header.iter().enumerate().map(counted).map(usize::from).sum()
}

/// Octal digits up to a space or zero; spaces may come first.
fn octal(field: &[u8]) -> Option<usize> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|&byte| byte == 0 || byte == b' ').unwrap_or(digits.len());
    let digits = digits.get(..end).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_usize, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit < 8)?;
        value.checked_mul(8)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of files, each a name and content, as POSIX describes it.
    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in files {
            let mut header = [0; UNIT];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[SIZE].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
            header[KIND] = if name.ends_with('/') { b'5' } else { b'0' };
            header[MAGIC].copy_from_slice(b"ustar");
            header[CHECKSUM].fill(b' ');
            let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
            header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(UNIT), 0);
        }
        bytes.resize(bytes.len() + 2 * UNIT, 0);
        bytes
    }

    #[test]
    fn files_are_found_by_name_behind_folders_and_empty_ones() {
        let bytes = archive(&[
            ("./", b""),
            ("./bench", b""),
            ("frames/", b""),
            ("frames/1.ppm", &[7; 513]),
        ]);
        let archive = Archive::new(&bytes).unwrap();
        let names: Vec<_> = archive.entries().map(|entry| entry.name).collect();
        assert_eq!(names, ["bench", "frames/1.ppm"]);
        assert_eq!(archive.file("frames/1.ppm"), Some(&[7; 513][..]));
        assert_eq!(archive.file("bench"), Some(&[][..]));
        assert_eq!(archive.file("frames/2.ppm"), None);
    }

    #[test]
    fn content_is_aligned_to_512() {
        let bytes = archive(&[("a", &[1; 700]), ("b", &[2; 1])]);
        let archive = Archive::new(&bytes).unwrap();
        let offset = archive.file("b").unwrap().as_ptr().addr() - bytes.as_ptr().addr();
        assert_eq!(offset, 512 + 1024 + 512);
    }

    #[test]
    fn rejects_a_header_that_is_none_or_damaged() {
        assert_eq!(Archive::new(&[]).unwrap_err(), ArchiveError::Header { at: 0 });
        assert_eq!(Archive::new(&[0xA5; 2048]).unwrap_err(), ArchiveError::Header { at: 0 });
        assert_eq!(Archive::new(&[0; 2048]).unwrap_err(), ArchiveError::Header { at: 0 });
        let whole = archive(&[("a", b"1"), ("b", b"2")]);
        for bit in 0..UNIT * 8 {
            let mut damaged = whole.clone();
            damaged[1024 + bit / 8] ^= 1 << (bit % 8);
            let second = Archive::new(&damaged).map(|archive| archive.file("b"));
            // A flipped bit of the checksum's filling is none of a header.
            assert!(second.is_err() || second == Ok(Some(&b"2"[..])), "bit {bit}");
        }
        assert!(Archive::new(&whole[..1024]).is_err(), "no end");
    }

    #[test]
    fn rejects_a_file_longer_than_the_memory() {
        let bytes = archive(&[("a", &[1; 2000])]);
        let error = Archive::new(&bytes[..2511]).unwrap_err();
        assert_eq!(error, ArchiveError::Length { at: 0, size: 2000 });
    }
}
