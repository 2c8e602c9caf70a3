//! Its files: rotation, damage, checking, following, export.

use crate::{Door, SMALL, at, granted, refused, seq, size};
use door_linux::audit::{Book, BreakKind, Follow, Head, Kind, write_csv, write_json_lines};
use door_linux::disk::Folder;

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
    // Numbers are given once, also those that only the damaged part has.
    assert_eq!((told.head.seq, last.head.seq), (5, 6));
    let breaks: Vec<_> = log.breaks().map(|b| (b.file.as_str(), b.line, b.kind)).collect();
    let unlinked = BreakKind::Unlinked;
    assert_eq!(breaks[0], ("kept-000001.jsonl", 2, unlinked));
    assert!(breaks.len() <= 3, "{breaks:?}");
    drop(audit);
    std::fs::write(door.file("kept-000002.jsonl"), "").unwrap();
    assert_eq!(seq(door.open(SMALL).append(granted(6), at(3))), 5);
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
    let heads: Vec<(Book, Head)> = audit.heads().collect();
    let seqs: Vec<_> = heads.iter().map(|(book, head)| (*book, head.seq)).collect();
    assert_eq!(seqs, [(Book::Kept, 3), (Book::Routine, 4)]);
    let _ = audit.append(granted(4), at(1));
    drop(audit);
    let holds = || {
        let log = door.log();
        assert_eq!(log.breaks().next(), None);
        heads.iter().map(|(book, head)| log.holds(*book, head)).collect::<Vec<_>>()
    };
    assert_eq!(holds(), [Some(true), Some(true)]);
    door.edit("kept-000001.jsonl", |lines| lines.truncate(2));
    assert_eq!(holds(), [Some(false), Some(true)]);
    std::fs::remove_file(door.file("routine-000001.jsonl")).unwrap();
    assert_eq!(holds(), [Some(false), Some(false)]);

    // A record that made room for others can't be told from one that was taken out.
    let mut audit = door.open(SMALL);
    for person in 0..40 {
        let _ = audit.append(granted(person), at(1));
    }
    assert_eq!(holds(), [None, Some(false)]);
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
