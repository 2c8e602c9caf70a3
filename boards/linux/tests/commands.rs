//! The program as it is called: exit codes, what stands on stdout and on stderr. No networks are needed here.
#![allow(clippy::unwrap_used)]

use door_linux::audit::{Audit, BootId, Event, Kind, Limits, Moment, Recorded};
use door_linux::disk::Folder;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn door(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_door"));
    let config = folder.join("door.toml");
    if !config.exists() {
        let people = folder.join("people");
        let key = folder.join("people.key");
        let text = format!(
            "[people]\nfolder = {people:?}\nkey = {key:?}\n[models]\nfolder = {folder:?}\n"
        );
        std::fs::write(&config, text).unwrap();
    }
    command.arg("--config").arg(config).args(arguments).env_remove("DOOR_MODELS").output().unwrap()
}

/// The text of a command that succeeds.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = door(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of a command that ends with `code`.
fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = door(folder, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    error
}

#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        vec![],
        vec!["enroll"],
        vec!["people"],
        vec!["people", "import"],
        vec!["audit"],
        vec!["audit", "verify"],
        vec!["calibrate"],
        vec!["test"],
        vec!["replay"],
        vec!["config"],
    ];
    for command in commands {
        let help = good(folder.path(), &[&command[..], &["--help"]].concat());
        assert!(help.contains("Usage: door") && help.contains("--set"), "{command:?}: {help}");
    }
}

#[test]
fn settings_are_checked_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(good(folder, &["config", "check"]), "the settings can be used\n");
    good(folder, &["config", "check", "--set", "liveness=off", "--set", "frames.good=4"]);
    // Before the command and behind it; neither is dropped.
    for words in [
        ["--set", "frames.good=1", "config", "check", "--set=liveness=off"],
        ["--set=liveness=off", "config", "check", "--set", "frames.good=1"],
    ] {
        assert!(refused(folder, &words, 2).contains("frames.good"), "{words:?}");
    }
    let error = refused(folder, &["config", "check", "--set", "frames.good=1"], 2);
    assert!(error.contains("frames.good"), "{error}");
    let error = refused(folder, &["config", "check", "--set", "threshold=0.2"], 2);
    assert!(error.contains("threshold"), "{error}");
    // What is printed is a file of settings.
    let text = good(folder, &["config", "default"]);
    std::fs::write(folder.join("all.toml"), text).unwrap();
    let all = folder.join("all.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_door"))
        .args(["config", "check", "--config"])
        .arg(all)
        .output()
        .unwrap();
    assert!(output.status.success());
}

#[test]
fn a_store_is_made_once_and_people_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused(folder, &["people", "list"], 2);
    good(folder, &["people", "init"]);
    refused(folder, &["people", "init"], 2);
    assert_eq!(good(folder, &["people", "list"]), "");
    assert_eq!(good(folder, &["people", "list", "--json"]), "{\"people\":[]}\n");

    let document = folder.join("in.json");
    // 1 / sqrt(3^2 + 4^2), to single precision.
    let people = r#"{"format":1,"next_person":3,"next_template":2,"people":[{"id":2,"profile":{"name":"Zoë","groups":["staff"]},
        "templates":[{"id":1,"pipeline":{"model":"00112233445566778899aabbccddeeff","preprocessing":"ffeeddccbbaa99887766554433221100"},
        "values":"AwQ=","inverse_norm":0.2,"source":"picture","enrolled_ms":5}]}]}"#;
    std::fs::write(&document, people).unwrap();
    let imported = good(folder, &["people", "import", document.to_str().unwrap(), "--json"]);
    assert_eq!(imported, "{\"imported\":[{\"from\":2,\"id\":2}]}\n");
    good(folder, &["people", "rename", "2", "Zoë Ω"]);
    let list = good(folder, &["people", "list"]);
    assert!(
        list.contains("Zoë Ω") && list.contains("1 templates") && list.contains("staff"),
        "{list}"
    );

    let out = folder.join("out.json");
    good(folder, &["people", "export", out.to_str().unwrap()]);
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("Zoë Ω") && text.contains("AwQ="), "{text}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&out).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let error = refused(folder, &["people", "export", out.to_str().unwrap()], 2);
    assert!(error.contains("out.json"), "{error}");

    refused(folder, &["people", "rename", "7", "Nobody"], 2);
    // All of them or none.
    refused(folder, &["people", "remove", "2", "7"], 2);
    assert!(good(folder, &["people", "list"]).contains("Zoë Ω"));
    good(folder, &["people", "remove", "2"]);
    refused(folder, &["people", "purge"], 2);
    assert_eq!(good(folder, &["people", "purge", "--yes"]), "0 people forgotten\n");
    assert_eq!(good(folder, &["people", "list"]), "");
}

/// A command that reads a line from standard input.
fn typed(folder: &Path, arguments: &[&str], line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_door"));
    command.arg("--config").arg(folder.join("door.toml")).args(arguments);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn pins_and_cards_are_given_and_forgotten_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    good(folder, &["people", "init"]);
    let document = folder.join("in.json");
    let people = r#"{"format":1,"next_person":3,"next_template":1,"people":[{"id":1,"profile":{"name":"Ada"},"templates":[]},
        {"id":2,"profile":{"name":"Bob"},"templates":[]}]}"#;
    std::fs::write(&document, people).unwrap();
    good(folder, &["people", "import", document.to_str().unwrap()]);
    for (arguments, line) in [
        (&["people", "credential", "1"][..], "471147\n"),
        (&["people", "credential", "1", "--duress"], "471148\r\n"),
        (&["people", "credential", "2"], "0A00F1B2C3"),
    ] {
        let output = typed(folder, arguments, line);
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
    for (id, line, why) in [
        ("2", "471147\n", "taken"),
        ("1", "0A00F1B2C3\n", "taken"),
        ("2", "123\n", "3 characters"),
        ("9", "9999\n", "no person 9"),
    ] {
        let output = typed(folder, &["people", "credential", id], line);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(why) && error.lines().count() == 1, "{error}");
    }
    let list = good(folder, &["people", "list", "--json"]);
    assert!(list.contains("\"credentials\":2") && list.contains("\"credentials\":1"), "{list}");
    let out = folder.join("out.json");
    good(folder, &["people", "export", out.to_str().unwrap()]);
    let text = std::fs::read_to_string(out).unwrap();
    assert!(text.contains("\"mac\"") && !text.contains("471147") && !text.contains("0A00F1B2C3"));
    let forgotten = good(folder, &["people", "credential", "1", "--forget"]);
    assert_eq!(forgotten, "2 PINs and cards forgotten\n");
    assert!(typed(folder, &["people", "credential", "2"], "471147\n").status.success());
}

#[test]
fn rejects_missing_networks_by_what_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let error = refused(folder, &["test", "face.jpg"], 2);
    assert!(error.contains("detector") && error.contains("detector.afm"), "{error}");
    std::fs::write(folder.join("detector.afm"), b"no model").unwrap();
    let error = refused(folder, &["test", "face.jpg"], 2);
    assert!(error.contains("no usable model file"), "{error}");
}

#[test]
fn rejects_a_list_that_is_none_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = folder.join("s.csv");
    std::fs::write(&list, "visit,person,kind,t_ms,path\n1,Ada,guest,0,a.jpg\n").unwrap();
    let list = list.to_str().unwrap();
    let error = refused(folder, &["replay", list, "--root", ".", "--people", "."], 2);
    assert!(error.contains("guest"), "{error}");
}

#[test]
fn rejects_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["enroll"][..], &["enroll", "--name", "Ada"], &["people", "remove"], &["fly"]]
    {
        assert_eq!(door(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_log_is_shown_checked_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("log");
    let set = format!("log.folder={}", path.display());
    fn words<'a>(set: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["--set", set, "audit"], arguments].concat()
    }
    let error = refused(folder, &words(&set, &["show"]), 2);
    assert!(error.contains("log"), "{error}");

    let now = Moment { utc_ms: 1_764_190_800_000, mono_ms: 5 };
    let write = |kinds: &[Kind]| {
        let disk = Folder::lock(&path).unwrap();
        let mut audit = Audit::open(disk, Limits::default(), BootId([7; 16]), now).unwrap();
        for &kind in kinds {
            let event = Event::new(kind).reason("=1+1").cosine(0.5);
            assert!(matches!(audit.append(event, now), Recorded::Written { .. }));
        }
    };
    write(&[Kind::Started, Kind::Granted, Kind::Refused]);
    let text = good(folder, &words(&set, &["show", "--last", "2"]));
    let expected = "     2  2025-11-26T21:00:00.000Z  granted, cosine 0.500: =1+1\n     \
                    3  2025-11-26T21:00:00.000Z  refused, cosine 0.500: =1+1\n";
    assert_eq!(text, expected);
    let lines = good(folder, &words(&set, &["show", "--json"]));
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.lines().all(|line| line.contains(r#""boot":"07070707"#)), "{lines}");

    let csv = folder.join("log.csv");
    good(folder, &words(&set, &["export", "--csv", csv.to_str().unwrap()]));
    let table = std::fs::read_to_string(&csv).unwrap();
    assert!(table.lines().count() == 4 && table.contains("\"'=1+1\""), "{table}");
    let error = refused(folder, &words(&set, &["export", csv.to_str().unwrap()]), 2);
    assert!(error.contains("log.csv"), "{error}");
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), table);

    // Both heads, as they can be noted elsewhere.
    let checked = good(folder, &words(&set, &["verify"]));
    let heads: Vec<&str> = checked.lines().skip(1).collect();
    assert!(heads[0].starts_with("kept:2:") && heads[1].starts_with("routine:3:"), "{checked}");
    let noted = ["verify", "--noted", heads[0], "--noted", heads[1]];
    good(folder, &words(&set, &noted));
    write(&[Kind::Stopped]);
    good(folder, &words(&set, &noted));
    let exported = good(folder, &words(&set, &["export"]));
    assert_eq!(exported.lines().count(), 4);

    // One that was written anew in its place: whole in itself, but not what was noted.
    std::fs::remove_dir_all(&path).unwrap();
    write(&[Kind::Started, Kind::Stopped, Kind::Refused]);
    good(folder, &words(&set, &["verify"]));
    let output = door(folder, &words(&set, &noted));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("record kept:2 is not the one noted"), "{text}");

    // A byte of it.
    let file = path.join("kept-000001.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = door(folder, &words(&set, &["verify", "--json"]));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("kept-000001.jsonl: line 1 is no record or was changed"), "{text}");
    for wrong in ["kept:2", "all:2:00", "kept:two:00"] {
        assert_eq!(
            door(folder, &words(&set, &["verify", "--noted", wrong])).status.code(),
            Some(2)
        );
    }
}
