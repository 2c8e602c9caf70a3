//! What of a program lies in flash: the loadable segments of a 32-bit Arm ELF file, at the addresses where they are stored.
//!
//! ```text
//!  0      16     18       28        32        42       44
//!  | id   | type | machine| ..phoff | ..      | phsize | phnum | ..
//!  | type | offset | vaddr | paddr | filesz | memsz | ..          one of `phnum` program headers, 32 bytes, little endian
//! ```

use super::Run;

const LOAD: u32 = 1;
const ARM: u16 = 40;

/// Why a file is no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElfError {
    /// Another kind of file, or for another kind of processor.
    #[error("it is no 32-bit Arm program")]
    NotArm,
    /// It ends before what it says of itself.
    #[error("it is cut short")]
    Short,
    /// Nothing of it would be written.
    #[error("it has nothing to load")]
    Empty,
}

/// The bytes to write, in the order of the file.
pub(super) fn runs(file: &[u8]) -> Result<Vec<Run>, ElfError> {
    if !file.starts_with(b"\x7fELF\x01\x01") || half(file, 18)? != ARM {
        return Err(ElfError::NotArm);
    }
    let (headers, size, count) = (word(file, 28)? as usize, half(file, 42)?, half(file, 44)?);
    let mut runs = Vec::new();
    for index in 0..usize::from(count) {
        let at = index.checked_mul(size.into()).and_then(|past| headers.checked_add(past));
        let header = at.and_then(|at| file.get(at..)).ok_or(ElfError::Short)?;
        let [kind, offset, _, address, bytes] =
            [0, 4, 8, 12, 16].map(|field| word(header, field).ok()).map(Option::unwrap_or_default);
        if header.len() < 32 {
            return Err(ElfError::Short);
        }
        if kind == LOAD && bytes > 0 {
            let bytes = file.get(offset as usize..).and_then(|rest| rest.get(..bytes as usize));
            runs.push(Run { address, bytes: bytes.ok_or(ElfError::Short)?.to_vec() });
        }
    }
    if runs.is_empty() { Err(ElfError::Empty) } else { Ok(runs) }
}

fn half(bytes: &[u8], at: usize) -> Result<u16, ElfError> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(ElfError::Short)?;
    Ok(u16::from_le_bytes(*field))
}

fn word(bytes: &[u8], at: usize) -> Result<u32, ElfError> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(ElfError::Short)?;
    Ok(u32::from_le_bytes(*field))
}

#[cfg(test)]
pub(in crate::flash) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A file with these segments: type, address, bytes, bytes in memory.
    pub(in crate::flash) fn file(segments: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(52, 0);
        file[18] = 40;
        file[28] = 52;
        (file[42], file[44]) = (32, segments.len() as u8);
        let mut data = Vec::new();
        for (kind, address, bytes) in segments {
            let offset = 52 + 32 * segments.len() + data.len();
            let len = bytes.len() as u32;
            for field in [*kind, offset as u32, 0x2000_0000, *address, len, len + 8, 5, 4] {
                file.extend(field.to_le_bytes());
            }
            data.extend_from_slice(bytes);
        }
        [file, data].concat()
    }

    #[test]
    fn what_is_loaded_lies_where_it_is_stored() {
        let file = file(&[
            (1, 0x1000_0000, b"vectors"),
            (7, 0x1000_0100, b"x"),
            (1, 0x1000_0200, b"code"),
            (1, 0x2000_0000, b""),
        ]);
        let found = runs(&file).unwrap();
        let run = |address, bytes: &[u8]| Run { address, bytes: bytes.to_vec() };
        assert_eq!(found, [run(0x1000_0000, b"vectors"), run(0x1000_0200, b"code")]);
    }

    #[test]
    fn rejects_other_files() {
        let good = file(&[(1, 0x1000_0000, b"code")]);
        assert_eq!(runs(b"MZ"), Err(ElfError::NotArm));
        for (at, byte) in [(4, 2), (5, 2), (18, 0xb7)] {
            let mut other = good.clone();
            other[at] = byte;
            assert_eq!(runs(&other), Err(ElfError::NotArm), "{at}");
        }
        for len in 20..good.len() {
            assert_eq!(runs(&good[..len]), Err(ElfError::Short), "{len}");
        }
        assert_eq!(runs(&file(&[(1, 5, b""), (4, 5, b"x")])), Err(ElfError::Empty));
        let mut far = good.clone();
        far[28..32].fill(0xff);
        assert_eq!(runs(&far), Err(ElfError::Short));
    }
}
