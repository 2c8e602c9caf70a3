//! Cuts and failures in the audit log.

use crate::disk::{CutDisk, Fault, Step};
use crate::pending::Survival;
use crate::{Tried, Verdict, cut_everywhere, failures};
use door_linux::audit::{
    Audit, BootId, Entry, Event, Kind, Limits, Log, Moment, Rate, Recorded, Size,
};
use door_linux::store::PersonId;
use std::sync::Arc;

const BOOT: BootId = BootId([9; 16]);

/// Small files, so that a few records fill them.
const LIMITS: Limits = Limits {
    kept: Size { file_bytes: 1_000, files: 3 },
    routine: Size { file_bytes: 1_000, files: 3 },
    rate: Rate { burst: 4, each_ms: 1_000 },
};

fn at(ms: u64) -> Moment {
    Moment { utc_ms: 1_764_190_800_000 + ms, mono_ms: ms }
}

fn granted(person: u32) -> Event {
    Event::new(Kind::Granted).person(PersonId(person)).cosine(0.75)
}

fn refused(why: &str) -> Event {
    Event::new(Kind::Refused).reason(why)
}

fn open(disk: &Arc<CutDisk>) -> std::io::Result<Audit<Arc<CutDisk>>> {
    Audit::open(disk.clone(), LIMITS, BOOT, at(0))
}

/// A log of so many openings and refusals.
fn start(disk: CutDisk, openings: u32, refusals: u32) -> CutDisk {
    let disk = Arc::new(disk);
    let mut audit = open(&disk).unwrap();
    for person in 1..=openings {
        assert!(matches!(audit.append(granted(person), at(1)), Recorded::Written { .. }));
    }
    for why in 0..refusals {
        assert!(matches!(audit.append(refused(&why.to_string()), at(2)), Recorded::Written { .. }));
    }
    drop(audit);
    Arc::into_inner(disk).unwrap()
}

fn entries(disk: &Arc<CutDisk>) -> Vec<Entry> {
    Log::read(disk).unwrap().entries
}

/// Appends `event` with cuts everywhere. The log that is found afterwards is whole, holds what it held, and it goes on.
fn cut_append(start: &CutDisk, event: &Event) -> Result<Tried, String> {
    let clean = Arc::new(start.with(None));
    let old = entries(&clean);
    let mut audit = open(&clean).unwrap();
    assert!(matches!(audit.append(event.clone(), at(5)), Recorded::Written { .. }));
    let new = entries(&clean);
    let added = new.last().unwrap().clone();
    cut_everywhere(
        start,
        |disk| {
            let disk = Arc::new(disk);
            let recorded = open(&disk).map(|mut audit| audit.append(event.clone(), at(5)));
            let written = matches!(recorded, Ok(Recorded::Written { .. }));
            (Arc::into_inner(disk).unwrap(), written)
        },
        |disk, acknowledged| {
            let disk = Arc::new(disk);
            let Ok(mut audit) = open(&disk) else {
                return match disk.is_off() {
                    true => Ok((Arc::into_inner(disk).unwrap(), Verdict::Cut)),
                    false => Err("the log does not open".into()),
                };
            };
            let next = audit.append(Event::new(Kind::Started), at(9));
            drop(audit);
            if disk.is_off() {
                return Ok((Arc::into_inner(disk).unwrap(), Verdict::Cut));
            }
            let Recorded::Written { seq } = next else {
                return Err(format!("the log does not go on: {next:?}"));
            };
            let log = match Log::read(&disk) {
                Err(_) if disk.is_off() => {
                    return Ok((Arc::into_inner(disk).unwrap(), Verdict::Cut));
                }
                read => read.map_err(|error| error.to_string())?,
            };
            if let Some(broken) = log.breaks().next() {
                return Err(broken.to_string());
            }
            if log.chains.iter().any(|chain| chain.torn) && event.kind != Kind::Refused {
                return Err("a torn record is left".into());
            }
            let found = log.entries;
            if found.last().is_none_or(|last| last.head.seq != seq) {
                return Err("the next record is not the last".into());
            }
            let has = |entry: &Entry| found.contains(entry);
            // A file holds three records. What recovers here writes no more than six, which push out none of the last three.
            for routine in [false, true] {
                let chain =
                    old.iter().rev().filter(|e| e.record.event.kind.is_routine() == routine);
                if let Some(lost) = chain.take(3).find(|entry| !has(entry)) {
                    return Err(format!("record {} is lost", lost.head.seq));
                }
            }
            if acknowledged && !has(&added) {
                return Err("what was acknowledged is lost".into());
            }
            let verdict = if has(&added) { Verdict::New } else { Verdict::Old };
            Ok((Arc::into_inner(disk).unwrap(), verdict))
        },
    )
}

#[test]
fn a_cut_leaves_the_log_whole_with_all_that_was_acknowledged() {
    println!("| append | cuts | cuts in recovery | found old | found new | acknowledged |");
    let cases = [
        ("the first", start(CutDisk::default(), 0, 0), granted(1)),
        ("another", start(CutDisk::default(), 1, 1), granted(2)),
        ("into the next file", start(CutDisk::default(), 3, 1), granted(4)),
        ("into the next, the oldest goes", start(CutDisk::default(), 9, 0), granted(10)),
        ("routine", start(CutDisk::default(), 1, 2), refused("another")),
    ];
    for (name, start, event) in cases {
        let tried = cut_append(&start, &event).unwrap_or_else(|e| panic!("{name}: {e}"));
        let Tried { cuts, cuts_in_recovery, old, new, acknowledged } = tried;
        println!("| {name} | {cuts} | {cuts_in_recovery} | {old} | {new} | {acknowledged} |");
        assert!(old > 0 && new > acknowledged && acknowledged > 0, "{name} was not cut everywhere");
    }
}

/// The harness itself: a log that forgot a sync would not pass.
#[test]
fn a_forgotten_sync_is_found_in_the_log_too() {
    for step in [Step::Sync, Step::SyncFolder] {
        let start = start(CutDisk::default(), 3, 1).forgetting(step);
        let missed = cut_append(&start, &granted(4)).unwrap_err();
        assert!(missed.contains("is lost"), "{step:?}: {missed}");
    }
}

/// Every step of an append fails once. The event is counted as lost, and the next record says so.
#[test]
fn a_failing_step_costs_one_record_which_is_counted() {
    let mut lost = 0;
    for openings in [1, 3, 9] {
        let start = start(CutDisk::default(), openings, 1);
        let clean = Arc::new(start.with(None));
        let mut audit = open(&clean).unwrap();
        let opened = clean.steps().len();
        let _ = audit.append(granted(8), at(5));
        for (step, what) in clean.steps().into_iter().enumerate().skip(opened) {
            for bytes in failures(what) {
                let disk = Arc::new(start.with(Some(Fault::Fail { step, bytes })));
                let mut audit = open(&disk).unwrap();
                let first = audit.append(granted(8), at(5));
                let second = audit.append(granted(9), at(6));
                assert!(matches!(second, Recorded::Written { .. }), "{what:?} {step}");
                assert!(!audit.health().is_degraded());
                drop(audit);
                let left = Arc::new(disk.after_cut(Survival::Nothing));
                let log = Log::read(&left).unwrap();
                assert_eq!(log.breaks().next(), None, "{what:?} {step} at {bytes}");
                let [.., before, last] = &log.entries[..] else { panic!("too few") };
                assert_eq!(last.record.event, granted(9));
                // Removing the oldest file is the one step that may fail for nothing.
                if first == Recorded::Lost {
                    lost += 1;
                    assert_eq!((before.record.event.kind, before.record.times), (Kind::Lost, 1));
                } else {
                    assert_eq!(before.record.event, granted(8), "{what:?} {step}");
                }
            }
        }
    }
    println!("{lost} records lost and told");
    assert!(lost > 20);
}

/// A full disk: the door is told at once, and the log tells how much it lacks when there is space again.
#[test]
fn a_full_disk_is_announced_and_the_loss_recorded() {
    for bytes in [0, 1, 200] {
        let disk = Arc::new(start(CutDisk::default(), 1, 1).with(None));
        let mut audit = open(&disk).unwrap();
        assert!(!audit.health().is_degraded());
        disk.fail(Fault::Full { step: disk.steps().len() + 1, bytes });
        for person in 1..=5 {
            assert_eq!(audit.append(granted(person), at(10)), Recorded::Lost);
            assert_eq!(audit.health().lost, u64::from(person));
        }
        assert!(audit.health().error.as_ref().unwrap().contains("no storage space"));
        audit.tick(at(11));
        assert!(audit.health().is_degraded());
        disk.mend();
        audit.tick(at(12));
        assert!(!audit.health().is_degraded());
        assert!(matches!(audit.append(granted(6), at(13)), Recorded::Written { .. }));
        drop(audit);

        let log = Log::read(&Arc::new(disk.after_cut(Survival::Nothing))).unwrap();
        assert_eq!(log.breaks().next(), None);
        assert!(log.chains.iter().all(|chain| !chain.torn));
        let [.., told, last] = &log.entries[..] else { panic!("too few") };
        assert_eq!((told.record.event.kind, told.record.times), (Kind::Lost, 5));
        assert!(told.record.event.reason.as_ref().unwrap().contains("no storage space"));
        assert_eq!(last.record.event, granted(6));
    }
}
