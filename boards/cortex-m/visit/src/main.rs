//! The host's side of the emulated boards.
//!
//! ```text
//! visit photographs TAR PEOPLE OUT [LATER]  a visit of photographs, from a tar with one folder a person; PEOPLE is a CSV, name,
//!                                           number, split, of whom those of `test` come. LATER: the enrolled person's return alone
//! visit answer EMBEDDING OUT                what the embedding network gives for the drawn face
//! visit expected DETECTOR EMBEDDING VISIT   the lines of templates that a board must print
//! visit package SEED COUNTER MODEL ANSWER OUT   an update of a board's model, signed with the owner's seed of 32 bytes
//! ```
//!
//! It computes with the firmware's own library, on this machine's fastest instructions.
#![allow(clippy::std_instead_of_core, reason = "this runs on the host")]

mod eyes;
mod package;
mod photographs;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("visit: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["photographs", tar, people, out, ref later @ ..] if later.len() < 2 => {
            let people = photographs::of_split(&std::fs::read_to_string(people)?, "test");
            let people = photographs::read(Path::new(tar), &people)?;
            let [visit, returning] = photographs::visits(&people)?;
            std::fs::write(out, visit)?;
            later.iter().try_for_each(|later| std::fs::write(later, &returning))?;
            Ok(())
        }
        ["answer", embedding, out] => Ok(std::fs::write(out, eyes::answer(embedding)?)?),
        ["package", seed, counter, model, answer, out] => {
            let package = package::package(seed, counter.parse()?, model, answer)?;
            Ok(std::fs::write(out, package)?)
        }
        ["expected", detector, embedding, visit] => eyes::expected(detector, embedding, visit),
        _ => Err("photographs TAR PEOPLE OUT [LATER], answer EMBEDDING OUT, expected DETECTOR EMBEDDING VISIT, \
              or package SEED COUNTER MODEL ANSWER OUT"
            .into()),
    }
}
