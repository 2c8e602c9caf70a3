//! The audit log on a real folder. Tests with a number carry the public report whose failure they rule out.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

use door_linux::audit::{
    Audit, BootId, BreakKind, Event, Follow, Head, Kind, Limits, Log, Moment, Rate, Recorded, Size,
    write_csv, write_json_lines,
};
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

/// More than one record is wrong, which no power cut does: it stays as it is, and the log goes on in the next file.
#[test]
fn what_no_cut_explains_is_kept_as_evidence() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    for person in 1..=4 {
        let _ = audit.append(granted(person), at(1));
    }
    drop(audit);
    door.edit("kept-000001.jsonl", |lines| drop(lines.remove(1)));
    let before = std::fs::read(door.file("kept-000001.jsonl")).unwrap();
    let mut audit = door.open(SMALL);
    let _ = audit.append(granted(5), at(2));
    assert_eq!(std::fs::read(door.file("kept-000001.jsonl")).unwrap(), before);
    let log = door.log();
    let [.., told, last] = &log.entries[..] else { panic!("too few") };
    assert_eq!((told.record.event.kind, &last.record.event), (Kind::Damaged, &granted(5)));
    let breaks: Vec<_> = log.breaks().map(|b| (b.file.as_str(), b.line, b.kind)).collect();
    let unlinked = BreakKind::Unlinked;
    assert_eq!(breaks[0], ("kept-000001.jsonl", 2, unlinked));
    assert!(breaks.len() <= 3, "{breaks:?}");
}

#[test]
fn a_chain_goes_on_across_files_and_the_oldest_go() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    for person in 1..=40 {
        assert_eq!(seq(audit.append(granted(person), at(1))), u64::from(person));
        assert!(size(&door.path, "kept") <= 6_000);
        if person % 7 == 0 {
            drop(audit);
            audit = door.open(SMALL);
        }
    }
    let log = door.log();
    assert_eq!((log.breaks().next(), log.chains[0].files), (None, 3));
    let people: Vec<u32> = log.entries.iter().map(|e| e.record.event.person.unwrap().0).collect();
    assert!(people.len() >= 12);
    assert_eq!(people, (41 - people.len() as u32..=40).collect::<Vec<_>>());
    // The first line of a file carries the hash of the last one before it.
    let mut names: Vec<_> =
        std::fs::read_dir(&door.path).unwrap().map(|f| f.unwrap().path()).collect();
    names.retain(|name| name.extension().is_some());
    names.sort();
    let texts: Vec<String> =
        names.iter().map(|name| std::fs::read_to_string(name).unwrap()).collect();
    for pair in texts.windows(2) {
        let last = pair[0].lines().last().unwrap();
        let hash = &last[last.len() - 66..last.len() - 2];
        assert!(pair[1].lines().next().unwrap().contains(&format!("\"prev\":\"{hash}\"")));
    }
}

/// Every change of a file that is not an append is found.
#[test]
fn verifying_finds_what_was_changed() {
    let first = "kept-000001.jsonl";
    let broken = |edit: &dyn Fn(&Door)| {
        let door = Door::new();
        let mut audit = door.open(SMALL);
        for person in 1..=20 {
            let _ = audit.append(granted(person), at(1));
        }
        assert_eq!(door.log().breaks().next(), None);
        edit(&door);
        let log = door.log();
        log.breaks().map(|b| (b.file.clone(), b.line, b.kind)).collect::<Vec<_>>()
    };
    let at = |line, kind| vec![(first.to_owned(), line, kind)];
    let edit = |with: fn(&mut Vec<String>)| broken(&|door| door.edit(first, with));
    let (changed, unlinked) = (BreakKind::Changed, BreakKind::Unlinked);
    // The line itself, and the one after it, which follows a line that is none.
    assert_eq!(
        edit(|lines| lines[1] = lines[1].replace("\"person\":2", "\"person\":1"))[0],
        at(2, changed)[0]
    );
    assert_eq!(edit(|lines| lines[1].push(' '))[0], at(2, changed)[0]);
    assert_eq!(edit(|lines| drop(lines.remove(2))), at(3, unlinked));
    assert_eq!(edit(|lines| lines.swap(1, 2))[0], at(2, unlinked)[0]);
    let twice = edit(|lines| lines.insert(1, lines[0].clone()));
    assert_eq!(twice[0], at(2, unlinked)[0]);
    assert_eq!(twice[1], at(2, BreakKind::Order)[0]);
    let missing = broken(&|door| std::fs::remove_file(door.file("kept-000002.jsonl")).unwrap());
    let third = "kept-000003.jsonl".to_owned();
    assert_eq!(missing, [(third.clone(), 1, BreakKind::FileMissing), (third, 1, unlinked)]);
    let short = broken(&|door| door.edit(first, |lines| lines.truncate(3)));
    assert_eq!(short, [("kept-000002.jsonl".to_owned(), 1, unlinked)]);
}

/// A chain that is cut at its end, or hashed anew from somewhere on, is whole in itself. A head that was noted elsewhere tells.
#[test]
fn a_noted_head_tells_what_a_chain_alone_cannot() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    for person in 1..=3 {
        let _ = audit.append(granted(person), at(1));
    }
    let _ = audit.append(refused("x"), at(1));
    let heads: Vec<Head> = audit.heads().collect();
    assert_eq!(heads.iter().map(|head| head.seq).collect::<Vec<_>>(), [3, 4]);
    let _ = audit.append(granted(4), at(1));
    drop(audit);
    assert_eq!(
        heads.iter().map(|head| door.log().holds(head)).collect::<Vec<_>>(),
        [Some(true); 2]
    );
    door.edit("kept-000001.jsonl", |lines| lines.truncate(2));
    let log = door.log();
    assert_eq!(log.breaks().next(), None);
    assert_eq!(log.holds(&heads[0]), Some(false).filter(|_| log.chains[1].first <= Some(3)));

    let whole = Door::new();
    let mut audit = whole.open(SMALL);
    let _ = audit.append(refused("x"), at(1));
    let _ = audit.append(granted(1), at(1));
    let head = audit.heads().next().unwrap();
    drop(audit);
    std::fs::remove_file(whole.file("kept-000001.jsonl")).unwrap();
    let mut audit = whole.open(SMALL);
    let _ = audit.append(granted(9), at(1));
    assert_eq!(head.seq, 2);
    assert_eq!(whole.log().breaks().next(), None);
    assert_eq!(whole.log().holds(&head), Some(false));
}

#[test]
fn a_follower_sees_every_record_once_and_in_order() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    let _ = audit.append(granted(1), at(1));
    let reader = Folder::read_only(&door.path).unwrap();
    let mut follow = Follow::new(&reader).unwrap();
    assert_eq!(follow.poll(&reader).unwrap(), []);
    let (mut written, mut seen) = (Vec::new(), Vec::new());
    for i in 0..60 {
        let event = if i % 3 == 0 { refused(&i.to_string()) } else { granted(i) };
        written.push(seq(audit.append(event, at(2))));
        // Half a record is none yet.
        let newest =
            std::fs::read_dir(&door.path).unwrap().map(|f| f.unwrap().path()).max().unwrap();
        assert!(newest.exists());
        if i % 4 == 0 {
            seen.extend(follow.poll(&reader).unwrap().into_iter().map(|record| record.seq));
        }
    }
    seen.extend(follow.poll(&reader).unwrap().into_iter().map(|record| record.seq));
    assert_eq!(seen, written);
}

#[test]
fn exports_are_the_lines_themselves_and_a_table() {
    let door = Door::new();
    let mut audit = door.open(SMALL);
    let _ = audit.append(granted(3), at(1));
    for _ in 0..3 {
        let _ = audit.append(refused("=\"two\nfaces\"").cosine(0.25), at(60_000));
    }
    assert!(!audit.close(at(70_000)).is_degraded());
    let log = door.log();
    let mut lines = Vec::new();
    write_json_lines(&log.entries, &mut lines).unwrap();
    let on_disk =
        ["kept", "routine"].map(|name| std::fs::read(door.file(&format!("{name}-000001.jsonl"))));
    assert_eq!(lines, on_disk.map(Result::unwrap).concat());

    let mut table = Vec::new();
    write_csv(&log.entries, &mut table).unwrap();
    let hash = |at: usize| log.entries[at].head.hash;
    let boot = "09".repeat(16);
    let expected = format!(
        "seq,utc,utc_ms,boot,mono_ms,kind,person,reason,cosine,times,since_mono_ms,hash\r\n\
         1,2025-11-26T21:00:00.001Z,1764190800001,{boot},1,granted,3,,0.75,1,,{}\r\n\
         2,2025-11-26T21:01:00.000Z,1764190860000,{boot},60000,refused,,\"'=\"\"two\nfaces\"\"\",0.25,1,,{}\r\n\
         3,2025-11-26T21:01:00.000Z,1764190860000,{boot},60000,refused,,\"'=\"\"two\nfaces\"\"\",0.25,2,60000,{}\r\n",
        hash(0),
        hash(1),
        hash(2),
    );
    assert_eq!(String::from_utf8(table).unwrap(), expected);
}
