//! Long random stories of changes, records, failures, full disks and cuts, one after the other on one disk.

use crate::disk::{CutDisk, Fault};
use crate::pending::{Random, Survival};
use crate::people::{enrol, named};
use door_linux::audit::{Audit, BootId, Event, Kind, Limits, Log, Moment, Rate, Recorded, Size};
use door_linux::store::{People, PeopleError, PersonId, Store, StoreError, StoreKey};
use std::sync::Arc;

const NOW: Moment = Moment { utc_ms: 1_764_190_800_000, mono_ms: 1 };

const LIMITS: Limits = Limits {
    kept: Size { file_bytes: 1_500, files: 1_000 },
    routine: Size { file_bytes: 1_500, files: 1_000 },
    rate: Rate { burst: 1_000, each_ms: 1 },
};

/// What may happen to the people.
fn change(people: &mut People, which: usize) -> Result<(), PeopleError> {
    let first = people.iter().next().map_or(PersonId(1), |person| person.id);
    match which {
        0 | 1 => enrol(people, "Somebody", [1.0, -0.5, 0.25, which as f32]),
        2 => people.set_profile(first, named("Somebody else")),
        _ => people.remove(first),
    }
}

/// A fault within the next dozen steps.
fn fault(random: &mut Random, disk: &CutDisk) -> Option<Fault> {
    let (step, bytes) = (disk.steps().len() + random.to(12), random.to(700));
    match random.to(5) {
        0 => Some(Fault::Cut { step, bytes }),
        1 => Some(Fault::Fail { step, bytes: random.to(1) * bytes }),
        2 => Some(Fault::Full { step, bytes }),
        _ => None,
    }
}

fn tell(seed: u64) -> [usize; 4] {
    let mut random = Random(seed);
    let key = StoreKey::generate().unwrap();
    let mut disk = Arc::new(CutDisk::default());
    drop(Store::create(disk.clone(), key.clone()).unwrap());
    let (mut possible, mut written) = (vec![People::default()], Vec::new());
    let [mut cuts, mut failed, mut changed, mut lost] = [0; 4];
    while cuts < 12 {
        let opened = Store::open(disk.clone(), key.clone());
        let audit = Audit::open(disk.clone(), LIMITS, BootId([1; 16]), NOW);
        if let (Ok(mut store), Ok(mut audit)) = (opened, audit) {
            assert!(possible.contains(store.people()), "{seed}: people that nobody made");
            possible = vec![store.people().clone()];
            while !disk.is_off() {
                if let Some(fault) = fault(&mut random, &disk) {
                    disk.fail(fault);
                } else {
                    disk.mend();
                }
                let which = random.to(3);
                let mut new = store.people().clone();
                if change(&mut new, which).is_ok() {
                    match store.change(|people| change(people, which)) {
                        Ok(()) => {
                            changed += 1;
                            possible = vec![new];
                        }
                        // It may have been made before the power went, or before this change an unconfirmed one was looked for.
                        Err(error) => {
                            failed += 1;
                            let certain =
                                matches!(error, StoreError::Disk { .. }) && !disk.is_off();
                            if !certain || possible.len() > 1 {
                                possible.push(new);
                            }
                        }
                    }
                    assert!(possible.contains(store.people()), "{seed}: memory has others");
                }
                let kind = if random.coin() { Kind::Granted } else { Kind::Refused };
                let reason = random.to(1_000_000).to_string();
                match audit.append(Event::new(kind).reason(&reason), NOW) {
                    Recorded::Written { seq } => written.push((seq, reason)),
                    Recorded::Lost => lost += 1,
                    other => panic!("{seed}: {other:?}"),
                }
            }
        }
        if !disk.is_off() {
            disk.mend();
            continue;
        }
        cuts += 1;
        let survival = match random.to(3) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            _ => Survival::Some(seed),
        };
        disk = Arc::new(disk.after_cut(survival));
        let log = Log::read(&disk).unwrap();
        assert_eq!(log.breaks().next(), None, "{seed}");
        for (seq, reason) in &written {
            let found = log.entries.iter().find(|entry| entry.head.seq == *seq);
            let found = found.unwrap_or_else(|| panic!("{seed}: record {seq} is lost"));
            assert_eq!(found.record.event.reason.as_ref(), Some(reason), "{seed}");
        }
        let seqs = log.entries.windows(2).map(|pair| pair[0].head.seq < pair[1].head.seq);
        assert!(seqs.into_iter().all(|rises| rises), "{seed}: a number was given twice");
        if random.coin() {
            let fault = fault(&mut random, &disk);
            disk = Arc::new(disk.with(fault));
        }
    }
    [cuts, failed, changed, lost]
}

#[test]
fn no_story_of_failures_and_cuts_loses_what_was_acknowledged() {
    let mut sums = [0; 4];
    for seed in 0..400 {
        for (sum, count) in sums.iter_mut().zip(tell(seed)) {
            *sum += count;
        }
    }
    let [cuts, failed, changed, lost] = sums;
    println!(
        "400 stories: {cuts} cuts, {changed} changes made, {failed} failed, {lost} records lost and counted"
    );
    assert!(failed > 1_000 && changed > 1_000 && lost > 500);
}
