//! Whoever is enrolled or removed by another process while the door runs.

use super::Inbox;
use crate::hub::{Change, Hub};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Proposes what `load` gives to the loop whenever another file than that of `last`, a [`state`], is at `path`, until `inbox` is stopped. If it
/// can't be loaded, the door goes on with the people in its memory, and that is tried again.
///
/// # Errors
/// There is no thread to be had.
pub fn follow(
    path: PathBuf,
    mut last: Option<[i64; 4]>,
    inbox: Inbox,
    hub: Hub,
    load: impl Fn() -> Result<Change, String> + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new().name("people".to_owned()).spawn(move || {
        let mut failed = false;
        while !inbox.rest(EVERY) {
            let now = state(&path);
            if now == last && !failed {
                continue;
            }
            match load() {
                Ok(change) => {
                    eprintln!(
                        "the enrolled people were changed: {} templates",
                        change.roster.templates()
                    );
                    hub.propose(change);
                    failed = false;
                }
                Err(error) if failed && now == last => drop(error),
                Err(error) => {
                    eprintln!("the door goes on with the people that it knows: {error}");
                    failed = true;
                }
            }
            last = now;
        }
    })?;
    Ok(())
}

/// What tells a file from the one before it: a store is replaced whole. To be asked before the people are read, so that no change
/// in between is missed.
pub fn state(path: &Path) -> Option<[i64; 4]> {
    let file = std::fs::metadata(path).ok()?;
    Some([file.ino().cast_signed(), file.size().cast_signed(), file.mtime(), file.mtime_nsec()])
}
