//! The log as it grows: `audit follow`.

use super::journal::{file_name, numbers};
use super::record::Line;
use super::{Book, Record};
use crate::disk::Disk;
use std::io;

/// Where a reader is in one chain.
#[derive(Debug)]
struct Place {
    book: Book,
    /// The file's number, 0 before the first, and how far it was read.
    number: u32,
    from: u64,
}

/// A reader of both chains, from the end of each when it is made.
#[derive(Debug)]
pub struct Follow {
    places: [Place; 2],
}

impl Follow {
    /// From now on.
    ///
    /// # Errors
    /// The folder or a file can't be read.
    pub fn new<D: Disk>(disk: &D) -> io::Result<Self> {
        let place = |book| Place { book, number: 0, from: 0 };
        let mut follow = Self { places: [place(Book::Kept), place(Book::Routine)] };
        follow.poll(disk)?;
        Ok(follow)
    }

    /// The records that were written since the last call, in their order.
    ///
    /// # Errors
    /// The folder or a file can't be read.
    pub fn poll<D: Disk>(&mut self, disk: &D) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for place in &mut self.places {
            place.read(disk, &mut records)?;
        }
        records.sort_by_key(|record| record.seq);
        Ok(records)
    }
}

impl Place {
    fn read<D: Disk>(&mut self, disk: &D, records: &mut Vec<Record>) -> io::Result<()> {
        for number in numbers(disk, self.book)? {
            if number < self.number {
                continue;
            }
            if number > self.number {
                (self.number, self.from) = (number, 0);
            }
            let bytes = match disk.read(&file_name(self.book, number), self.from) {
                // Removed since the list was made, because it was the oldest.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                read => read?,
            };
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                // The rest is being written.
                let Some(whole) = line.strip_suffix(b"\n") else {
                    break;
                };
                self.from += line.len() as u64;
                records.extend(Line::parse(whole).map(|line| line.record));
            }
        }
        Ok(())
    }
}
