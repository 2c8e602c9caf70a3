//! `audit`: what the door did, shown, followed, checked and written for other programs.

use super::{Failure, Settings, print_json, setup};
use crate::audit::{
    Book, Chain, Follow, Hash, Head, Log, Record, tail, utc_text, write_csv, write_json_lines,
};
use crate::disk::Folder;
use core::str::FromStr;
use core::time::Duration;
use serde_json::json;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// How often the files are looked at by `follow`.
const EACH: Duration = Duration::from_millis(500);

/// Shows what the door did, and whether anybody changed the records
#[derive(clap::Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(clap::Subcommand)]
enum AuditCommand {
    /// The newest records, the oldest of them first
    Show {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: usize,
        /// Print JSON, a record a line
        #[arg(long)]
        json: bool,
    },
    /// Records as they are written, until it is interrupted
    Follow {
        /// Print JSON, a record a line
        #[arg(long)]
        json: bool,
    },
    /// Whether the records follow each other as they were written; exit code 1 if not
    ///
    /// Whoever can write the files can hash all of them anew. A last record that was noted elsewhere, as this command prints it, shows
    /// that too.
    Verify {
        /// A last record that was noted earlier; may be given several times
        #[arg(long, value_name = "BOOK:NUMBER:HASH")]
        noted: Vec<Noted>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// All records, as JSON lines that can be checked again, or as a table
    Export {
        /// A table with a head, for spreadsheets
        #[arg(long)]
        csv: bool,
        /// A new file, in place of standard output
        file: Option<PathBuf>,
    },
}

/// A chain's last record, as it was noted.
#[derive(Clone, Debug)]
struct Noted {
    book: Book,
    head: Head,
}

impl FromStr for Noted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (book, rest) = text.split_once(':')?;
            let (seq, hash) = rest.split_once(':')?;
            let book = [Book::Kept, Book::Routine].into_iter().find(|b| b.name() == book)?;
            let hash = Hash(crate::hex::decode(hash)?);
            Some(Self { book, head: Head { seq: seq.parse().ok()?, hash } })
        };
        parse().ok_or_else(|| "not kept or routine, a number and 64 hex digits".to_owned())
    }
}

pub(super) fn run(settings: &Settings, args: &AuditArgs) -> Result<(), Failure> {
    let disk = Folder::read_only(&settings.load()?.log.folder)?;
    match &args.command {
        AuditCommand::Show { last, json } => {
            let mut records = tail(&disk, *last)?;
            records.reverse();
            show(&records, *json)
        }
        AuditCommand::Follow { json } => {
            let mut follow = Follow::new(&disk)?;
            loop {
                show(&follow.poll(&disk)?, *json)?;
                std::thread::sleep(EACH);
            }
        }
        AuditCommand::Verify { noted, json } => verify(&Log::read(&disk)?, noted, *json),
        AuditCommand::Export { csv, file } => export(&Log::read(&disk)?, *csv, file.as_ref()),
    }
}

fn show(records: &[Record], json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for record in records {
        let Record { seq, at, event, times, .. } = record;
        if json {
            let value = json!({
                "seq": seq, "boot": record.boot.to_string(), "utc_ms": at.utc_ms, "mono_ms": at.mono_ms, "kind": event.kind,
                "person": event.person, "reason": event.reason, "cosine": event.cosine, "times": times,
            });
            writeln!(out, "{value}")?;
            continue;
        }
        let kind = serde_json::to_value(event.kind)?;
        write!(out, "{seq:6}  {}  {}", utc_text(at.utc_ms), kind.as_str().unwrap_or_default())?;
        if let Some(person) = event.person {
            write!(out, ", person {person}")?;
        }
        if let Some(cosine) = event.cosine {
            write!(out, ", cosine {cosine:.3}")?;
        }
        if *times != 1 {
            write!(out, ", {times} times")?;
        }
        if let Some(reason) = &event.reason {
            write!(out, ": {reason}")?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

fn verify(log: &Log, noted: &[Noted], json: bool) -> Result<(), Failure> {
    let note = |chain: &Chain| {
        chain.head.map(|Head { seq, hash }| format!("{}:{seq}:{hash}", chain.book.name()))
    };
    let mut wrong: Vec<String> = log.breaks().map(ToString::to_string).collect();
    for Noted { book, head } in noted {
        let name = book.name();
        match log.holds(*book, head) {
            Some(true) => {}
            Some(false) => wrong.push(format!("record {name}:{} is not the one noted", head.seq)),
            None => eprintln!("note: {name}:{} is older than all that is kept", head.seq),
        }
    }
    if json {
        let chains: Vec<_> = log.chains.iter().map(|chain| {
            json!({"book": chain.book.name(), "files": chain.files, "first": chain.first, "head": note(chain), "torn": chain.torn})
        }).collect();
        print_json(&json!({"records": log.entries.len(), "chains": chains, "wrong": wrong}));
    } else {
        println!("{} records", log.entries.len());
        for chain in &log.chains {
            let torn = if chain.torn { "; the last line is not whole" } else { "" };
            println!(
                "{}{torn}",
                note(chain).unwrap_or_else(|| format!("{}: none", chain.book.name()))
            );
        }
        for place in &wrong {
            println!("{place}");
        }
    }
    match &wrong[..] {
        [] => Ok(()),
        [first, ..] => Err(Failure::Check(format!(
            "the log is not what was written, in {} places, the first: {first}",
            wrong.len()
        ))),
    }
}

fn export(log: &Log, csv: bool, file: Option<&PathBuf>) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    if csv {
        write_csv(&log.entries, &mut bytes)?;
    } else {
        write_json_lines(&log.entries, &mut bytes)?;
    }
    let Some(path) = file else {
        return Ok(io::stdout().lock().write_all(&bytes)?);
    };
    setup::write_new(path, &bytes)
}
