//! One chain of records in a ring of its own.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::record::{BYTES, Hash, Linked};
use super::{Chain, Head, Record};
use crate::store::flash::FlashError;
use crate::store::ring::{Found, Ring};
use crate::store::slot::Kind;

/// Bytes of a record's slot.
const SLOT: usize = 128;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Book<F> {
    ring: Ring<F, SLOT>,
    /// The newest record, of which the next one holds the hash; its boot.
    head: Option<(Head, u32)>,
    /// An append failed; what it left is to be found out.
    unsure: bool,
}

impl<F: NorFlash> Book<F> {
    pub(super) fn open(
        flash: F,
        range: Range<u32>,
        kind: Kind,
    ) -> Result<(Self, Found), FlashError> {
        const { assert!(BYTES <= Ring::<(), SLOT>::CAPACITY, "a record fits its slot") };
        let (ring, found) = Ring::open(flash, range, kind)?;
        let mut book = Self { ring, head: None, unsure: false };
        book.find_head()?;
        Ok((book, found))
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.head.map(|(head, _)| head)
    }

    pub(super) fn last_boot(&self) -> u32 {
        self.head.map_or(0, |(_, boot)| boot)
    }

    /// The last number that was given, to a record that is there.
    pub(super) fn last_seq(&self) -> u64 {
        self.ring.head().unwrap_or_default()
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), FlashError> {
        if self.unsure {
            self.ring.scan()?;
            self.find_head()?;
            self.unsure = false;
        }
        let (bytes, hash) = record.encode(&self.head.map_or([0; 32], |(head, _)| head.hash));
        let appended = self.ring.append(record.seq, &bytes);
        match appended {
            Ok(()) => self.head = Some((Head { seq: record.seq, hash }, record.boot)),
            Err(_) => self.unsure = true,
        }
        appended
    }

    /// Calls `each` with every sound record, the oldest first, and says what is to be said of them.
    pub(super) fn for_each(&mut self, mut each: impl FnMut(Record)) -> Result<Chain, FlashError> {
        let mut chain = Chain::default();
        let mut before: Option<(u64, Hash)> = None;
        self.ring.for_each(|found| {
            let Some((seq, bytes)) = found else { return chain.damaged += 1 };
            let Some(linked) = Linked::decode(seq, bytes).filter(|linked| linked.sound) else {
                return chain.changed += 1;
            };
            if before.is_some_and(|(seq, hash)| linked.prev != hash || linked.record.seq <= seq) {
                chain.unlinked += 1;
            }
            before = Some((seq, linked.hash));
            chain.records += 1;
            chain.first.get_or_insert(seq);
            each(linked.record);
        })?;
        chain.head = before.map(|(seq, hash)| Head { seq, hash });
        Ok(chain)
    }

    fn find_head(&mut self) -> Result<(), FlashError> {
        let seq = self.last_seq();
        let linked = self.ring.newest()?.and_then(|bytes| Linked::decode(seq, bytes));
        self.head = linked.map(|linked| (Head { seq, hash: linked.hash }, linked.record.boot));
        Ok(())
    }
}
