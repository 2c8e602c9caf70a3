//! Lines through a real terminal and a real pipe to what the door is told.

use super::*;
use crate::run::Live;
use crate::store::{NewTemplate, People, PersonId, PreprocessingId, Profile, Source};
use crate::watch::{FrameSource as _, Moment};
use edge_infer::matching::Template;
use model_format::ModelId;
use std::io::Write as _;
use std::path::Path;

fn keyring() -> Keyring {
    let mut people = People::default();
    let template = Template::from_embedding(&[1.0, 0.5], ModelId([1; 16])).unwrap();
    let (template, preprocessing) = (template.as_ref(), PreprocessingId([2; 16]));
    let new = NewTemplate { template, preprocessing, source: Source::Picture };
    for name in ["Ada", "Bob"] {
        let profile = Profile { name: name.to_owned(), ..Profile::default() };
        people.enrol(profile, &[new], 0).unwrap();
    }
    people.add_credential(PersonId(1), "4711", false).unwrap();
    people.add_credential(PersonId(1), "4712", true).unwrap();
    people.add_credential(PersonId(2), "0A00F1B2C3", false).unwrap();
    let keyring = Keyring::default();
    keyring.replace(people.credentials());
    keyring
}

fn of(person: u32, duress: bool) -> Event {
    Event::Credential(Credential { person, duress })
}

fn config(kind: ReaderKind, device: &Path) -> ReaderConfig {
    ReaderConfig { kind, device: device.to_owned(), speed: 9_600 }
}

/// The next event, which must come within some seconds.
fn next(live: &mut Live) -> Event {
    let until = clock::now_ms() + 10_000;
    match live.next(until).unwrap() {
        Some(Moment::Told { event, .. }) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_of_a_serial_reader_are_somebody_s_or_refused() {
    let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let device = Path::new(name.to_str().unwrap());
    let (inbox, keyring) = (Inbox::default(), keyring());
    let mut live = Live::new(inbox.clone());
    let reader = config(ReaderKind::Serial, device);
    // Opened here too, so that nothing is typed before the port is raw.
    let mut open = reader.open().unwrap().unwrap();
    let thread = std::thread::spawn({
        let inbox = inbox.clone();
        move || open.serve(&inbox, &keyring)
    });
    let mut master = File::from(master);
    for (line, event) in [
        ("4711\r\n", of(1, false)),
        ("\x020A00F1B2C3\r\n\x03", of(2, false)),
        ("4712#", of(1, true)),
        ("0000\n", Event::CredentialRefused),
        (&"1".repeat(3_000), Event::CredentialRefused),
        ("4711\n", of(1, false)),
    ] {
        master.write_all(line.as_bytes()).unwrap();
        if line.len() > 64 {
            master.write_all(b"\n").unwrap();
        }
        assert_eq!(next(&mut live), event, "{line:?}");
    }
    inbox.stop();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_pipe_that_comes_late_is_found_and_new_pins_count_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reader");
    let (inbox, keyring) = (Inbox::default(), keyring());
    let mut live = Live::new(inbox.clone());
    config(ReaderKind::Pipe, &path).start(inbox.clone(), keyring.clone()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Twice, because a writer that ends is no end of the reader.
    for _ in 0..2 {
        let mut pipe = OpenOptions::new().write(true).open(&path).unwrap();
        pipe.write_all(b"4711\n").unwrap();
        drop(pipe);
        assert_eq!(next(&mut live), of(1, false));
    }
    keyring.replace(Credentials::default());
    std::fs::write(&path, b"4711\n").unwrap();
    assert_eq!(next(&mut live), Event::CredentialRefused);
    inbox.stop();
}

#[test]
fn rejects_devices_that_are_no_readers() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for kind in [ReaderKind::Serial, ReaderKind::Keyboard, ReaderKind::Pipe] {
        assert!(config(kind, file.path()).open().is_err(), "{kind:?}");
        let gone = config(kind, Path::new("/dev/no-reader")).open().unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound, "{kind:?}");
    }
    assert!(config(ReaderKind::Off, Path::new("")).open().unwrap().is_none());
}
