//! The store on a real folder.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

mod reports;

use door_linux::disk::Folder;
use door_linux::store::rekey::KeyFile;
use door_linux::store::{
    self, NewTemplate, People, PeopleError, PersonId, Pipeline, PreprocessingId, Profile,
    SnapshotError, Source, Store, StoreError, StoreKey,
};
use edge_infer::matching::Template;
use model_format::ModelId;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

const MODEL: ModelId = ModelId([7; 16]);
const PREPROCESSING: PreprocessingId = PreprocessingId([3; 16]);
const PIPELINE: Pipeline = Pipeline { model: MODEL, preprocessing: PREPROCESSING };
const NOW: u64 = 1_764_190_800_000;

fn named(name: &str) -> Profile {
    Profile { name: name.to_owned(), ..Profile::default() }
}

fn template(direction: [f32; 4]) -> Template<4> {
    Template::from_embedding(&direction, MODEL).unwrap()
}

fn new(template: &Template<4>) -> NewTemplate<'_> {
    let template = template.as_ref();
    NewTemplate { template, preprocessing: PREPROCESSING, source: Source::Camera }
}

fn create(path: &Path, key: &StoreKey) -> Store {
    Store::create(Folder::lock(path).unwrap(), key.clone()).unwrap()
}

fn reopen(path: &Path, key: &StoreKey) -> Store {
    Store::open(Folder::lock(path).unwrap(), key.clone()).unwrap()
}

#[test]
fn rejects_a_store_that_is_missing_or_there_already() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let missing = Store::open(Folder::lock(&path).unwrap(), key.clone()).unwrap_err();
    assert!(matches!(missing, StoreError::Missing), "{missing}");
    drop(create(&path, &key));
    let there = Store::create(Folder::lock(&path).unwrap(), key).unwrap_err();
    assert!(matches!(there, StoreError::Exists), "{there}");
}

#[test]
fn rejects_an_edit_without_writing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let before = std::fs::read(path.join("people")).unwrap();
    let refused = store.change(|p| {
        p.purge();
        p.remove(PersonId(1))
    });
    assert!(matches!(refused, Err(StoreError::People(PeopleError::UnknownPerson { .. }))));
    assert_eq!(std::fs::read(path.join("people")).unwrap(), before);
    assert_eq!(store.generation(), 1);
}

#[test]
fn a_new_key_leaves_nothing_that_the_old_one_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key_path) = (folder.path().join("door"), folder.path().join("door.key"));
    let old = StoreKey::create_file(&key_path).unwrap();
    let mut store = create(&path, &old);
    let face = template([1.0, 0.5, 0.0, -0.25]);
    store.change(|p| p.enrol(named("Ada"), &[new(&face)], NOW)).unwrap();
    let before = store.people().clone();
    let file = KeyFile::at(&key_path).unwrap();
    file.rekey(&mut store).unwrap();
    store.change(|p| p.set_profile(PersonId(1), named("Ada"))).unwrap();
    drop(store);
    let refused = Store::open(Folder::lock(&path).unwrap(), old).unwrap_err();
    assert!(matches!(refused, StoreError::Snapshot(SnapshotError::WrongKey)), "{refused}");
    let store = file.open(Folder::lock(&path).unwrap()).unwrap();
    assert_eq!(*store.people(), before);
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["door", "door.key"]);
    let mode = std::fs::metadata(&key_path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn an_export_is_private_new_and_imported_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("door"), folder.path().join("export.json"));
    let mut store = create(&path, &StoreKey::generate().unwrap());
    let face = template([1.0, 0.5, 0.0, -0.25]);
    store.change(|p| p.enrol(named("Ada"), &[new(&face)], NOW)).unwrap();
    store::export(store.people(), &out).unwrap();
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o600);
    let refused = store::export(&People::default(), &out).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);

    let mut other = create(&folder.path().join("other"), &StoreKey::generate().unwrap());
    let json = std::fs::read(&out).unwrap();
    other.change(|p| p.import(&json)).unwrap();
    assert_eq!(other.people(), store.people());
    let (damaged, before) = (json.len() / 2, other.people().clone());
    other.change(|p| p.import(&json[..damaged])).unwrap_err();
    assert_eq!(*other.people(), before);
}

/// What a door of some size costs: 10,000 templates of 128 values.
#[test]
fn ten_thousand_templates_are_written_and_read_in_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let faces: Vec<Template<128>> = (1..=5_u32)
        .map(|i| core::array::from_fn(|j| (i as f32 * 0.7 + j as f32).sin()))
        .map(|embedding: [f32; 128]| Template::from_embedding(&embedding, MODEL).unwrap())
        .collect();
    let faces: Vec<NewTemplate<'_>> = faces
        .iter()
        .map(|face| NewTemplate {
            template: face.as_ref(),
            preprocessing: PREPROCESSING,
            source: Source::Camera,
        })
        .collect();
    let enrol = |p: &mut People, i: u32| p.enrol(named(&format!("Person {i}")), &faces, NOW);
    store.change(|p| (1..2_000).try_for_each(|i| enrol(p, i).map(drop))).unwrap();
    let start = Instant::now();
    store.change(|p| enrol(p, 2_000)).unwrap();
    let enrolled = start.elapsed();
    let bytes = std::fs::metadata(path.join("people")).unwrap().len();
    drop(store);
    let start = Instant::now();
    let store = reopen(&path, &key);
    let opened = start.elapsed();
    let start = Instant::now();
    let gallery = store.people().gallery(&PIPELINE, 128).unwrap();
    let gathered = start.elapsed();
    // Of five templates four make one mean and one stays alone.
    assert_eq!(gallery.view().unwrap().len(), 2 * 2_000);
    println!("{bytes} bytes; enrol {enrolled:?}, open {opened:?}, gallery {gathered:?}");
    assert!(bytes < 6_000_000);
}
