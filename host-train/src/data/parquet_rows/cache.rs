//! Row groups that were read and may be needed again, with a bound on their bytes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::data_type::ByteArray;

use crate::data::DataError;

/// Bytes of images kept at most; the group read last stays, whatever its size.
pub(super) const MOST_BYTES: usize = 512 << 20;

/// The images of one group, one a row.
type Images = Arc<Vec<Option<ByteArray>>>;

#[derive(Debug)]
struct Group {
    path: PathBuf,
    number: usize,
    bytes: usize,
    images: Images,
}

/// The groups of a source's files, the one used last at the back.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<VecDeque<Group>>);

impl Cache {
    /// The images of a group: kept ones, or those that `read` gives.
    ///
    /// Threads that ask at the same time wait for each other, so that no group is read twice and memory has one bound.
    pub(super) fn get(
        &self,
        path: &Path,
        number: usize,
        read: impl FnOnce() -> Result<Vec<Option<ByteArray>>, DataError>,
    ) -> Result<Images, DataError> {
        // What a panicking thread leaves is a list of whole groups all the same.
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = groups.iter().position(|group| group.number == number && group.path == path);
        let group = match held.and_then(|place| groups.remove(place)) {
            Some(group) => group,
            None => {
                let images = read()?;
                let bytes = images.iter().flatten().map(ByteArray::len).sum();
                Group { path: path.to_owned(), number, bytes, images: Arc::new(images) }
            }
        };
        let images = group.images.clone();
        groups.push_back(group);
        let mut bytes: usize = groups.iter().map(|group| group.bytes).sum();
        while bytes > MOST_BYTES && groups.len() > 1 {
            bytes -= groups.pop_front().map_or(0, |group| group.bytes);
        }
        Ok(images)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_least_recently_used_groups_go() {
        let cache = Cache::default();
        let path = Path::new("a.parquet");
        let mut reads = Vec::new();
        for number in [0, 1, 0, 2, 0, 1] {
            cache
                .get(path, number, || {
                    reads.push(number);
                    Ok(vec![Some(ByteArray::from(vec![0; MOST_BYTES * 2 / 5]))])
                })
                .unwrap();
            assert!(cache.0.lock().unwrap().len() <= 2);
        }
        // Two groups fit: 1 goes for 2, because 0 was used in between.
        assert_eq!(reads, [0, 1, 2, 1]);
    }
}
