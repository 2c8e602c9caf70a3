//! The audit log on a real folder.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

mod files;
mod reports;

use door_linux::audit::{Audit, BootId, Event, Kind, Limits, Log, Moment, Rate, Recorded, Size};
use door_linux::disk::Folder;
use door_linux::store::PersonId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BOOT: BootId = BootId([9; 16]);
const NOW: u64 = 1_764_190_800_000;

const SMALL: Limits = Limits {
    kept: Size { file_bytes: 2_000, files: 3 },
    routine: Size { file_bytes: 2_000, files: 3 },
    rate: Rate { burst: 60, each_ms: 30_000 },
};

struct Door {
    _folder: tempfile::TempDir,
    path: PathBuf,
    disk: Arc<Folder>,
}

impl Door {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door");
        let disk = Arc::new(Folder::lock(&path).unwrap());
        Self { _folder: folder, path, disk }
    }

    fn open(&self, limits: Limits) -> Audit<Arc<Folder>> {
        Audit::open(self.disk.clone(), limits, BOOT, at(0)).unwrap()
    }

    fn log(&self) -> Log {
        Log::read(&self.disk).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<String>)) {
        let text = std::fs::read_to_string(self.file(name)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        edit(&mut lines);
        std::fs::write(self.file(name), lines.join("\n") + "\n").unwrap();
    }
}

fn at(ms: u64) -> Moment {
    Moment { utc_ms: NOW + ms, mono_ms: ms }
}

fn granted(person: u32) -> Event {
    Event::new(Kind::Granted).person(PersonId(person)).cosine(0.75)
}

fn refused(why: &str) -> Event {
    Event::new(Kind::Refused).reason(why)
}

fn seq(recorded: Recorded) -> u64 {
    match recorded {
        Recorded::Written { seq } => seq,
        other => panic!("{other:?}"),
    }
}

fn size(path: &Path, name: &str) -> u64 {
    let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap());
    let ours = files.filter(|file| file.file_name().to_str().unwrap().starts_with(name));
    ours.map(|file| file.metadata().unwrap().len()).sum()
}
