//! Files that the emulator lends, read once into the board's large memory. On a board that is none of QEMU's they are in flash.

use core::ffi::CStr;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use semihosting::fs::{self, File};
use semihosting::io::Read as _;

use crate::Board;

/// Longest name of a file.
const NAME: usize = 64;

/// Bytes of the large memory that are given out, from its start.
static USED: AtomicUsize = AtomicUsize::new(0);

/// The large memory.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    start: usize,
    bytes: usize,
}

/// Why a file was not read.
#[derive(Debug)]
pub enum FileError {
    /// Its name is longer than 63 bytes.
    Name,
    /// It is not there, or cannot be read.
    Io(semihosting::io::Error),
    /// It is larger than the memory that is left.
    Memory {
        /// Bytes of the file.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "a name of more than {} bytes", NAME - 1),
            Self::Io(error) => write!(f, "{error}"),
            Self::Memory { needed, left } => write!(f, "{needed} bytes, {left} are left"),
        }
    }
}

impl Store {
    /// The board's.
    pub fn new(board: &Board) -> Self {
        Self { start: board.memory, bytes: board.memory_bytes }
    }

    /// Memory for `bytes`, at a multiple of 64, with whatever is in it.
    ///
    /// # Errors
    /// [`FileError::Memory`].
    pub fn take(&self, bytes: usize) -> Result<&'static mut [u8], FileError> {
        let used = USED.load(Ordering::Relaxed);
        let left = self.bytes - used;
        let whole = bytes.checked_next_multiple_of(64).filter(|whole| *whole <= left);
        let whole = whole.ok_or(FileError::Memory { needed: bytes, left })?;
        USED.store(used + whole, Ordering::Relaxed);
        let start = core::ptr::with_exposed_provenance_mut(self.start + used);
        // SAFETY: the board has this memory, the linker puts nothing there, and no part of it is given out twice. Any content is u8s.
        Ok(unsafe { core::slice::from_raw_parts_mut(start, bytes) })
    }

    /// The whole file of this name.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(&self, name: &str) -> Result<&'static mut [u8], FileError> {
        let mut terminated = [0; NAME];
        let mut file = File::open(c_name(name, &mut terminated)?).map_err(FileError::Io)?;
        let length = file.metadata().map_err(FileError::Io)?.len();
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        file.read_exact(bytes).map_err(FileError::Io)?;
        Ok(bytes)
    }
}

/// A line of words in the file of this name, which then is gone; `None` if there is no such file.
///
/// # Errors
/// [`FileError`].
pub fn take_line<'a>(name: &str, line: &'a mut [u8]) -> Result<Option<&'a str>, FileError> {
    let mut terminated = [0; NAME];
    let name = c_name(name, &mut terminated)?;
    let Ok(mut file) = File::open(name) else { return Ok(None) };
    let length = file.read(line).map_err(FileError::Io)?;
    drop(file);
    fs::remove_file(name).map_err(FileError::Io)?;
    let text = line.get(..length).and_then(|line| core::str::from_utf8(line).ok());
    Ok(Some(text.unwrap_or_default().trim_end()))
}

/// The name as the emulator wants it.
fn c_name<'a>(name: &str, terminated: &'a mut [u8; NAME]) -> Result<&'a CStr, FileError> {
    let place = terminated[..NAME - 1].get_mut(..name.len()).ok_or(FileError::Name)?;
    place.copy_from_slice(name.as_bytes());
    CStr::from_bytes_until_nul(terminated).map_err(|_| FileError::Name)
}
