//! The store on a real folder. Tests with a number carry the public report whose failure they rule out.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

use door_linux::disk::Folder;
use door_linux::store::{
    NewTemplate, PersonId, Pipeline, PreprocessingId, Profile, Source, Store, StoreKey,
};
use edge_infer::matching::Template;
use model_format::ModelId;
use std::path::Path;

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
fn esp_who_275_the_enrolled_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let (a, b) = (template([1.0, 0.5, 0.0, -0.25]), template([0.0, 1.0, 0.125, 0.0]));
    let ada = store.change(|p| p.enrol(named("Ada"), &[new(&a)], NOW)).unwrap();
    let bob = store.change(|p| p.enrol(named("Bob"), &[new(&b)], NOW + 1)).unwrap();
    assert_eq!((ada, bob), (PersonId(1), PersonId(2)));
    let before = store.people().clone();
    drop(store);

    let store = reopen(&path, &key);
    assert_eq!(*store.people(), before);
    let gallery = store.people().gallery(&PIPELINE, 4);
    let best = gallery.view().unwrap().search(b.as_ref()).unwrap().unwrap();
    assert_eq!((best.person, best.cosine), (bob.0, 1.0));
    assert_eq!(best.runner_up.unwrap().person, ada.0);
}
