//! People enrolled and removed as the pages do it, on photographs of real people: the pictures, the store, the log and what the loop is
//! handed. Ignored unless asked for, as `replay_faces` is:
//!
//! ```text
//! DOOR_MODELS=DIR cargo test -p door-linux --test office_faces -- --ignored
//! ```
#![allow(clippy::unwrap_used)]

use door_linux::audit::{Event, Kind};
use door_linux::disk::Folder;
use door_linux::enrol::Who;
use door_linux::hub::hub;
use door_linux::store::{PersonId, Profile, Store, StoreKey};
use door_linux::vision::{Models, Paths};
use door_linux::web::{DoorOffice, Office, OfficeError, Outcome, Photograph, Wish};
use edge_infer::door::Policy;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

const FACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/faces/frames-lfw250.tar");

/// Photographs of one person, with their names.
fn photographs(of: &str) -> Vec<(String, Vec<u8>)> {
    let mut tar = tar::Archive::new(std::fs::File::open(FACES).unwrap());
    let mut found = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        if path.parent().is_some_and(|folder| folder.ends_with(of)) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.push((path.file_name().unwrap().to_string_lossy().into_owned(), bytes));
        }
    }
    assert!(!found.is_empty(), "{of} is not in {FACES}");
    found
}

fn models() -> Models {
    let folder = PathBuf::from(std::env::var_os("DOOR_MODELS").expect("DOOR_MODELS"));
    let paths = Paths {
        detector: folder.join("detector.afm"),
        embedding: folder.join("embedding.afm"),
        liveness: None,
    };
    Models::open(&paths, None).unwrap()
}

#[test]
#[ignore = "needs networks and photographs"]
fn people_come_and_go_by_the_pages_and_the_loop_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let key = StoreKey::generate().unwrap();
    let store = Store::create(Folder::lock(&path).unwrap(), key.clone()).unwrap();
    let (mut publisher, hub) = hub(1);
    let told = Arc::new(Mutex::new(Vec::<Event>::new()));
    let tell = told.clone();
    let tell = Arc::new(move |event| tell.lock().unwrap().push(event));
    let office = DoorOffice::new(store, Arc::new(models()), Policy::default(), hub, tell);
    let enrol = |who: Who, even_if_alike, files: Vec<(String, Vec<u8>)>| {
        let wish = Wish { who, even_if_alike };
        let files = files.into_iter().map(|(name, bytes)| (name, Photograph::File(bytes)));
        office.enrol(&wish, files.collect())
    };
    let new = |name: &str| Who::New(Profile { name: name.to_owned(), ..Profile::default() });

    let mut bush = photographs("George_W_Bush");
    let other_photograph = bush.pop().unwrap();
    let mut files = bush.clone();
    files.push(("half.jpg".to_owned(), bush[0].1[..2_000].to_vec()));
    files.push(("again.jpg".to_owned(), bush[0].1.clone()));
    let outcome: Outcome = enrol(new("George"), false, files).unwrap();
    let why = |outcome: &Outcome, name: &str| {
        outcome.refused.iter().find(|(file, _)| file == name).map(|(_, why)| why.clone())
    };
    assert_eq!(outcome.id, Some(1), "{outcome:?}");
    assert!(outcome.good.len() >= 2, "{outcome:?}");
    assert!(why(&outcome, "half.jpg").unwrap().contains("ends after"), "{outcome:?}");
    assert!(why(&outcome, "again.jpg").unwrap().contains("shows what"), "{outcome:?}");
    let change = publisher.change().unwrap();
    assert_eq!(change.roster.templates() as usize, outcome.good.len());
    assert!(change.calibration.is_some());

    // The same person under another name, from a photograph that nobody has seen.
    let twice = enrol(new("Eve"), false, vec![other_photograph.clone()]).unwrap();
    let (person, name, _) = twice.alike.clone().unwrap();
    assert_eq!((twice.id, person, name.as_str()), (None, 1, "George"));
    assert!(publisher.change().is_none(), "nothing was changed");
    let more = enrol(Who::Enrolled(PersonId(1)), false, vec![other_photograph]).unwrap();
    assert_eq!(more.id, Some(1), "{more:?}");
    let norah = enrol(new("Norah"), false, photographs("Norah_Jones")).unwrap();
    assert_eq!(norah.id, Some(2), "{norah:?}");
    let nobody = enrol(Who::Enrolled(PersonId(9)), false, photographs("Norah_Jones"));
    assert!(matches!(nobody, Err(OfficeError::NoPerson(9))));
    let nameless = enrol(new(""), true, photographs("Norah_Jones"));
    assert!(matches!(nameless, Err(OfficeError::Store(_))));

    office.rename(2, "Norah J.").unwrap();
    assert!(matches!(office.rename(9, "x"), Err(OfficeError::NoPerson(9))));
    let before = publisher.change().unwrap().roster.templates();
    office.remove(1).unwrap();
    assert!(matches!(office.remove(1), Err(OfficeError::NoPerson(1))));
    let after = publisher.change().unwrap().roster;
    assert!(after.templates() < before && after.profile(1).is_none());
    assert_eq!(after.profile(2).unwrap().name, "Norah J.");
    let kinds: Vec<Kind> = told.lock().unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [Kind::Enrolled, Kind::Changed, Kind::Enrolled, Kind::Changed, Kind::Removed]
    );
    drop(office);
    let kept = Store::open(Folder::lock(&path).unwrap(), key).unwrap();
    assert_eq!(kept.people().iter().map(|person| person.id.0).collect::<Vec<_>>(), [2]);
}
