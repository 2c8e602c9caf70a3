//! Cuts and failures in changes of the people.

use crate::disk::{CutDisk, Fault, Step};
use crate::pending::Survival;
use crate::{Tried, Verdict, cut_everywhere, failures};
use door_linux::store::rekey::KeyFile;
use door_linux::store::{
    NewTemplate, People, PeopleError, PersonId, Pipeline, PreprocessingId, Profile, Source, Store,
    StoreError, StoreKey,
};
use edge_infer::matching::Template;
use model_format::ModelId;
use std::sync::Arc;

const PIPELINE: Pipeline =
    Pipeline { model: ModelId([7; 16]), preprocessing: PreprocessingId([3; 16]) };

type Change = fn(&mut People) -> Result<(), PeopleError>;

/// Every kind of change, on the people of [`start`].
const CHANGES: [(&str, Change); 6] = [
    ("enrol", |people| enrol(people, "Cleo", [0.5, -0.5, 0.25, 1.0])),
    ("add a template", |people| {
        let template = Template::from_embedding(&[1.0, 1.0, 0.0, 0.0], PIPELINE.model).unwrap();
        people.add_templates(PersonId(1), &[new(&template)], 2)
    }),
    ("rename", |people| people.set_profile(PersonId(1), named("Ada the second"))),
    ("remove", |people| people.remove(PersonId(2))),
    ("remove dormant", |people| {
        people.remove_dormant(&Pipeline { model: ModelId([8; 16]), ..PIPELINE });
        Ok(())
    }),
    ("purge", |people| {
        people.purge();
        Ok(())
    }),
];

pub(crate) fn named(name: &str) -> Profile {
    Profile { name: name.to_owned(), ..Profile::default() }
}

fn new(template: &Template<4>) -> NewTemplate<'_> {
    NewTemplate {
        template: template.as_ref(),
        preprocessing: PIPELINE.preprocessing,
        source: Source::Camera,
    }
}

pub(crate) fn enrol(
    people: &mut People,
    name: &str,
    direction: [f32; 4],
) -> Result<(), PeopleError> {
    let template = Template::from_embedding(&direction, PIPELINE.model).unwrap();
    people.enrol(named(name), &[new(&template)], 1).map(drop)
}

/// A store of two people.
fn start(disk: CutDisk, key: &StoreKey) -> (CutDisk, People) {
    let disk = Arc::new(disk);
    let mut store = Store::create(disk.clone(), key.clone()).unwrap();
    store.change(|people| enrol(people, "Ada", [1.0, 0.0, 0.0, 0.5])).unwrap();
    store.change(|people| enrol(people, "Bob", [0.0, 1.0, 0.0, 0.5])).unwrap();
    let people = store.people().clone();
    drop(store);
    (Arc::into_inner(disk).unwrap(), people)
}

fn changed(people: &People, change: Change) -> People {
    let mut people = people.clone();
    change(&mut people).unwrap();
    people
}

/// Whether the store that is found is the old or the new one, and the new one if that was acknowledged.
fn judge(
    disk: CutDisk,
    opened: Result<People, StoreError>,
    [old, new]: [&People; 2],
    acknowledged: bool,
) -> Result<(CutDisk, Verdict), String> {
    let verdict = match opened {
        Ok(people) if people == *new => Verdict::New,
        Ok(people) if people == *old => Verdict::Old,
        Ok(_) => return Err("neither the old people nor the new".into()),
        Err(error) if error.to_string().contains("the power is off") => {
            return Ok((disk, Verdict::Cut));
        }
        Err(error) => return Err(format!("does not open: {error}")),
    };
    if acknowledged && verdict == Verdict::Old {
        return Err("what was acknowledged is lost".into());
    }
    Ok((disk, verdict))
}

fn cut_change(change: Change, forgets: Option<Step>) -> Result<Tried, String> {
    let key = StoreKey::generate().unwrap();
    let (mut start, old) = start(CutDisk::default(), &key);
    if let Some(step) = forgets {
        start = start.forgetting(step);
    }
    let new = changed(&old, change);
    cut_everywhere(
        &start,
        |disk| {
            let disk = Arc::new(disk);
            let opened = Store::open(disk.clone(), key.clone());
            let acknowledged = opened.and_then(|mut store| store.change(change)).is_ok();
            (Arc::into_inner(disk).unwrap(), acknowledged)
        },
        |disk, acknowledged| {
            let disk = Arc::new(disk);
            let opened = Store::open(disk.clone(), key.clone());
            let people = opened.map(|store| store.people().clone());
            let disk = Arc::into_inner(disk).unwrap();
            if people.is_ok() && disk.names() != ["people"] {
                return Err(format!("{:?} are left", disk.names()));
            }
            judge(disk, people, [&old, &new], acknowledged)
        },
    )
}

/// Cuts in every change.
#[test]
fn sequential_storage_136_a_cut_leaves_the_old_people_or_the_new() {
    println!("| change | cuts | cuts in recovery | found old | found new | acknowledged |");
    for (name, change) in CHANGES {
        let tried = cut_change(change, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        let Tried { cuts, cuts_in_recovery, old, new, acknowledged } = tried;
        println!("| {name} | {cuts} | {cuts_in_recovery} | {old} | {new} | {acknowledged} |");
        assert!(old > 0 && new > acknowledged && acknowledged > 0, "{name} was not cut everywhere");
    }
}

/// Cuts while the first store is made: there is none yet, or an empty one.
#[test]
fn a_cut_while_the_store_is_created_leaves_none_or_an_empty_one() {
    let key = StoreKey::generate().unwrap();
    let tried = cut_everywhere(
        &CutDisk::default(),
        |disk| {
            let disk = Arc::new(disk);
            let made = Store::create(disk.clone(), key.clone()).is_ok();
            (Arc::into_inner(disk).unwrap(), made)
        },
        |disk, acknowledged| {
            let disk = Arc::new(disk);
            let mut verdict = Verdict::New;
            let opened = match Store::open(disk.clone(), key.clone()) {
                Err(StoreError::Missing) if !acknowledged => {
                    verdict = Verdict::Old;
                    Store::create(disk.clone(), key.clone())
                }
                opened => opened,
            };
            let people = opened.map(|store| store.people().clone());
            let disk = Arc::into_inner(disk).unwrap();
            let nobody = People::default();
            let (disk, judged) = judge(disk, people, [&nobody, &nobody], acknowledged)?;
            Ok((disk, if judged == Verdict::Cut { judged } else { verdict }))
        },
    );
    println!("create: {:?}", tried.unwrap());
}

/// A store of two people, its key in a file on the same disk.
fn start_with_key_file() -> (CutDisk, People, StoreKey) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = StoreKey::create_file(&path).unwrap();
    let disk = CutDisk::default();
    disk.put("key", &std::fs::read(&path).unwrap());
    let (disk, people) = start(disk, &key);
    (disk, people, key)
}

/// Cuts while the key is changed: one of the two key files opens the people, and nothing of the old key is left at the end.
#[test]
fn a_cut_while_the_key_changes_leaves_a_key_that_opens() {
    let (start, people, key) = start_with_key_file();
    let open = |disk: &Arc<CutDisk>| KeyFile::on(disk.clone(), "key").open(disk.clone());
    let tried = cut_everywhere(
        &start,
        |disk| {
            let disk = Arc::new(disk);
            let rekeyed = open(&disk)
                .and_then(|mut store| KeyFile::on(disk.clone(), "key").rekey(&mut store))
                .is_ok();
            (Arc::into_inner(disk).unwrap(), rekeyed)
        },
        |disk, acknowledged| {
            let disk = Arc::new(disk);
            let opened = open(&disk).map(|store| store.people().clone());
            let old_key = Store::open(disk.clone(), key.clone()).is_ok();
            let disk = Arc::into_inner(disk).unwrap();
            match opened {
                Err(error) if error.to_string().contains("the power is off") => {
                    Ok((disk, Verdict::Cut))
                }
                Err(error) => Err(error.to_string()),
                Ok(found) if found != people => Err("other people".into()),
                Ok(_) if acknowledged && old_key => Err("the old key still opens".into()),
                Ok(_) => Ok((disk, if old_key { Verdict::Old } else { Verdict::New })),
            }
        },
    );
    println!("rekey: {:?}", tried.unwrap());
}

/// The harness itself: a store that forgot a sync would not pass.
#[test]
fn a_forgotten_sync_is_found() {
    let without_data = cut_change(CHANGES[0].1, Some(Step::Sync)).unwrap_err();
    assert!(without_data.contains("NamesWithoutData: does not open"), "{without_data}");
    let without_name = cut_change(CHANGES[0].1, Some(Step::SyncFolder)).unwrap_err();
    assert!(without_name.contains("what was acknowledged is lost"), "{without_name}");
}

/// A step that fails, with its effect or without, while the power stays on.
#[test]
fn a_failing_step_leaves_memory_and_disk_alike() {
    let key = StoreKey::generate().unwrap();
    let (start, old) = start(CutDisk::default(), &key);
    let (mut failed, mut unconfirmed) = (0, 0);
    for (name, change) in CHANGES {
        let new = changed(&old, change);
        let steps = {
            let disk = Arc::new(start.with(None));
            Store::open(disk.clone(), key.clone()).unwrap().change(change).unwrap();
            disk.steps()
        };
        for (step, what) in steps.into_iter().enumerate() {
            for bytes in failures(what) {
                let disk = Arc::new(start.with(Some(Fault::Fail { step, bytes })));
                let at = format!("{name}: {what:?} {step} at {bytes}");
                let Ok(mut store) = Store::open(disk.clone(), key.clone()) else {
                    continue;
                };
                let result = store.change(change);
                match &result {
                    Ok(()) => assert_eq!(*store.people(), new, "{at}"),
                    Err(StoreError::Unconfirmed { .. }) => {
                        unconfirmed += 1;
                        assert!([&old, &new].contains(&store.people()), "{at}");
                    }
                    Err(_) => assert_eq!(*store.people(), old, "{at}"),
                }
                failed += usize::from(result.is_err());
                // The next change works, on whatever the store says it has, and that is what is there.
                let next = |people: &mut People| enrol(people, "Dora", [1.0, 2.0, 3.0, 4.0]);
                let expected = changed(store.people(), next);
                store.change(next).unwrap_or_else(|e| panic!("{at}: {e}"));
                assert_eq!(*store.people(), expected, "{at}");
                drop(store);
                let left = Arc::new(disk.after_cut(Survival::Nothing));
                let store = Store::open(left, key.clone()).unwrap();
                assert_eq!(*store.people(), expected, "{at}");
            }
        }
    }
    println!("{failed} changes failed, {unconfirmed} of them unconfirmed");
    assert!(failed > 50 && unconfirmed > 10);
}

/// A step of changing the key that fails: the store goes on, the key can be changed again, and a file opens it.
#[test]
fn a_failing_step_of_a_new_key_locks_nobody_out() {
    let (start, old, _) = start_with_key_file();
    let clean = Arc::new(start.with(None));
    let file = KeyFile::on(clean.clone(), "key");
    let mut store = file.open(clean.clone()).unwrap();
    let opened = clean.steps().len();
    file.rekey(&mut store).unwrap();
    let mut failed = 0;
    for (step, what) in clean.steps().into_iter().enumerate().skip(opened) {
        for bytes in failures(what) {
            for again in [false, true] {
                let at = format!("{what:?} {step} at {bytes}, again: {again}");
                let disk = Arc::new(start.with(Some(Fault::Fail { step, bytes })));
                let file = KeyFile::on(disk.clone(), "key");
                let mut store = file.open(disk.clone()).unwrap();
                failed += usize::from(file.rekey(&mut store).is_err());
                if again {
                    file.rekey(&mut store).unwrap_or_else(|e| panic!("{at}: {e}"));
                }
                store.change(CHANGES[2].1).unwrap_or_else(|e| panic!("{at}: {e}"));
                drop(store);
                for survival in [Survival::Nothing, Survival::Everything] {
                    let left = Arc::new(disk.after_cut(survival));
                    let opened = KeyFile::on(left.clone(), "key").open(left);
                    let store = opened.unwrap_or_else(|e| panic!("{at}, {survival:?}: {e}"));
                    assert_eq!(*store.people(), changed(&old, CHANGES[2].1), "{at}");
                }
            }
        }
    }
    println!("{failed} changes of the key failed");
    assert!(failed > 30);
}

/// A full disk: changes are refused with words that help, the gallery goes on, and when there is space so do changes.
#[test]
fn a_full_disk_refuses_changes_and_forgets_nobody() {
    let key = StoreKey::generate().unwrap();
    let (start, old) = start(CutDisk::default(), &key);
    for bytes in [0, 100, 400] {
        let disk = Arc::new(start.with(None));
        let mut store = Store::open(disk.clone(), key.clone()).unwrap();
        let gallery = store.people().gallery(&PIPELINE, 4).unwrap();
        disk.fail(Fault::Full { step: disk.steps().len() + 1, bytes });
        for _ in 0..3 {
            let refused = store.change(CHANGES[0].1).unwrap_err();
            assert!(matches!(refused, StoreError::Disk { .. }));
            let text = refused.to_string();
            assert!(
                text.contains("nothing was changed") && text.contains("free some space"),
                "{text}"
            );
            assert_eq!(*store.people(), old);
            assert_eq!(disk.names(), ["people"]);
        }
        let probe = Template::from_embedding(&[0.0, 1.0, 0.0, 0.5], PIPELINE.model).unwrap();
        let best = gallery.view().unwrap().search(probe.as_ref()).unwrap().unwrap();
        assert_eq!(best.person, 2);
        disk.mend();
        store.change(CHANGES[0].1).unwrap();
        drop(store);
        let left = Arc::new(disk.after_cut(Survival::Nothing));
        let store = Store::open(left, key.clone()).unwrap();
        assert_eq!(*store.people(), changed(&old, CHANGES[0].1));
    }
}
