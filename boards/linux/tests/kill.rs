//! Killed at random moments, 200 times over one folder: what a process said was done is there for the next one, and nothing else by half.
//!
//! This test starts itself as the process to be killed. That one enrols, renames, removes and records in a loop, and writes a line
//! when something is done. (A killed process loses no written data, only a power cut does that: see `power_cuts`.)
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

use door_linux::audit::{Audit, BootId, Event, Kind, Limits, Log, Moment, Rate, Recorded, Size};
use door_linux::disk::Folder;
use door_linux::store::{
    NewTemplate, PersonId, PreprocessingId, Profile, Source, Store, StoreError, StoreKey,
};
use edge_infer::matching::Template;
use model_format::ModelId;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 200;
const FOLDER: &str = "DOOR_KILL_TEST_FOLDER";
const NOW: Moment = Moment { utc_ms: 1_764_190_800_000, mono_ms: 1 };

/// Small enough that files follow each other; long enough that nothing acknowledged is old.
const LIMITS: Limits = Limits {
    kept: Size { file_bytes: 4_000, files: 1_000 },
    routine: Size { file_bytes: 4_000, files: 1_000 },
    rate: Rate { burst: 60, each_ms: 30_000 },
};

fn key(folder: &Path) -> StoreKey {
    StoreKey::from_file(&folder.join("key")).unwrap()
}

/// A template that tells whose it is.
fn face(of: u32) -> Template<32> {
    let values: [f32; 32] = core::array::from_fn(|i| if of >> i & 1 == 1 { 1.0 } else { -1.0 });
    Template::from_embedding(&values, ModelId([7; 16])).unwrap()
}

fn named(name: &str) -> Profile {
    Profile { name: name.to_owned(), ..Profile::default() }
}

#[test]
#[ignore = "the process that the other test kills"]
fn the_killed() {
    let folder = std::env::var_os(FOLDER).expect("only the other test starts this one");
    let folder = Path::new(&folder);
    // The one before may not be gone yet.
    let until = Instant::now() + Duration::from_secs(10);
    let disk = loop {
        match Folder::lock(&folder.join("door")) {
            Ok(disk) => break Arc::new(disk),
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    let mut store = match Store::open(disk.clone(), key(folder)) {
        Err(StoreError::Missing) => Store::create(disk.clone(), key(folder)),
        opened => opened,
    }
    .unwrap();
    let mut audit = Audit::open(disk, LIMITS, BootId([1; 16]), NOW).unwrap();
    let mut out = std::io::stdout();
    let mut said =
        |line: String| out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
    loop {
        let next = store.people().iter().map(|person| person.id.0).max().unwrap_or(0) + 1;
        let face = face(next);
        let new = NewTemplate {
            template: face.as_ref(),
            preprocessing: PreprocessingId([3; 16]),
            source: Source::Camera,
        };
        let id = store.change(|p| p.enrol(named("New"), &[new], 0)).unwrap();
        said(format!("ack enrolled {id}\n"));
        let Recorded::Written { seq } = audit.append(Event::new(Kind::Enrolled).person(id), NOW)
        else {
            panic!("{:?}", audit.health());
        };
        said(format!("ack recorded {seq}\n"));
        store.change(|p| p.set_profile(id, named(&format!("Person {id}")))).unwrap();
        said(format!("ack renamed {id}\n"));
        if store.people().iter().len() > 8 {
            let oldest = store.people().iter().next().unwrap().id;
            said(format!("ack removing {oldest}\n"));
            store.change(|p| p.remove(oldest)).unwrap();
            said(format!("ack removed {oldest}\n"));
        }
    }
}

/// What the killed said, over all rounds.
#[derive(Default)]
struct Said {
    /// Whether each person's last name is safe, too.
    there: BTreeMap<u32, bool>,
    /// Whose removal was begun and may be done.
    removing: Option<u32>,
    highest: u32,
    recorded: Vec<u64>,
    lines: usize,
}

impl Said {
    fn hear(&mut self, line: &str) {
        // The first one stands behind what the test harness prints.
        let Some((_, ack)) = line.split_once("ack ") else {
            return;
        };
        self.lines += 1;
        let (what, number) = ack.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let id = number as u32;
        match what {
            "recorded" => self.recorded.push(number),
            "enrolled" => {
                assert!(id > self.highest, "id {id} was given twice");
                self.highest = id;
                self.there.insert(id, false);
            }
            "renamed" => drop(self.there.insert(id, true)),
            "removing" => self.removing = Some(id),
            "removed" => {
                self.removing = None;
                self.there.remove(&id);
            }
            other => panic!("{other}"),
        }
    }

    /// Holds what is there against what was said, and takes over what was done but not said.
    fn check(&mut self, store: &Store<Arc<Folder>>) -> usize {
        let mut unsaid = 0;
        for (&id, &renamed) in &self.there {
            let Some(person) = store.people().get(PersonId(id)) else {
                assert_eq!(self.removing, Some(id), "person {id} is lost");
                unsaid += 1;
                continue;
            };
            let name = person.profile.name.as_str();
            assert!(name == format!("Person {id}") || (!renamed && name == "New"), "{id}: {name}");
            assert_eq!(person.templates.len(), 1);
            assert_eq!(person.templates[0].values, face(id).values());
        }
        for person in store.people().iter().filter(|p| !self.there.contains_key(&p.id.0)) {
            // At most the one that was being enrolled.
            assert!(person.id.0 == self.highest + 1 && person.profile.name == "New");
            assert_eq!(person.templates[0].values, face(person.id.0).values());
            unsaid += 1;
        }
        let people = store.people().iter();
        self.there = people.map(|p| (p.id.0, p.profile.name != "New")).collect();
        self.highest = self.highest.max(self.there.keys().copied().max().unwrap_or(0));
        self.removing = None;
        unsaid
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    StoreKey::create_file(&folder.path().join("key")).unwrap();
    let (mut said, mut unsaid, mut torn) = (Said::default(), 0, 0);
    let mut silent = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // From before it begins to after some dozen changes; the golden ratio spreads the moments evenly.
        let share = (f64::from(round) * 0.618_033_988_749_895).fract();
        std::thread::sleep(Duration::from_secs_f64(0.12 * share));
        child.kill().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        assert!(!child.wait().unwrap().success());
        let before = said.lines;
        out.lines().for_each(|line| said.hear(&line.unwrap()));
        silent += u32::from(said.lines == before);

        let disk = Arc::new(Folder::lock(&folder.path().join("door")).unwrap());
        match Store::open(disk.clone(), key(folder.path())) {
            Ok(store) => unsaid += said.check(&store),
            Err(StoreError::Missing) => assert_eq!(said.lines, 0),
            Err(error) => panic!("{error}"),
        }
        let log = Log::read(&disk).unwrap();
        torn += log.chains.iter().filter(|chain| chain.torn).count();
        assert_eq!(log.breaks().next(), None);
        let there: Vec<u64> = log.entries.iter().map(|entry| entry.head.seq).collect();
        for seq in &said.recorded {
            assert!(there.binary_search(seq).is_ok(), "record {seq} is lost");
        }
    }
    let Said { highest, lines, recorded, .. } = said;
    println!(
        "{ROUNDS} kills, {silent} before the first change; {lines} acknowledgements, {highest} people, {} records; \
         {unsaid} changes done and not said, {torn} records torn",
        recorded.len()
    );
    assert!(lines > 200 && silent < ROUNDS / 2, "it was killed too soon: {lines} lines");
}
