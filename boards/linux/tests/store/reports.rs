//! Tests that carry the public report whose failure they rule out.

use crate::{MODEL, NOW, PIPELINE, PREPROCESSING, create, named, new, reopen, template};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use door_linux::audit::{Audit, BootId, Event, Kind, Limits, Moment};
use door_linux::disk::Folder;
use door_linux::store::{
    self, NewTemplate, PersonId, Pipeline, PreprocessingId, Profile, Source, Store, StoreKey,
};
use edge_infer::matching::Template;
use model_format::ModelId;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

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
    let gallery = store.people().gallery(&PIPELINE, 4).unwrap();
    let best = gallery.view().unwrap().search(b.as_ref()).unwrap().unwrap();
    assert_eq!((best.person, best.cosine), (bob.0, 1.0));
    assert_eq!(best.runner_up.unwrap().person, ada.0);
}

#[test]
fn esp_dl_recognition_database_commit_last_stable_ids() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let faces = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]].map(template);
    for (name, face) in ["Ada", "Bob", "Cleo"].into_iter().zip(&faces) {
        store.change(|p| p.enrol(named(name), &[new(face)], NOW)).unwrap();
    }
    // The list's second place is now Cleo's; Cleo is still person 3, and 2 is nobody's for ever.
    store.change(|p| p.remove(PersonId(2))).unwrap();
    drop(store);
    let mut store = reopen(&path, &key);
    let gallery = store.people().gallery(&PIPELINE, 4).unwrap();
    let best = gallery.view().unwrap().search(faces[2].as_ref()).unwrap().unwrap();
    assert_eq!(best.person, 3);
    assert_eq!(store.people().get(PersonId(best.person)).unwrap().profile.name, "Cleo");
    let dora = store.change(|p| p.enrol(named("Dora"), &[new(&faces[1])], NOW)).unwrap();
    assert_eq!(dora, PersonId(4));

    // Half a change, as a cut before its last step leaves it, is no change.
    let before = store.people().clone();
    drop(store);
    let half = &std::fs::read(path.join("people")).unwrap()[..90];
    write_private(&path.join("people.new"), half);
    assert_eq!(*reopen(&path, &key).people(), before);
    assert!(!path.join("people.new").exists());
}

#[test]
fn compreface_1321_removal_leaves_no_bytes_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let disk = Arc::new(Folder::lock(&path).unwrap());
    let mut store = Store::create(disk.clone(), key.clone()).unwrap();
    let boot = BootId::of_system().unwrap();
    let mut audit = Audit::open(disk.clone(), Limits::default(), boot, at(0)).unwrap();
    let face: [f32; 64] = core::array::from_fn(|i| (i as f32 * 0.37).sin());
    let face = Template::from_embedding(&face, MODEL).unwrap();
    let templates = [NewTemplate {
        template: face.as_ref(),
        preprocessing: PREPROCESSING,
        source: Source::Picture,
    }];
    let other = Template::from_embedding(&[0.5; 64], MODEL).unwrap();
    let others = [NewTemplate { template: other.as_ref(), ..templates[0] }];
    store.change(|p| p.enrol(named("Someone Else"), &others, NOW)).unwrap();
    let mut written = Vec::new();
    let profile = Profile { groups: vec!["Zweigstelle".into()], ..named("Łucja Wiśniewska") };
    let id = store.change(|p| p.enrol(profile, &templates, NOW)).unwrap();
    let _ = audit.append(Event::new(Kind::Enrolled).person(id), at(1));
    written.push(std::fs::read(path.join("people")).unwrap());
    store.change(|p| p.set_profile(id, named("Łucja Nowak"))).unwrap();
    written.push(std::fs::read(path.join("people")).unwrap());
    store.change(|p| p.remove(id)).unwrap();
    let _ = audit.append(Event::new(Kind::Removed).person(id), at(2));

    // In the clear: values, as base64, names, the group. And 24 bytes of anything sealed in between.
    let values: Vec<u8> = face.values().iter().map(|value| value.cast_unsigned()).collect();
    let mut secrets = vec![values.clone(), STANDARD.encode(&values).into_bytes()];
    secrets.extend(["Łucja", "Wiśniewska", "Nowak", "Zweigstelle"].map(|s| s.as_bytes().to_vec()));
    let sealed = written.iter().flat_map(|file| file[64..].chunks_exact(24)).map(<[u8]>::to_vec);
    secrets.extend(sealed);
    let key_there = store::read(&disk, &key).unwrap().to_json();
    let mut scanned = 0;
    let files = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().path());
    for bytes in files.map(|file| std::fs::read(file).unwrap()).chain([key_there.into_bytes()]) {
        scanned += bytes.len();
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
    // The scan sees what is there: the other person, once it is opened.
    let opened = store::read(&disk, &key).unwrap().to_json();
    assert!(opened.contains("Someone Else") && scanned > opened.len());
    let mut names: Vec<_> =
        std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["kept-000001.jsonl", "lock", "people"]);
}

#[test]
fn howdy_1098_templates_are_private_and_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let face = template([1.0, 0.5, 0.0, -0.25]);
    store.change(|p| p.enrol(named("Ada Lovelace"), &[new(&face)], NOW)).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o700);
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        let bytes = std::fs::read(&file).unwrap();
        for secret in ["Lovelace", "people", "values", &"07".repeat(16)] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    // And what others can read is refused, not read.
    std::fs::set_permissions(path.join("people"), PermissionsExt::from_mode(0o644)).unwrap();
    drop(store);
    let refused = Store::open(Folder::lock(&path).unwrap(), key).unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
}

#[test]
fn insightface_1838_templates_of_another_model_or_preprocessing_stay_dormant() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let face = template([1.0, 0.5, 0.0, -0.25]);
    let ada = store.change(|p| p.enrol(named("Ada"), &[new(&face)], NOW)).unwrap();
    let upgrades = [
        Pipeline { model: ModelId([8; 16]), ..PIPELINE },
        Pipeline { preprocessing: PreprocessingId([4; 16]), ..PIPELINE },
    ];
    for upgrade in upgrades {
        let gallery = store.people().gallery(&upgrade, 4).unwrap();
        assert!(gallery.view().unwrap().is_empty());
        let again: Vec<PersonId> = store.people().dormant(&upgrade).map(|p| p.id).collect();
        assert_eq!(again, [ada]);
    }
    assert_eq!(store.people().dormant(&PIPELINE).count(), 0);

    // Enrolled again, the same person is found by the new model; the old template is kept until somebody says otherwise.
    let [upgrade, _] = upgrades;
    let longer = Template::from_embedding(&[0.5_f32; 6], upgrade.model).unwrap();
    let again = NewTemplate {
        template: longer.as_ref(),
        preprocessing: PREPROCESSING,
        source: Source::Camera,
    };
    store.change(|p| p.add_templates(ada, &[again], NOW)).unwrap();
    assert_eq!(store.people().dormant(&upgrade).count(), 0);
    assert_eq!(store.people().get(ada).unwrap().templates.len(), 2);
    let gallery = store.people().gallery(&upgrade, 6).unwrap();
    assert_eq!(gallery.view().unwrap().search(longer.as_ref()).unwrap().unwrap().person, ada.0);
    assert_eq!(store.change(|p| Ok(p.remove_dormant(&upgrade))).unwrap(), 1);
    drop(store);
    assert_eq!(reopen(&path, &key).people().get(ada).unwrap().templates.len(), 1);
}

#[test]
fn double_take_396_odd_names_are_kept_as_they_are_and_nothing_is_made_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("door"), StoreKey::generate().unwrap());
    let mut store = create(&path, &key);
    let names = [
        "Łukasz Żółć",
        "李小龍",
        "עמית",
        "O'Brien; DROP TABLE people",
        "../../etc/passwd",
        "config//double-take",
        "👩‍🚀",
        "a\u{301}",
        "á",
        "NUL",
        "-rf",
        "%2e%2e",
        "\u{200f}محمد",
        "Ada",
        "Ada",
    ];
    let face = template([1.0, 0.5, 0.0, -0.25]);
    for name in names {
        store.change(|p| p.enrol(named(name), &[new(&face)], NOW)).unwrap();
    }
    drop(store);
    let store = reopen(&path, &key);
    let found: Vec<_> = store.people().iter().map(|p| (p.id.0, p.profile.name.as_str())).collect();
    assert_eq!(found, (1..).zip(names).collect::<Vec<_>>());
    let mut files: Vec<_> =
        std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["lock", "people"]);
}

fn write_private(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

fn at(ms: u64) -> Moment {
    Moment { utc_ms: NOW + ms, mono_ms: ms }
}
