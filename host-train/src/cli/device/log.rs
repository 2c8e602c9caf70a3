//! `device log`.

use super::{DoorArgs, ask};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::hex;
use clap::ValueEnum;
use device_protocol::{Book, ChainEnd, EventKind, LogRecord, Request, Response};
use serde::Serialize;

/// Prints what the door did, the oldest first, and checks that no record was changed or taken out.
///
/// Exit code 1 if one was. Note the head elsewhere: it shows later whether anything up to it was changed.
#[derive(clap::Args)]
pub(crate) struct LogArgs {
    #[command(flatten)]
    door: DoorArgs,
    /// Which chain.
    #[arg(long, default_value = "kept")]
    book: BookName,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum BookName {
    /// Openings, changes of people, updates.
    Kept,
    /// Refusals and faults, repeats counted.
    Routine,
}

#[derive(Serialize)]
struct Log {
    records: Vec<Row>,
    head_seq: Option<u64>,
    head_hash: Option<String>,
    /// Slots that hold no record: torn by a power cut, or damaged.
    damaged: u32,
    changed: u32,
    unlinked: u32,
}

#[derive(Serialize)]
struct Row {
    seq: u64,
    boot: u32,
    utc_ms: u64,
    mono_ms: u64,
    kind: String,
    person: Option<u32>,
    reason: u16,
    cosine: Option<f32>,
    times: u32,
}

pub(super) fn run(args: &LogArgs) -> Result<(), Failure> {
    let log = read(args)?;
    match args.json {
        true => output::json(&log)?,
        false => print(&log)?,
    }
    match (log.changed, log.unlinked) {
        (0, 0) => Ok(()),
        (changed, unlinked) => Err(Failure::Check(format!(
            "the log is not what was written: {changed} records changed, {unlinked} do not follow from the one before"
        ))),
    }
}

fn read(args: &LogArgs) -> Result<Log, Failure> {
    let door = &mut args.door.connect()?;
    let book = match args.book {
        BookName::Kept => Book::Kept,
        BookName::Routine => Book::Routine,
    };
    let (mut records, mut after) = (Vec::new(), 0);
    let ChainEnd { head, damaged, changed, unlinked, .. } = loop {
        let next = ask(door, &Request::Log { book, after }, |response| match response {
            Response::Record(record) => Some(Ok(record)),
            Response::LogEnd(end) => Some(Err(end)),
            _ => None,
        })?;
        match next {
            // A device that goes back would be asked for ever.
            Ok(record) if record.seq <= after => {
                return Err(Failure::Input(format!(
                    "the device sends record {} after {after}",
                    record.seq
                )));
            }
            Ok(record) => {
                after = record.seq;
                records.push(row(&record));
            }
            Err(end) => break end,
        }
    };
    let (head_seq, head_hash) = head.map(|(seq, hash)| (seq, hex::encode(&hash))).unzip();
    Ok(Log { records, head_seq, head_hash, damaged, changed, unlinked })
}

fn row(record: &LogRecord) -> Row {
    let &LogRecord { seq, boot, utc_ms, mono_ms, kind, person, reason, cosine, times, .. } = record;
    let kind = EventKind::from_code(kind)
        .map_or_else(|| format!("kind {kind}"), |kind| kind.name().to_owned());
    Row { seq, boot, utc_ms, mono_ms, kind, person, reason, cosine, times }
}

fn print(log: &Log) -> Result<(), Failure> {
    for Row { seq, boot, mono_ms, kind, person, reason, times, .. } in &log.records {
        let seconds = *mono_ms as f64 / 1000.0;
        let person = person.map(|person| format!(", person {person}")).unwrap_or_default();
        let reason = if *reason == 0 { String::new() } else { format!(", reason {reason}") };
        let times = if *times == 1 { String::new() } else { format!(", {times} times") };
        output::line(&format!(
            "{seq:>6}  boot {boot} + {seconds:.3} s  {kind}{person}{reason}{times}"
        ))?;
    }
    let head = match (&log.head_seq, &log.head_hash) {
        (Some(seq), Some(hash)) => format!("; head {seq} {hash}"),
        _ => String::new(),
    };
    output::line(&format!("{} records, {} damaged slots{head}", log.records.len(), log.damaged))
}
