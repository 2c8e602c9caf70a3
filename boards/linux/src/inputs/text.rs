//! A named pipe that takes the words of a button and a contact, to try a door without wires.

use crate::run::Inbox;
use edge_infer::door::{Contact, Event};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

pub(super) fn start(path: &Path, inbox: Inbox) -> io::Result<()> {
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        let text = format!("{} is no named pipe; make one with mkfifo", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // For writing too, so that it does not end when a writer closes it, and opening does not wait for one.
    let pipe = File::options().read(true).write(true).open(path)?;
    std::thread::Builder::new().name("inputs".to_owned()).spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            match event(line.trim()) {
                Some(event) => inbox.tell(event),
                None => eprintln!("the inputs' pipe takes exit, open and closed"),
            }
        }
    })?;
    Ok(())
}

fn event(word: &str) -> Option<Event> {
    Some(match word {
        "exit" => Event::ExitButton,
        "open" => Event::Contact(Contact::Open),
        "closed" => Event::Contact(Contact::Closed),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_events_and_others_are_none() {
        assert_eq!(event("exit"), Some(Event::ExitButton));
        assert_eq!(event("open"), Some(Event::Contact(Contact::Open)));
        assert_eq!(event("closed"), Some(Event::Contact(Contact::Closed)));
        assert_eq!(event("unlock"), None);
    }

    #[test]
    fn rejects_what_is_no_named_pipe() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = start(file.path(), Inbox::default()).unwrap_err();
        assert!(error.to_string().contains("mkfifo"), "{error}");
    }
}
