//! A named pipe that takes the words of a button and a contact, to try a door without wires.

use super::pipe;
use crate::run::Inbox;
use edge_infer::door::{Contact, Event};
use rustix::fs::OFlags;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

pub(super) fn start(path: &Path, inbox: Inbox) -> io::Result<()> {
    let pipe = pipe::open(path, OFlags::empty())?;
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
}
