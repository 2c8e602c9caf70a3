//! One chain of records in files of bounded size: `NAME-000001.jsonl`, `NAME-000002.jsonl` and so on, the oldest removed.
//!
//! ```text
//! append:  open the newest at its known length, which cuts off what a failed write left ─ write a line ─ sync
//! rotate:  create the next with the line in it ─ sync ─ sync the folder ─ remove the oldest
//! ```
//!
//! A line counts when all of this succeeded. What the line says is left to [`Audit`](super::Audit).

use super::record::{Hash, Head, Line, MAX_LINE};
use super::{Book, Event, Kind};
use crate::disk::Disk;
use std::io;

/// How much a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// A file that would grow beyond it is followed by the next, so that it holds at least one record.
    pub file_bytes: u64,
    /// Most files; at least 2.
    pub files: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Journal {
    book: Book,
    size: Size,
    /// The files' numbers, ascending. The last is written to.
    files: Vec<u32>,
    /// Bytes of the last file that count.
    len: u64,
    /// Whether the next line begins a new file, whatever there is of that name.
    begin: bool,
    /// The last record.
    head: Option<Head>,
    /// The highest number that was given when it was opened.
    last_seq: u64,
}

impl Journal {
    /// The journal of `book` on `disk`, ready to go on after whatever happened to it, and what that was.
    pub(super) fn open<D: Disk>(
        disk: &D,
        book: Book,
        size: Size,
    ) -> io::Result<(Self, Option<Event>)> {
        let files = numbers(disk, book)?;
        let mut journal = Self { book, size, files, len: 0, begin: false, head: None, last_seq: 0 };
        let Some(&newest) = journal.files.last() else {
            journal.begin = true;
            return Ok((journal, None));
        };
        let mut bytes = disk.read(&file_name(book, newest), 0)?;
        let mut found = Found::of(&bytes);
        let rest = bytes.split_off(found.len);
        journal.len = found.len as u64;
        // A file without a record is a rotation that was cut off: the file before has the last one.
        for &number in journal.files.iter().rev().skip(1) {
            if found.head.is_some() {
                break;
            }
            found = Found::of(&disk.read(&file_name(book, number), 0)?);
        }
        (journal.head, journal.last_seq) = (found.head, found.last_seq);
        if rest.is_empty() {
            return Ok((journal, None));
        }
        let what = format!("{}: {} bytes", file_name(book, newest), rest.len());
        if is_torn(&rest) {
            let event = Event::new(Kind::Repaired).reason(&format!("{what} of a torn record"));
            return Ok((journal, Some(event)));
        }
        // Evidence stays as it is.
        journal.begin = true;
        Ok((journal, Some(Event::new(Kind::Damaged).reason(&format!("{what} are no records")))))
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.head
    }

    /// The highest number that was given in this chain when it was opened.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The hash that the next line is to carry on.
    pub(super) fn last_hash(&self) -> Hash {
        self.head.map_or(Hash([0; 32]), |head| head.hash)
    }

    /// Writes a line, which then is safe from a power cut.
    ///
    /// # Errors
    /// The disk fails. The line may be there or not, and the next one takes its place.
    pub(super) fn append<D: Disk>(&mut self, disk: &D, line: &str, head: Head) -> io::Result<()> {
        let full = self.len + line.len() as u64 > self.size.file_bytes && self.len > 0;
        if self.begin || full {
            self.rotate(disk, line)?;
        } else {
            let newest = self.files.last().copied().unwrap_or_default();
            let opened = disk.open(&file_name(self.book, newest), self.len);
            // Somebody removed it: what follows is still worth keeping.
            self.begin = opened.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
            let mut file = opened?;
            disk.write(&mut file, line.as_bytes())?;
            disk.sync(&mut file)?;
            self.len += line.len() as u64;
        }
        self.head = Some(head);
        Ok(())
    }

    fn rotate<D: Disk>(&mut self, disk: &D, line: &str) -> io::Result<()> {
        // If anything fails, the next line begins the same file again, and no line goes into the one before.
        self.begin = true;
        let number = self.files.last().map_or(Some(1), |newest| newest.checked_add(1));
        let number = number.ok_or_else(|| io::Error::other("all file numbers are used"))?;
        let name = file_name(self.book, number);
        let again = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => disk.open(&name, 0),
            _ => Err(error),
        };
        let mut file = disk.create(&name).or_else(again)?;
        disk.write(&mut file, line.as_bytes())?;
        disk.sync(&mut file)?;
        disk.sync_folder()?;
        self.begin = false;
        self.files.push(number);
        self.len = line.len() as u64;
        while self.files.len() > self.size.files.max(2) {
            let oldest = self.files.first().copied().unwrap_or_default();
            match disk.remove(&file_name(self.book, oldest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => break,
                _ => drop(self.files.remove(0)),
            }
        }
        Ok(())
    }
}

/// The name of a journal's file.
pub(super) fn file_name(book: Book, number: u32) -> String {
    format!("{}-{number:06}.jsonl", book.name())
}

/// The numbers of a journal's files, ascending.
pub(super) fn numbers<D: Disk>(disk: &D, book: Book) -> io::Result<Vec<u32>> {
    let number = |file: &String| {
        let digits = file.strip_prefix(book.name())?.strip_prefix('-')?.strip_suffix(".jsonl")?;
        let number = digits.parse().ok()?;
        (file_name(book, number) == *file).then_some(number)
    };
    let mut numbers: Vec<u32> = disk.list()?.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether what follows a file's last good record is the rest of one. One is written at a time and none behind it before it is safe, so
/// there is no record in it; of tries that failed before, there may be line ends.
pub(super) fn is_torn(rest: &[u8]) -> bool {
    let whole = |text: &[u8]| text.strip_suffix(b"\n").and_then(Line::parse).is_some();
    let records = rest.split_inclusive(|&byte| byte == b'\n').any(whole);
    !rest.is_empty() && rest.len() <= MAX_LINE && !records
}

/// What is in a file.
struct Found {
    /// Bytes of the records that follow each other.
    len: usize,
    /// The last of them.
    head: Option<Head>,
    /// The highest number of all records, also of those that follow no other: it is not given again.
    last_seq: u64,
}

impl Found {
    fn of(bytes: &[u8]) -> Self {
        let (mut found, mut broken) = (Self { len: 0, head: None, last_seq: 0 }, false);
        for text in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(line) = text.strip_suffix(b"\n").and_then(Line::parse) else {
                broken = true;
                continue;
            };
            found.last_seq = found.last_seq.max(line.record.seq);
            broken |= found.head.is_some_and(|before| before.hash != line.prev);
            if !broken {
                found.len += text.len();
                found.head = Some(Head { seq: line.record.seq, hash: line.hash });
            }
        }
        found
    }
}
