//! How often the door refused, kept over a restart: switching it off is no way around a pause.

use crate::disk::Disk;
use std::io::{self, ErrorKind};

const NAME: &str = "refusals";
const NEW: &str = "refusals.new";

/// The number on `disk`, 0 if there is none. What is no number was damaged or written by somebody else: it counts as `damaged`.
///
/// # Errors
/// The disk can't be read.
pub fn load<D: Disk>(disk: &D, damaged: u32) -> io::Result<u32> {
    match disk.read(NAME, 0) {
        Ok(bytes) => {
            let text = core::str::from_utf8(&bytes).ok();
            Ok(text.and_then(|text| text.trim_end().parse().ok()).unwrap_or(damaged))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Puts `refusals` in the place of what is there; the old or the new number is there after a power cut.
///
/// # Errors
/// The disk fails.
pub fn save<D: Disk>(disk: &D, refusals: u32) -> io::Result<()> {
    let mut file = match disk.create(NEW) {
        // Of a try that was cut off.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => disk.open(NEW, 0)?,
        created => created?,
    };
    disk.write(&mut file, format!("{refusals}\n").as_bytes())?;
    disk.sync(&mut file)?;
    disk.rename(NEW, NAME)?;
    disk.sync_folder()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Folder;

    #[test]
    fn the_last_number_is_there_after_a_restart() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("log");
        let folder = Folder::lock(&path).unwrap();
        assert_eq!(load(&folder, 4).unwrap(), 0);
        for refusals in [1, 5, 12, 0, 3] {
            save(&folder, refusals).unwrap();
        }
        drop(folder);
        let folder = Folder::lock(&path).unwrap();
        assert_eq!(load(&folder, 4).unwrap(), 3);
        folder.create(NEW).unwrap();
        save(&folder, 9).unwrap();
        assert_eq!(load(&folder, 4).unwrap(), 9);
    }

    #[test]
    fn what_is_no_number_costs_a_pause() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::lock(&parent.path().join("log")).unwrap();
        folder.create(NAME).unwrap();
        assert_eq!(load(&folder, 4).unwrap(), 4);
    }
}
