//! The two halves: which one is live, copying to the other, and what a cut left of it.
//!
//! ```text
//!  0            4             8
//!  | generation | next record | next person |      the commit, in slot 0, written last; records follow in slots 1, 2, ..
//! ```
//!
//! The half with the higher commit is the live one. The other is erased before it is written and when the live one is known, so that
//! nothing removed stays.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::record::RECORD;
use super::{GalleryError, Report, Stored};
use crate::store::bytes::{Reader, Writer};
use crate::store::flash::{FlashError, Region};
use crate::store::slot::{Content, Kind, Slot};

/// Commits.
const COMMIT: Kind = Kind(*b"dc");

/// The live half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    /// 0 or 1.
    pub(super) half: u32,
    pub(super) generation: u32,
    pub(super) next_record: u32,
    pub(super) next_person: u32,
    /// The slot for the next record.
    pub(super) used: u32,
    pub(super) records: u32,
    pub(super) damaged: u32,
    /// The other half was erased since the power came, to the end. One that only reads as blank may have been erased for a moment.
    spare_erased: bool,
}

/// What a commit says.
#[derive(Clone, Copy, Debug)]
struct Commit {
    generation: u32,
    next_record: u32,
    next_person: u32,
}

impl Live {
    /// With a commit's numbers, which count those that were removed too.
    fn numbered(self, commit: Commit) -> Self {
        let next_record = self.next_record.max(commit.next_record);
        let next_person = self.next_person.max(commit.next_person);
        Self { next_record, next_person, ..self }
    }
}

/// Of two halves without a commit the one that was copied from: the other has no more records. If it has as many, nobody is lost
/// either way, and the older one holds whoever was not told to be removed.
fn fuller(first: Live, second: Live) -> Live {
    let rank = |half: &Live| (half.records, core::cmp::Reverse(half.generation));
    if rank(&second) > rank(&first) { second } else { first }
}

/// Both halves in a range of flash.
#[derive(Debug)]
pub(super) struct Halves<F, const SLOT: usize> {
    region: Region<F>,
    per_sector: u32,
    slot: Slot<SLOT>,
}

impl<F: NorFlash, const SLOT: usize> Halves<F, SLOT> {
    pub(super) fn new(flash: F, range: Range<u32>) -> Result<Self, FlashError> {
        let region = Region::new(flash, range, 2)?;
        let per_sector = Slot::<SLOT>::per_sector(Region::<F>::SECTOR)?;
        Ok(Self { region, per_sector, slot: Slot::EMPTY })
    }

    /// Finds the live half, erases the other and formats what is new.
    pub(super) fn open(&mut self) -> Result<(Live, Report), GalleryError> {
        let commits = [self.commit(0)?, self.commit(1)?];
        let [first, second] = commits;
        let found = [self.look(0, first)?, self.look(1, second)?];
        let recovered =
            commits.iter().all(Option::is_none) && found.iter().any(|half| half.used > 0);
        let mut live = match (found, commits) {
            ([first, second], [None, None]) => fuller(first, second),
            ([first, _], [Some(ours), theirs])
                if theirs.is_none_or(|theirs| theirs.generation < ours.generation) =>
            {
                first.numbered(ours)
            }
            ([first, second], [_, ours]) => ours.map_or(first, |ours| second.numbered(ours)),
        };
        if commits.iter().all(Option::is_none) {
            self.copy(&mut live, |_| true)?;
        } else if !self.is_blank(1 - live.half)? {
            self.erase(1 - live.half)?;
            live.spare_erased = true;
        }
        let report = Report { records: live.records, damaged: live.damaged, recovered };
        Ok((live, report))
    }

    /// How many records a half holds.
    pub(super) fn capacity(&self) -> u32 {
        self.slots() - 1
    }

    /// The record in a slot of the live half; `None` if it is damaged.
    pub(super) fn record(
        &mut self,
        live: &Live,
        index: u32,
    ) -> Result<Option<Stored<'_>>, FlashError> {
        let generation = live.generation;
        let content = self.load(live.half, index, RECORD)?;
        Ok(match content {
            Content::Whole(payload) => {
                Stored::decode(payload).filter(|found| found.0 == generation).map(|found| found.1)
            }
            Content::Blank | Content::Damaged => None,
        })
    }

    pub(super) fn program(
        &mut self,
        half: u32,
        index: u32,
        slot: &Slot<SLOT>,
    ) -> Result<(), FlashError> {
        let at = self.address(half, index);
        slot.program(&mut self.region, at)
    }

    /// Copies the records that `keep` lets through to the other half, commits it and erases this one.
    pub(super) fn copy(
        &mut self,
        live: &mut Live,
        mut keep: impl FnMut(&Stored<'_>) -> bool,
    ) -> Result<(), GalleryError> {
        let target = 1 - live.half;
        let generation = live.generation.checked_add(1).ok_or(GalleryError::Numbers)?;
        if !live.spare_erased {
            self.erase(target)?;
        }
        let (mut used, mut records) = (1, 0);
        for index in 1..live.used {
            let mut payload = [0; SLOT];
            let copied = self.record(live, index)?.filter(|stored| keep(stored));
            let Some(len) = copied.and_then(|stored| stored.encode(generation, &mut payload))
            else {
                continue;
            };
            if let Some(copy) =
                payload.get(..len).and_then(|payload| Slot::<SLOT>::seal(RECORD, payload))
            {
                self.program(target, used, &copy)?;
                (used, records) = (used + 1, records + 1);
            }
        }
        let mut payload = [0; 12];
        Writer::new(&mut payload)
            .put(&generation.to_le_bytes())
            .put(&live.next_record.to_le_bytes())
            .put(&live.next_person.to_le_bytes());
        let too_long = FlashError::Record { bytes: SLOT, sector: Region::<F>::SECTOR };
        let commit = Slot::<SLOT>::seal(COMMIT, &payload).ok_or(too_long)?;
        self.program(target, 0, &commit)?;
        self.erase(live.half)?;
        *live = Live {
            half: target,
            generation,
            used,
            records,
            damaged: 0,
            spare_erased: true,
            ..*live
        };
        Ok(())
    }

    /// Leaves nothing of a record in memory.
    pub(super) fn forget(&mut self) {
        self.slot.clear();
    }

    /// What lies in a half, by its records and the generation of its commit.
    fn look(&mut self, half: u32, commit: Option<Commit>) -> Result<Live, FlashError> {
        let generation = commit.map_or(0, |commit| commit.generation);
        let mut live = Live {
            half,
            generation,
            next_record: 1,
            next_person: 1,
            used: 0,
            records: 0,
            damaged: 0,
            spare_erased: false,
        };
        for index in 0..self.slots() {
            let found = match self.load(half, index, RECORD)? {
                Content::Blank => continue,
                Content::Damaged => None,
                Content::Whole(payload) => Stored::decode(payload),
            };
            live.used = index + 1;
            match found {
                // Without a commit the records say of which generation they are.
                Some((theirs, stored)) if generation == 0 || theirs == generation => {
                    live.generation = theirs;
                    live.records += 1;
                    live.next_record = live.next_record.max(stored.record.saturating_add(1));
                    live.next_person = live.next_person.max(stored.person.saturating_add(1));
                }
                _ => live.damaged += u32::from(index > 0),
            }
        }
        Ok(live)
    }

    fn commit(&mut self, half: u32) -> Result<Option<Commit>, FlashError> {
        let Content::Whole(payload) = self.load(half, 0, COMMIT)? else { return Ok(None) };
        let mut fields = Reader(payload);
        let mut next = || fields.u32();
        let all = (next(), next(), next());
        let (Some(generation), Some(next_record), Some(next_person)) = all else { return Ok(None) };
        Ok(Some(Commit { generation, next_record, next_person }))
    }

    fn is_blank(&mut self, half: u32) -> Result<bool, FlashError> {
        let bytes = self.sectors() * Region::<F>::SECTOR;
        self.region.is_blank(half * bytes..(half + 1) * bytes)
    }

    fn erase(&mut self, half: u32) -> Result<(), FlashError> {
        let sectors = self.sectors();
        (half * sectors..(half + 1) * sectors).try_for_each(|sector| self.region.erase(sector))
    }

    fn load(&mut self, half: u32, index: u32, kind: Kind) -> Result<Content<'_>, FlashError> {
        let at = self.address(half, index);
        self.slot.read(&mut self.region, at)?;
        Ok(self.slot.open(kind))
    }

    fn address(&self, half: u32, index: u32) -> u32 {
        let sector = half * self.sectors() + index / self.per_sector;
        sector * Region::<F>::SECTOR + index % self.per_sector * SLOT as u32
    }

    /// Of a half.
    fn sectors(&self) -> u32 {
        self.region.sectors() / 2
    }

    /// Of a half.
    fn slots(&self) -> u32 {
        self.sectors() * self.per_sector
    }
}
