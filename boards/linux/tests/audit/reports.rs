//! Tests that carry the public report whose failure they rule out.

use crate::{BOOT, Door, NOW, SMALL, at, granted, refused, seq, size};
use door_linux::audit::{Audit, BootId, Kind, Limits, Moment, Recorded, Size};

/// Six hours of refusals, ten a second of one kind and of ever new kinds, between a few openings.
#[test]
fn facelock_216_a_loop_of_requests_pushes_no_opening_out() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    let (mut openings, mut met, mut written) = (Vec::new(), 0_u64, 0_u64);
    for second in 0..21_600 {
        let now = at(1_000 * second);
        audit.tick(now);
        if second % 1_800 == 0 {
            openings.push(seq(audit.append(granted(second as u32), now)));
        }
        for tenth in 0..10 {
            let why =
                if tenth < 5 { "not_enrolled".to_owned() } else { format!("{second} {tenth}") };
            met += 1;
            written +=
                u64::from(matches!(audit.append(refused(&why), now), Recorded::Written { .. }));
        }
    }
    assert!(!audit.close(at(21_600_000)).is_degraded());
    let log = door.log();
    assert_eq!(log.breaks().next(), None);
    let kept = log.entries.iter().filter(|entry| entry.record.event.kind == Kind::Granted);
    assert_eq!(kept.map(|entry| entry.head.seq).collect::<Vec<_>>(), openings);
    // 60 at once, then two a minute; the counts of the loop come ever more rarely.
    assert_eq!(met, 216_000);
    assert!((770..=790).contains(&written), "{written}");
    assert!(size(&door.path, "routine") <= 6_000 && size(&door.path, "kept") <= 6_000);
}

/// The same without a bound that drops any: nothing that happened is uncounted.
#[test]
fn facelock_216_every_refusal_is_recorded_or_counted() {
    let door = Door::new();
    let limits = Limits { routine: Size { file_bytes: 1 << 20, files: 9 }, ..SMALL };
    let mut audit = door.open(limits);
    let mut met = 0;
    for second in 0..3_600 {
        let now = at(1_000 * second);
        audit.tick(now);
        for why in ["not_enrolled".to_owned(), second.to_string()] {
            met += 1;
            let _ = audit.append(refused(&why), now);
        }
    }
    let _ = audit.close(at(3_600_000));
    let log = door.log();
    let of = |kind| log.entries.iter().filter(move |entry| entry.record.event.kind == kind);
    let counted: u64 = of(Kind::Refused).chain(of(Kind::Suppressed)).map(|e| e.record.times).sum();
    assert_eq!(counted, met);
    // After 1, 3, 7, 15 and 31 minutes, and when it was closed.
    let loops =
        of(Kind::Refused).filter(|e| e.record.event.reason.as_deref() == Some("not_enrolled"));
    let counts: Vec<_> = loops.map(|e| (e.record.at.mono_ms, e.record.times)).collect();
    let minutes = [0, 59_000, 179_000, 419_000, 899_000, 1_859_000, 3_599_000];
    assert_eq!(counts.iter().map(|count| count.0).collect::<Vec<_>>(), minutes);
    assert_eq!(counts.iter().map(|c| c.1).collect::<Vec<_>>(), [1, 59, 120, 240, 480, 960, 1_740]);
}

/// The clock is years behind after a boot, then jumps: the order and the time between records stay what they were.
#[test]
fn octoprint_3266_a_clock_behind_after_boot_changes_no_order() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    let first = seq(audit.append(granted(1), Moment { utc_ms: NOW, mono_ms: 500_000 }));
    drop(audit);
    let (boot, behind) = (BootId([10; 16]), 1_000_000_000_000);
    let start = Moment { utc_ms: behind, mono_ms: 3_000 };
    let mut audit = Audit::open(door.disk.clone(), SMALL, boot, start).unwrap();
    let second = seq(audit.append(granted(2), start));
    let set = Moment { utc_ms: NOW + 90_000, mono_ms: 13_000 };
    let third = seq(audit.append(granted(3), set));
    // Summer time ends, or somebody turns it back.
    let back = Moment { utc_ms: NOW - 3_510_000, mono_ms: 15_000 };
    let fourth = seq(audit.append(granted(4), back));
    assert!(first < second && second < third && third < fourth);
    let log = door.log();
    assert_eq!(log.breaks().next(), None);
    let people: Vec<u32> = log.entries.iter().map(|e| e.record.event.person.unwrap().0).collect();
    assert_eq!(people, [1, 2, 3, 4]);
    let boots: Vec<BootId> = log.entries.iter().map(|e| e.record.boot).collect();
    assert_eq!(boots, [BOOT, boot, boot, boot]);
    let mono: Vec<u64> = log.entries.iter().map(|e| e.record.at.mono_ms).collect();
    assert_eq!(mono[1..], [3_000, 13_000, 15_000]);
}

#[test]
fn sequential_storage_136_a_torn_record_is_taken_out_and_told() {
    for name in ["kept-000001.jsonl", "routine-000001.jsonl"] {
        for torn in 0..4 {
            let door = Door::new();
            let mut audit = door.open(SMALL);
            let _ = audit.append(granted(1), at(1));
            let _ = audit.append(refused("first"), at(2));
            drop(audit);
            let whole = std::fs::read(door.file(name)).unwrap();
            let rest = [&whole[..1], &whole[..whole.len() - 1], &[0; 300], b"\n"][torn];
            std::fs::write(door.file(name), [&whole, rest].concat()).unwrap();
            assert!(door.log().chains.iter().any(|chain| chain.torn) || rest == b"\n");

            drop(door.open(SMALL));
            let mut audit = door.open(SMALL);
            let _ = audit.append(granted(2), at(3));
            let log = door.log();
            assert_eq!(log.breaks().next(), None, "{name}, {} bytes", rest.len());
            assert!(log.chains.iter().all(|chain| !chain.torn));
            let kinds: Vec<Kind> =
                log.entries.iter().map(|entry| entry.record.event.kind).collect();
            assert_eq!(kinds, [Kind::Granted, Kind::Refused, Kind::Repaired, Kind::Granted]);
            let expected = format!("{name}: {} bytes of a torn record", rest.len());
            assert_eq!(log.entries[2].record.event.reason.as_deref(), Some(expected.as_str()));
        }
    }
}
