//! A relay that is none: a file with every change of level, for demonstrations and for tests of whole processes.
//!
//! ```text
//! {"mono_ms":81234,"unlocked":true}     milliseconds of the clock that all processes of a boot share
//! ```

use super::{Bolt, Relay};
use crate::run::clock;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The relay. The log may be of several processes, one after the other: each begins with the level that it found nobody else to hold.
#[derive(Debug)]
pub struct EdgeLog(Arc<Mutex<Written>>);

#[derive(Debug)]
struct Written {
    file: Option<File>,
    last: Option<Bolt>,
}

/// A change of level, as it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedEdge {
    /// When.
    pub mono_ms: u64,
    /// Whether the lock was released.
    pub unlocked: bool,
}

impl EdgeLog {
    /// Appends to the file at `path`; logs nowhere if it is empty.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn open(path: &Path) -> io::Result<[Self; 2]> {
        let file = match path.as_os_str().is_empty() {
            true => None,
            false => Some(File::options().append(true).create(true).open(path)?),
        };
        let written = Arc::new(Mutex::new(Written { file, last: None }));
        Ok([Self(Arc::clone(&written)), Self(written)])
    }
}

impl Relay for EdgeLog {
    fn set(&mut self, bolt: Bolt) -> io::Result<()> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.last == Some(bolt) {
            return Ok(());
        }
        let edge = LoggedEdge { mono_ms: clock::now_ms(), unlocked: bolt == Bolt::Unlocked };
        if let Some(file) = &mut written.file {
            // In one call, so that lines of two processes do not mix.
            file.write_all(format!("{}\n", serde_json::to_string(&edge)?).as_bytes())?;
        }
        written.last = Some(bolt);
        Ok(())
    }
}

/// The edges in the file at `path`. A last line that is being written is left out.
///
/// # Errors
/// It can't be read, or a whole line is no edge.
pub fn read_edges(path: &Path) -> io::Result<Vec<LoggedEdge>> {
    let text = std::fs::read_to_string(path)?;
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_handles_write_one_log_of_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edges");
        let [mut own, mut spare] = EdgeLog::open(&path).unwrap();
        for bolt in [Bolt::Locked, Bolt::Unlocked, Bolt::Unlocked] {
            own.set(bolt).unwrap();
        }
        spare.set(Bolt::Locked).unwrap();
        own.set(Bolt::Locked).unwrap();
        let levels: Vec<bool> =
            read_edges(&path).unwrap().iter().map(|edge| edge.unlocked).collect();
        assert_eq!(levels, [false, true, false]);
    }

    #[test]
    fn without_a_file_nothing_is_written() {
        let [mut own, _] = EdgeLog::open(Path::new("")).unwrap();
        own.set(Bolt::Unlocked).unwrap();
    }
}
