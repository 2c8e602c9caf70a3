//! One run by two programs that meet over the loopback interface.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tests::{SMALL, faces, run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");

/// Six drawn people, and where to meet: a port that was free just now.
struct Place {
    folder: tempfile::TempDir,
    faces: PathBuf,
    meet: String,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let faces = faces(folder.path(), 6, 4);
    Place { folder, faces, meet: format!("127.0.0.1:{port}") }
}

impl Place {
    /// Starts rank `rank` of two, with these flags beside where it meets the other.
    fn start(&self, rank: usize, out: &Path, flags: &str) -> Child {
        let mut command = Command::new(PROGRAM);
        command.args(["train", "--ranks", "2", "--patience", "60", "--meet", &self.meet]);
        command.args(["--rank", &rank.to_string(), "--out"]).arg(out);
        command.args(flags.split_whitespace());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The flags of a fresh run.
    fn fresh(&self, more: &str) -> String {
        format!("--data {} {} {more}", self.faces.display(), SMALL.join(" "))
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }
}

fn bytes(run: &Path) -> Vec<u8> {
    std::fs::read(run.join("checkpoint.safetensors")).unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Two ranks are one that learns in two parts, to the bit. One of them killed, the other saves what was done and says how to go
/// on, and the run ends with the same bits.
#[test]
fn two_ranks_learn_one_run_and_go_on_when_one_was_lost() {
    let p = place();
    let alone = p.folder.path().join("alone");
    let one = format!("train {} --out {{}}", p.fresh("--steps 40 --accumulate 2"));
    stdout(&run(PROGRAM, &one, &[&alone]));

    let flags = p.fresh("--steps 40");
    let nowhere = p.folder.path().join("nowhere");
    let (first, mut other) = (p.start(0, &p.run(), &flags), p.start(1, &nowhere, &flags));
    let steps =
        || std::fs::read_to_string(p.run().join("log.jsonl")).map_or(0, |log| log.lines().count());
    while steps() < 5 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    other.kill().unwrap();
    other.wait().unwrap();
    let first = first.wait_with_output().unwrap();
    assert_eq!(first.status.code(), Some(2));
    assert!(told(&first).contains("rank 1 is lost"), "{}", told(&first));
    assert!((5..40).contains(&steps()), "{} steps", steps());

    let (first, other) = (p.start(0, &p.run(), "--resume"), p.start(1, &nowhere, &flags));
    stdout(&first.wait_with_output().unwrap());
    stdout(&other.wait_with_output().unwrap());
    assert!(bytes(&p.run()) == bytes(&alone), "other weights");
    assert_eq!(steps(), 40);
    assert!(!nowhere.exists(), "rank 1 wrote");
}

#[test]
fn rejects_a_rank_with_other_settings_before_anything_is_written() {
    let p = place();
    let flags = |seed: usize| p.fresh(&format!("--steps 4 --seed {seed}"));
    let ranks = [p.start(0, &p.run(), &flags(1)), p.start(1, &p.run(), &flags(2))];
    for output in ranks.map(|rank| rank.wait_with_output().unwrap()) {
        assert_eq!(output.status.code(), Some(2));
        let words = "rank 1 has train.seed = 2 where rank 0 has 1";
        assert!(told(&output).contains(words), "{}", told(&output));
    }
    assert!(!p.run().exists());
}

#[test]
fn rejects_flags_that_do_not_go_together() {
    let p = place();
    for (flags, words) in [
        ("--resume --ranks 2 --rank 1 --meet 127.0.0.1:1 --out {}", "--resume to rank 0 alone"),
        ("--data {} --batch 7 --ranks 2 --rank 0 --meet 127.0.0.1:1 --out {}", "change --batch"),
        ("--data {} --ranks 2 --out {}", "--rank <I>"),
        ("--data {} --batch 8 --batch-norm frozen --out {}", "--init RUN"),
    ] {
        let small = SMALL[..4].join(" ");
        let small = if flags.contains("--data") { small } else { String::new() };
        let paths: [&Path; 2] = [&p.faces, &p.run()];
        let paths = if flags.contains("--data") { &paths[..] } else { &paths[1..] };
        let output = run(PROGRAM, &format!("train {flags} {small}"), paths);
        assert_eq!(output.status.code(), Some(2), "{flags}");
        assert!(told(&output).contains(words), "{flags}: {}", told(&output));
        assert!(!p.run().exists(), "{flags} left a folder");
    }
}
