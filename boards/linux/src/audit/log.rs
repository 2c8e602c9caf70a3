//! The whole log, read and checked: for lists, exports and `verify`.
//!
//! It may be read while the door writes to it: a record that is being written then looks torn.

use super::journal::{file_name, is_torn, numbers};
use super::record::Line;
use super::{Book, Head, Record};
use crate::disk::Disk;
use std::io;

/// A record and its line as it stands on the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it says.
    pub record: Record,
    /// The line without its end.
    pub line: String,
    /// Its number and hash.
    pub head: Head,
}

/// One chain's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Which.
    pub book: Book,
    /// How many there are.
    pub files: usize,
    /// The number of the oldest record that is kept.
    pub first: Option<u64>,
    /// The last record.
    pub head: Option<Head>,
    /// Whether the last line is not whole: a power cut, or it is being written. Somebody may also have changed it; a head that was
    /// noted elsewhere tells.
    pub torn: bool,
    /// Where the log is not what was written.
    pub breaks: Vec<Break>,
}

/// A place where the log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub kind: BreakKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakKind {
    /// The line is no record, or was changed.
    Changed,
    /// The line before is missing or another one.
    Unlinked,
    /// Its number is not above that of the line before.
    Order,
    /// The file before it is missing.
    FileMissing,
}

impl core::fmt::Display for Break {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let what = match self.kind {
            BreakKind::Changed => "is no record or was changed",
            BreakKind::Unlinked => "does not follow from the record before it",
            BreakKind::Order => "has a number that is not above the one before it",
            BreakKind::FileMissing => "follows a file that is missing",
        };
        write!(f, "{}: line {} {what}", self.file, self.line)
    }
}

/// Both chains.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// All records, in the order in which they were written.
    pub entries: Vec<Entry>,
    /// What is to be said of their chains.
    pub chains: [Chain; 2],
}

impl Log {
    /// Reads all of it.
    ///
    /// # Errors
    /// The folder or a file can't be read.
    pub fn read<D: Disk>(disk: &D) -> io::Result<Self> {
        let mut entries = Vec::new();
        let chains = [
            read_chain(disk, Book::Kept, &mut entries)?,
            read_chain(disk, Book::Routine, &mut entries)?,
        ];
        entries.sort_by_key(|entry| entry.head.seq);
        Ok(Self { entries, chains })
    }

    /// All breaks of both chains.
    pub fn breaks(&self) -> impl Iterator<Item = &Break> {
        self.chains.iter().flat_map(|chain| &chain.breaks)
    }

    /// Whether the record of `book` that was noted elsewhere is here, and the same. `None` if it is older than all that are kept, so
    /// that it may have made room for others.
    pub fn holds(&self, book: Book, noted: &Head) -> Option<bool> {
        let oldest = self.chains.iter().find(|chain| chain.book == book)?.first;
        let there = || self.entries.iter().any(|entry| entry.head == *noted);
        oldest.is_none_or(|oldest| oldest <= noted.seq).then(there)
    }
}

fn read_chain<D: Disk>(disk: &D, book: Book, entries: &mut Vec<Entry>) -> io::Result<Chain> {
    let numbers = numbers(disk, book)?;
    let mut chain =
        Chain { book, files: 0, first: None, head: None, torn: false, breaks: Vec::new() };
    let mut before = None;
    for (at, &number) in numbers.iter().enumerate() {
        let file = file_name(book, number);
        let bytes = match disk.read(&file, 0) {
            // The door removed it just now, because it was the oldest.
            Err(error) if error.kind() == io::ErrorKind::NotFound && at == 0 => continue,
            read => read?,
        };
        chain.files += 1;
        let mut found = |line, kind| chain.breaks.push(Break { file: file.clone(), line, kind });
        if before.is_some_and(|before: u32| before.checked_add(1) != Some(number)) {
            found(1, BreakKind::FileMissing);
        }
        before = Some(number);
        let mut from = 0;
        for (line, text) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
            let whole = text.strip_suffix(b"\n");
            from += text.len();
            let Some(parsed) = whole.and_then(Line::parse) else {
                let rest = bytes.get(from - text.len()..).unwrap_or_default();
                if at + 1 == numbers.len() && is_torn(rest) {
                    chain.torn = true;
                    break;
                }
                found(line, BreakKind::Changed);
                continue;
            };
            if let Some(before) = chain.head {
                if parsed.prev != before.hash {
                    found(line, BreakKind::Unlinked);
                }
                if parsed.record.seq <= before.seq {
                    found(line, BreakKind::Order);
                }
            }
            let head = Head { seq: parsed.record.seq, hash: parsed.hash };
            chain.first.get_or_insert(head.seq);
            chain.head = Some(head);
            let line = String::from_utf8_lossy(whole.unwrap_or_default()).into_owned();
            entries.push(Entry { record: parsed.record, line, head });
        }
    }
    Ok(chain)
}
