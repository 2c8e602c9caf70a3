//! Releases onto a board that is a folder: `ssh` and `scp` are programs on the path that work there, and so are the board's own.
#![allow(clippy::unwrap_used)]

use super::*;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One at a time: they look at what is left in /tmp.
static ONE: Mutex<()> = Mutex::new(());

/// What stands for `ssh`: the last argument runs here. `scp` copies, and changes a byte if it is told to.
const SSH: &str = r#"#!/bin/sh
for word; do :; done
[ ! -e "$FAKE/unplugged" ] || { echo "Connection refused" >&2; exit 255; }
exec env PATH="$FAKE/board:$PATH" DOOR_FLASH_ROOT="$FAKE/root" sh -c "$word"
"#;
const SCP: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
cp -R "$2" "${3#*:}"
[ ! -e "$FAKE/noise" ] || printf x | dd of="${3#*:}/$(cat "$FAKE/noise")" bs=1 seek=20 conv=notrunc 2> /dev/null
"#;
/// The board's: whoever is told to cut the power before the n-th change kills the script that made it.
const CUT: &str = r#"
case "$*" in
  # What came by scp is in the way of nothing.
  *door-flash*) ;;
  *)
    if [ -e "$FAKE/cut" ]; then
      left=$(cat "$FAKE/cut")
      [ "$left" -gt 0 ] || { /bin/rm "$FAKE/cut"; kill -9 $PPID; exit 1; }
      echo $((left - 1)) > "$FAKE/cut"
    fi
    ;;
esac
"#;
const SYSTEMCTL: &str = r#"
case "$*" in
  *is-active*) [ -e "$FAKE/running" ] ;;
  stop*) rm -f "$FAKE/running" ;;
  start*)
    current=$(readlink "$FAKE/root/opt/door/current" || echo package)
    echo "$current" >> "$FAKE/started"
    [ ! -e "$FAKE/root/opt/door/$current/models/no-start.afm" ] || exit 1
    touch "$FAKE/running"
    ;;
esac
"#;
/// Its doctor finds wrong what the board's file says, and dies where a release says so.
const PROGRAM: &str = r#"#!/bin/sh
[ "$1" = doctor ] || exit 3
[ ! -e "$FAKE/running" ] || { echo "the camera is in use"; exit 2; }
printf 'camera    ok       /dev/video0\n'
for name in people $(cat "$DOOR_MODELS/../wrong" 2> /dev/null); do
  printf '%-9s wrong    of no use\n' "$name"
done
exit 1
"#;

struct Fake {
    folder: tempfile::TempDir,
    _one: MutexGuard<'static, ()>,
}

impl Fake {
    fn new() -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let fake = Self { folder: tempfile::tempdir().unwrap(), _one: one };
        fake.tool("bin/ssh", SSH);
        fake.tool("bin/scp", SCP);
        for name in ["cp", "mv", "ln", "rm", "sync"] {
            let real =
                format!("#!/bin/sh\n{CUT}\nPATH=${{PATH#*:}}; export PATH; exec {name} \"$@\"\n");
            fake.tool(&format!("board/{name}"), &real);
        }
        fake.tool("board/systemctl", &format!("#!/bin/sh\n{CUT}\n{SYSTEMCTL}"));
        fake.tool("board/runuser", "#!/bin/sh\nshift 3\nexec \"$@\"\n");
        // Whoever runs the tests is root on their board.
        fake.tool("board/id", "#!/bin/sh\necho 0\n");
        fake.tool("board/chown", "#!/bin/sh\n");
        fake.write("root/usr/lib/systemd/system/door.service", b"[Service]\n");
        fake.write("root/proc/device-tree/model", b"Raspberry Pi 5 Model B Rev 1.0\0");
        fake.tool("board/uname", "#!/bin/sh\necho aarch64\n");
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn tool(&self, name: &str, text: &str) {
        self.write(name, text.as_bytes());
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A release whose program is a script: the check of its processor is another test's.
    fn release(&self, name: &str, files: &[(&str, &[u8])]) -> Release {
        let folder = self.path(&format!("made-{name}"));
        let mut sums = String::new();
        let mut all: BTreeMap<&str, &[u8]> = BTreeMap::new();
        all.insert("door", PROGRAM.as_bytes());
        all.insert("models/embedding.afm", name.as_bytes());
        all.extend(files.iter().copied());
        for (file, bytes) in &all {
            self.write(&format!("made-{name}/{file}"), bytes);
            let hash: String = crate::hex::encode(&Sha256::digest(bytes));
            sums += &format!("{hash}  {file}\n");
        }
        fs::write(folder.join("SHA256SUMS"), &sums).unwrap();
        let digest = crate::hex::encode(&Sha256::digest(sums.as_bytes()));
        Release { folder, digest, files: all.len() }
    }

    fn remote(&self) -> Remote {
        let bin = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let fake = self.folder.path().into();
        Remote::among("pi@door.lan", vec![("PATH", bin.into()), ("FAKE", fake)])
    }

    fn install(&self, release: &Release) -> Result<Flashed, FlashError> {
        install(&self.remote(), "raspberry-pi5", &pi5(), release)
    }

    fn current(&self) -> Option<String> {
        let link = fs::read_link(self.path("root/opt/door/current")).ok()?;
        Some(link.display().to_string())
    }

    /// Whether the release that is current is whole.
    fn is_whole(&self) -> bool {
        let folder = self.path("root/opt/door/current/");
        let mut sums = Command::new("sha256sum");
        let sums = sums.args(["--quiet", "--check", "--strict", "SHA256SUMS"]).current_dir(folder);
        sums.output().unwrap().status.success()
    }
}

fn linux(name: &str) -> Linux {
    match Board::named(name).unwrap() {
        Board::Ssh(board) => board,
        Board::Probe(chip) => panic!("{chip:?}"),
    }
}

fn pi5() -> Linux {
    linux("raspberry-pi5")
}

fn refused(result: Result<Flashed, FlashError>) -> String {
    match result {
        Err(error @ FlashError::Refused { .. }) => {
            assert!(error.is_verdict());
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_release_runs_the_next_one_takes_its_place_and_comes_off_again() {
    let fake = Fake::new();
    let [one, two, three] = ["one", "two", "three"].map(|name| fake.release(name, &[]));
    let first = fake.install(&one).unwrap();
    assert_eq!((first.current.as_str(), first.previous.as_str()), (one.name().as_str(), ""));
    assert!(!first.running, "nobody started it");
    assert_eq!(first.wrong, ["people"]);
    assert_eq!(fake.read("root/opt/door/current/models/embedding.afm"), "one");
    let unit = fake.read("root/etc/systemd/system/door.service.d/release.conf");
    assert!(unit.contains("ExecStart=/opt/door/current/door run"), "{unit}");

    fake.write("running", b"");
    let second = fake.install(&two).unwrap();
    assert_eq!((second.current, second.previous), (two.name(), one.name()));
    assert!(second.running && fake.path("running").exists());
    // The same once more changes nothing.
    let again = fake.install(&two).unwrap();
    assert_eq!((again.current, fake.current()), (two.name(), Some(two.name())));

    let back = roll_back(&fake.remote(), "raspberry-pi5", &pi5()).unwrap();
    assert_eq!((back.current, back.previous), (one.name(), two.name()));
    assert!(fake.is_whole());
    // Two are kept.
    fake.install(&three).unwrap();
    assert_eq!(fs::read_dir(fake.path("root/opt/door/releases")).unwrap().count(), 2);
    assert!(!fs::read_dir("/tmp").unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.join("release/models/embedding.afm").exists()
            && path.to_string_lossy().contains("door-flash.")
    }));
}

#[test]
fn what_was_damaged_on_its_way_is_refused() {
    let fake = Fake::new();
    let one = fake.release("one", &[]);
    fake.install(&one).unwrap();
    let two = fake.release("two", &[]);
    for name in ["door", "models/embedding.afm", "SHA256SUMS"] {
        fake.write("noise", name.as_bytes());
        let why = refused(fake.install(&two));
        assert!(why.contains("what came is not what was sent"), "{name}: {why}");
        assert_eq!(fake.current(), Some(one.name()));
        assert_eq!(fs::read_dir(fake.path("root/opt/door/releases")).unwrap().count(), 1);
    }
    fs::remove_file(fake.path("noise")).unwrap();
    fake.install(&two).unwrap();
    assert!(fake.is_whole());
}

#[test]
fn what_makes_something_wrong_or_does_not_start_is_taken_back() {
    let fake = Fake::new();
    fake.write("running", b"");
    let one = fake.release("one", &[]);
    fake.install(&one).unwrap();
    for (name, file, word) in [
        ("wrong", ("wrong", &b"networks"[..]), "networks"),
        ("no-start", ("models/no-start.afm", b"x"), "does not start"),
        ("no-program", ("door", b"#!/bin/sh\nexit 126\n"), "does not run"),
    ] {
        let release = fake.release(name, &[file]);
        let why = refused(fake.install(&release));
        assert!(why.contains(word), "{name}: {why}");
        assert_eq!(fake.current(), Some(one.name()), "{name}");
        assert!(fake.path("running").exists() && fake.is_whole(), "{name}: the door runs again");
    }
    assert_eq!(fake.read("started").lines().last().unwrap(), one.name());
}

/// After the first release there is nothing before it but the package's own door.
#[test]
fn a_first_release_that_does_not_start_leaves_the_package_s_door() {
    let fake = Fake::new();
    fake.write("running", b"");
    let why = refused(fake.install(&fake.release("bad", &[("models/no-start.afm", b"x")])));
    assert!(why.contains("the package installed runs again"), "{why}");
    assert_eq!(fake.current(), None);
    assert!(!fake.path("root/etc/systemd/system/door.service.d/release.conf").exists());
    assert_eq!(fake.read("started").lines().last().unwrap(), "package");
    assert!(fake.path("running").exists());
}

#[test]
fn a_power_cut_at_any_step_leaves_the_old_release_or_the_new_one_whole() {
    let fake = Fake::new();
    let [one, two] = ["one", "two"].map(|name| fake.release(name, &[]));
    fake.install(&one).unwrap();
    let (mut old, mut new) = (0, 0);
    for step in 0.. {
        fake.write("running", b"");
        fake.write("cut", step.to_string().as_bytes());
        let result = fake.install(&two);
        // It is gone after a cut.
        let _ = fs::remove_file(fake.path("cut"));
        assert!(fake.is_whole(), "step {step}");
        match fake.current() {
            Some(name) if name == one.name() => old += 1,
            Some(name) if name == two.name() => new += 1,
            other => panic!("step {step}: {other:?}"),
        }
        // The next try, after the power is back, needs nothing by hand.
        fake.write("running", b"");
        assert_eq!(fake.install(&two).unwrap().current, two.name(), "step {step}");
        assert!(fake.is_whole(), "step {step}");
        let cut = result.is_err();
        if !cut {
            break;
        }
        roll_back(&fake.remote(), "raspberry-pi5", &pi5()).unwrap();
        fs::remove_dir_all(fake.path("root/opt/door").join(two.name())).unwrap();
        fs::remove_file(fake.path("root/opt/door/previous")).unwrap();
    }
    assert!(old >= 5 && new >= 2, "{old} cuts left the old one, {new} the new one");
}

#[test]
fn rejects_boards_that_are_not_what_was_said() {
    let fake = Fake::new();
    let one = fake.release("one", &[]);
    let other = linux("raspberry-pi4");
    let error = install(&fake.remote(), "raspberry-pi4", &other, &one).unwrap_err();
    assert!(matches!(error, FlashError::OtherBoard { .. }), "{error}");
    fs::remove_file(fake.path("root/usr/lib/systemd/system/door.service")).unwrap();
    let error = fake.install(&one).unwrap_err();
    assert!(matches!(error, FlashError::NoPackage { .. }), "{error}");
    let error = roll_back(&fake.remote(), "raspberry-pi5", &pi5()).unwrap_err();
    assert!(matches!(error, FlashError::NoPackage { .. }), "{error}");
    fake.write("unplugged", b"");
    let error = fake.install(&one).unwrap_err();
    assert!(matches!(&error, FlashError::Connection { .. }), "{error}");
    assert!(error.to_string().contains("Connection refused") && !error.is_verdict());
    assert_eq!(fake.current(), None);
}

#[test]
fn rejects_a_roll_back_to_nothing() {
    let fake = Fake::new();
    fake.install(&fake.release("one", &[])).unwrap();
    let why = refused(roll_back(&fake.remote(), "raspberry-pi5", &pi5()));
    assert!(why.contains("no release before"), "{why}");
}

#[test]
fn without_ssh_it_says_what_to_install_and_by_hand_it_works_too() {
    let fake = Fake::new();
    let one = fake.release("one", &[]);
    let nothing = Remote::among("pi", vec![("PATH", fake.path("no-tools").into())]);
    let error = install(&nothing, "raspberry-pi5", &pi5(), &one).unwrap_err();
    assert!(matches!(error, FlashError::NoTool { tool: "ssh" }), "{error}");
    assert!(error.to_string().contains("openssh-client") && error.to_string().contains("--out"));

    let advice = by_hand(&one).unwrap();
    let words: Vec<&str> = advice.split("sudo ").nth(1).unwrap().split(' ').collect();
    let path = format!("{}:{}", fake.path("board").display(), std::env::var("PATH").unwrap());
    let done = Command::new(words[0])
        .args(&words[1..])
        .current_dir(fake.folder.path())
        .env("PATH", path)
        .env("FAKE", fake.folder.path())
        .env("DOOR_FLASH_ROOT", fake.path("root"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fake.current(), Some(one.name()));
    assert!(one.folder.exists(), "it may be somebody's only copy");
}

#[test]
fn rejects_hosts_that_are_options() {
    for host in ["", "-oProxyCommand=x", "pi door", "pi;reboot", "$(x)"] {
        assert!(matches!(Remote::new(host), Err(FlashError::Host { .. })), "{host}");
    }
    for host in ["pi", "pi@door.lan", "root@192.168.1.7", "pi@fe80::1"] {
        assert!(Remote::new(host).is_ok(), "{host}");
    }
}

fn elf(machine: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes
}

#[test]
fn a_release_lists_the_hashes_of_program_and_networks() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let zoo =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm"));
    fs::write(at("door"), elf(0xb7)).unwrap();
    fs::create_dir(at("models")).unwrap();
    fs::copy(zoo, at("models/embedding.afm")).unwrap();
    fs::write(at("models/notes.txt"), "not sent").unwrap();
    let build = |name: &str| Release::build(&pi5(), &at("door"), &at("models"), &at(name));
    let release = build("out").unwrap();
    assert_eq!((release.files, release.name().len()), (2, "releases/".len() + 16));
    let mut check = Command::new("sha256sum");
    let check = check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(at("out"));
    assert!(check.output().unwrap().status.success());
    assert!(!at("out/models/notes.txt").exists());
    assert_eq!(build("again").unwrap().digest, release.digest);
}

#[test]
fn rejects_programs_and_networks_that_would_not_run_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("models")).unwrap();
    let build = || Release::build(&pi5(), &at("door"), &at("models"), &at("out")).unwrap_err();
    for (bytes, word) in [
        (elf(0x3e), "x86_64"),
        (elf(0x28), "another processor"),
        (b"#!/bin/sh\n".to_vec(), "no 64-bit Linux"),
        (Vec::new(), "no 64-bit Linux"),
    ] {
        fs::write(at("door"), bytes).unwrap();
        let error = build();
        assert!(matches!(error, FlashError::Program { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    fs::write(at("door"), elf(0xb7)).unwrap();
    assert!(matches!(build(), FlashError::NoModels { .. }));
    fs::write(at("models/embedding.afm"), b"no model").unwrap();
    assert!(matches!(build(), FlashError::Model(_)));
    fs::remove_file(at("models/embedding.afm")).unwrap();
    let zoo =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm"));
    fs::copy(zoo, at("models/two words.afm")).unwrap();
    assert!(matches!(build(), FlashError::Name { .. }));
    fs::remove_file(at("door")).unwrap();
    assert!(matches!(build(), FlashError::File(_)));
    assert!(!at("out").exists());
}
