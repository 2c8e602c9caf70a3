//! The newest records of both chains, without reading the rest.

use super::journal::{file_name, numbers};
use super::record::Line;
use super::{Book, Record};
use crate::disk::Disk;
use std::io;

/// The last `count` records, the newest first. It reads of each chain as many of its newest files as it needs, usually one, and does
/// not check the chain.
///
/// # Errors
/// The folder or a file can't be read.
pub fn tail<D: Disk>(disk: &D, count: usize) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    for book in [Book::Kept, Book::Routine] {
        let mut left = count;
        for &number in numbers(disk, book)?.iter().rev() {
            let bytes = match disk.read(&file_name(book, number), 0) {
                // Removed since the list was made, because it was the oldest.
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                read => read?,
            };
            let lines = bytes.split(|&byte| byte == b'\n').rev().filter_map(Line::parse);
            let before = records.len();
            records.extend(lines.take(left).map(|line| line.record));
            left -= records.len() - before;
            if left == 0 {
                break;
            }
        }
    }
    records.sort_by_key(|record| core::cmp::Reverse(record.seq));
    records.truncate(count);
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, BootId, Event, Kind, Limits, Moment, Recorded, Size};
    use crate::disk::Folder;

    #[test]
    fn the_newest_of_both_chains_over_several_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let disk = Folder::lock(&path).unwrap();
        let size = Size { file_bytes: 4_096, files: 8 };
        let limits = Limits { kept: size, ..Limits::default() };
        let now = Moment { utc_ms: 5, mono_ms: 5 };
        let mut audit = Audit::open(disk, limits, BootId([1; 16]), now).unwrap();
        for number in 0..60 {
            let kind = if number % 10 == 9 { Kind::Refused } else { Kind::Granted };
            let event = Event::new(kind).reason(&number.to_string());
            assert!(matches!(audit.append(event, now), Recorded::Written { .. }));
        }
        let disk = Folder::read_only(&path).unwrap();
        let reasons = |count| -> Vec<String> {
            let records = tail(&disk, count).unwrap();
            records.into_iter().map(|record| record.event.reason.unwrap()).collect()
        };
        let expected =
            |count: usize| (60 - count..60).rev().map(|n| n.to_string()).collect::<Vec<_>>();
        for count in [0, 1, 7, 40] {
            assert_eq!(reasons(count), expected(count), "{count}");
        }
    }
}
