//! The log against a plain list, through power cuts, floods, flipped bits and hands that change it.

use core::cell::RefCell;
use std::println;
use std::vec::Vec;

use super::*;
use crate::store::flash::Shared;
use crate::store::sim::{Cut, Rp2350, SimFlash};
use crate::store::trials::{State, every_cut};

const RATE: Rate = Rate { burst: 60, each_ms: 30_000 };

type Chip<const W: usize, const P: usize, const E: usize> = SimFlash<W, P, E>;

fn layout(sector: u32, kept: u32, routine: u32) -> Layout {
    Layout { kept: 0..kept * sector, routine: kept * sector..(kept + routine) * sector, rate: RATE }
}

fn at(mono_ms: u64) -> Moment {
    Moment { utc_ms: 1_764_190_800_000 + mono_ms, mono_ms }
}

/// Runs `act` with the log of a chip of 6 sectors.
fn with<const W: usize, const P: usize, const E: usize, T>(
    flash: &mut Chip<W, P, E>,
    act: impl FnOnce(&mut Audit<Shared<'_, Chip<W, P, E>>>, [Found; 2]) -> T,
) -> Option<T> {
    let cell = RefCell::new(flash.clone());
    let opened = Audit::open(Shared(&cell), layout(E as u32, 3, 3), at(0));
    let acted = opened.ok().map(|(mut audit, found)| act(&mut audit, found));
    *flash = cell.into_inner();
    acted
}

fn list<F: NorFlash + Clone>(audit: &mut Audit<F>, which: Which) -> (Vec<Record>, Chain) {
    let mut records = Vec::new();
    let chain = audit.for_each(which, |record| records.push(record)).unwrap();
    (records, chain)
}

fn granted(person: u32) -> Event {
    Event::new(Kind::Granted).person(person).cosine(0.5)
}

/// A chip with `count` openings recorded.
fn with_records<const W: usize, const P: usize, const E: usize>(count: u32) -> Chip<W, P, E> {
    let mut flash = Chip::new(6);
    with(&mut flash, |audit, _| {
        for person in 1..=count {
            assert_eq!(
                audit.append(granted(person), at(person.into())),
                Recorded::Written { seq: person.into() }
            );
        }
    });
    flash
}

/// Cuts one append, of which `erases` says whether it begins a sector.
fn cuts_of<const W: usize, const P: usize, const E: usize>(what: &str, before: u32) {
    let flash = with_records::<W, P, E>(before);
    let per_sector = E as u32 / 128;
    // What is not in the sector that may be erased for it must be there.
    let safe = before.saturating_sub(2 * per_sector) + 1..=before;
    let act = |flash: &mut Chip<W, P, E>| {
        with(flash, |audit, _| audit.append(granted(before + 1), at(9)));
    };
    let reopen = |flash: &mut Chip<W, P, E>| {
        with(flash, |_, _| ());
    };
    let people = |records: &[Record]| {
        records.iter().filter_map(|record| record.event.person).collect::<Vec<_>>()
    };
    let look = |flash: &mut Chip<W, P, E>| {
        let found = with(flash, |audit, _| list(audit, Which::Kept).0).unwrap();
        let found = people(&found);
        assert!(safe.clone().all(|person| found.contains(&person)), "{found:?}");
        let new = found.last() == Some(&(before + 1));
        let (records, chain) = with(flash, |audit, _| {
            let _ = audit.append(granted(before + 2), at(10));
            list(audit, Which::Kept)
        })
        .unwrap();
        assert_eq!(people(&records).last(), Some(&(before + 2)));
        assert_eq!((chain.changed, chain.unlinked), (0, 0), "{chain:?}");
        if new { State::New } else { State::Old }
    };
    let tally = every_cut(what, &flash, act, reopen, look);
    assert_eq!((tally.old + tally.new, tally.old > 0, tally.new > 0), (tally.cuts, true, true));
}

#[test]
fn a_cut_anywhere_leaves_the_record_or_none_of_it() {
    cuts_of::<32, 32, 0x2_0000>("audit", 5);
    cuts_of::<1, 256, 4096>("audit", 5);
    cuts_of::<1, 1, 4096>("audit", 5);
    // The third of three sectors is full: the next record takes the first one's place.
    cuts_of::<32, 32, 0x2_0000>("audit, oldest erased", 3072);
    cuts_of::<1, 256, 4096>("audit, oldest erased", 96);
    cuts_of::<1, 1, 4096>("audit, oldest erased", 96);
}

#[test]
fn a_torn_record_is_dropped_and_that_is_said() {
    let mut flash = with_records::<1, 256, 4096>(3);
    flash.cut_at(0, Cut::Partly(1));
    let lost = with(&mut flash, |audit, _| audit.append(granted(4), at(4)));
    assert_eq!(lost, Some(Recorded::Lost));
    flash.power_on();
    with(&mut flash, |audit, found| {
        assert_eq!(found, [Found { records: 3, torn: 1, damaged: 0 }, Found::default()]);
        let (records, chain) = list(audit, Which::Kept);
        let last = records.last().unwrap();
        assert_eq!((last.seq, last.boot, last.event.kind, last.times), (4, 2, Kind::Repaired, 1));
        assert_eq!((chain.records, chain.damaged, chain.unlinked), (4, 1, 0));
        assert_eq!(chain.head, audit.head(Which::Kept));
    });
}

#[test]
fn boots_and_numbers_go_on() {
    let mut flash = Rp2350::new(6);
    for boot in 1..=3 {
        with(&mut flash, |audit, _| {
            assert_eq!(audit.boot(), boot);
            let seq = u64::from(boot) * 2 - 1;
            assert_eq!(audit.append(Event::new(Kind::Started), at(5)), Recorded::Written { seq });
            let refused = Event::new(Kind::Refused).cosine(0.1);
            assert_eq!(audit.append(refused, at(6)), Recorded::Written { seq: seq + 1 });
        });
    }
    with(&mut flash, |audit, _| {
        let seqs =
            |records: Vec<Record>| records.iter().map(|record| record.seq).collect::<Vec<_>>();
        assert_eq!(seqs(list(audit, Which::Kept).0), [1, 3, 5]);
        assert_eq!(seqs(list(audit, Which::Routine).0), [2, 4, 6]);
    });
}

/// A hundred thousand refusals in ten minutes, of a thousand people in turn: every opening is still there, and each refusal is counted.
#[test]
fn a_flood_pushes_no_opening_out() {
    let mut flash = with_records::<1, 256, 4096>(40);
    with(&mut flash, |audit, _| {
        let mut written = 0;
        for n in 0..100_000_u64 {
            let event = Event::new(Kind::Refused).person((n % 1000) as u32).cosine(0.1);
            written +=
                u32::from(matches!(audit.append(event, at(n * 6)), Recorded::Written { .. }));
        }
        assert!((8..=60 + 2 * 10).contains(&written), "{written}");
        audit.tick(at(10_000_000));
        assert_eq!(list(audit, Which::Kept).1.records, 40);
        let (records, chain) = list(audit, Which::Routine);
        assert_eq!(records.iter().map(|record| record.times).sum::<u32>(), 100_000);
        assert!(
            records
                .iter()
                .any(|record| record.event.kind == Kind::Suppressed && record.times > 10_000)
        );
        assert_eq!((chain.changed, chain.unlinked, chain.damaged), (0, 0, 0));
    });
}

#[test]
fn the_same_again_is_counted() {
    let mut flash = Rp2350::new(6);
    with(&mut flash, |audit, _| {
        let refused = |cosine| Event::new(Kind::Refused).reason(7).cosine(cosine);
        assert_eq!(audit.append(refused(0.1), at(0)), Recorded::Written { seq: 1 });
        for n in 1..=1000 {
            assert_eq!(audit.append(refused(n as f32 / 10_000.0), at(n)), Recorded::Repeated);
        }
        audit.tick(at(60_000));
        let (records, _) = list(audit, Which::Routine);
        let last = records.last().unwrap();
        assert_eq!((records.len(), last.times, last.since_mono_ms), (2, 1000, Some(1)));
        assert_eq!((last.event.cosine, last.at.mono_ms), (Some(0.1), 1000));
    });
}

#[test]
fn what_is_lost_is_said_when_the_flash_works_again() {
    let cell = RefCell::new(Rp2350::new(6));
    let (mut audit, _) = Audit::open(Shared(&cell), layout(4096, 3, 3), at(0)).unwrap();
    assert_eq!(audit.append(granted(1), at(1)), Recorded::Written { seq: 1 });
    cell.borrow_mut().cut_at(0, Cut::After);
    assert_eq!(audit.append(granted(2), at(2)), Recorded::Lost);
    assert_eq!(audit.append(granted(3), at(3)), Recorded::Lost);
    assert_eq!(audit.lost(), 2);
    cell.borrow_mut().power_on();
    assert!(matches!(audit.append(granted(4), at(4)), Recorded::Written { .. }));
    let (records, chain) = list(&mut audit, Which::Kept);
    let said: Vec<_> = records
        .iter()
        .map(|record| (record.event.kind, record.event.person, record.times))
        .collect();
    // The second was in flash when the power failed, though nobody was told.
    let expected = [
        (Kind::Granted, Some(1), 1),
        (Kind::Granted, Some(2), 1),
        (Kind::Lost, None, 2),
        (Kind::Granted, Some(4), 1),
    ];
    assert_eq!(said, expected);
    assert_eq!((audit.lost(), chain.changed, chain.unlinked), (0, 0, 0));
}

#[test]
fn a_changed_record_breaks_the_chain() {
    let mut flash = with_records::<1, 256, 4096>(5);
    // Record 3's person, with a checksum that fits again.
    let mut slot = flash.bytes()[256..384].to_vec();
    slot[8 + 8 + 32] ^= 4;
    let checksum = crc32fast::hash(&slot[4..]).to_le_bytes();
    slot[..4].copy_from_slice(&checksum);
    for (at, byte) in slot.iter().enumerate() {
        for bit in (0..8)
            .filter(|bit| (flash.bytes()[256 + at] ^ byte) >> bit & 1 == 1)
            .collect::<Vec<_>>()
        {
            flash.flip((256 + at) * 8 + bit);
        }
    }
    with(&mut flash, |audit, _| {
        let (records, chain) = list(audit, Which::Kept);
        assert_eq!((records.len(), chain.changed, chain.unlinked, chain.damaged), (4, 1, 1, 0));
    });
}

#[test]
fn a_flipped_bit_hides_one_record_and_is_seen() {
    let flash = with_records::<1, 256, 4096>(10);
    let whole = with(&mut flash.clone(), |audit, _| list(audit, Which::Kept).0).unwrap();
    for bit in (0..40 * 128 * 8).step_by(5) {
        let mut flash = flash.clone();
        flash.flip(bit);
        let (records, chain) = with(&mut flash, |audit, found| {
            assert!(found[0].torn + found[0].damaged <= 1);
            list(audit, Which::Kept)
        })
        .unwrap();
        let kept: Vec<_> =
            records.iter().filter(|record| record.event.kind != Kind::Repaired).collect();
        assert!(kept.iter().all(|record| whole.contains(record)), "bit {bit}");
        let hit = bit / 8 < 10 * 128;
        assert_eq!(kept.len(), if hit { 9 } else { 10 }, "bit {bit}");
        assert!(!hit || (chain.damaged == 1 && chain.changed == 0), "bit {bit}: {chain:?}");
    }
}

/// A bit that flipped where nothing is written yet: the slot is passed over, whatever follows is kept.
#[test]
fn a_flipped_bit_in_a_blank_slot_is_passed_over() {
    for slot in 10..40 {
        let mut flash = with_records::<1, 256, 4096>(10);
        flash.flip(slot * 128 * 8 + 77);
        with(&mut flash, |audit, _| {
            for person in 100..140 {
                assert!(
                    matches!(audit.append(granted(person), at(1)), Recorded::Written { .. }),
                    "slot {slot}"
                );
            }
            let (records, chain) = list(audit, Which::Kept);
            let people: Vec<_> = records.iter().filter_map(|record| record.event.person).collect();
            assert_eq!(people[people.len() - 40..], (100..140).collect::<Vec<_>>());
            assert_eq!((chain.changed, chain.unlinked), (0, 0));
        });
    }
}

#[test]
fn rejects_rings_of_one_sector() {
    let cell = RefCell::new(Rp2350::new(6));
    let open = |layout| Audit::open(Shared(&cell), layout, at(0)).map(|_| ()).unwrap_err();
    assert_eq!(open(layout(4096, 1, 3)), FlashError::TooFewSectors { needed: 2, sectors: 1 });
    assert_eq!(open(layout(4096, 3, 1)), FlashError::TooFewSectors { needed: 2, sectors: 1 });
}

/// Erases of the worst sector in ten years, counted over one: 200 openings a day, and somebody who tries all day long.
#[test]
fn ten_years_wear_no_sector_out() {
    fn year<const W: usize, const P: usize, const E: usize>(name: &str, sectors: u32, rated: u32) {
        let cell = RefCell::new(Chip::<W, P, E>::new(2 * sectors));
        let (mut audit, _) =
            Audit::open(Shared(&cell), layout(E as u32, sectors, sectors), at(0)).unwrap();
        for day in 0..365_u64 {
            for opening in 0..200_u64 {
                let now = at((day * 24 * 60 + opening * 7) * 60_000);
                let _ = audit.append(granted(opening as u32 % 20), now);
                // Everyone who is refused is another one, so that only the rate holds them back.
                for other in 0..20 {
                    let _ = audit.append(
                        Event::new(Kind::Refused).person((opening * 20 + other) as u32),
                        now,
                    );
                }
            }
        }
        let worst = 10 * cell.borrow().erases().iter().max().copied().unwrap();
        println!(
            "| audit | {name} | {sectors} + {sectors} sectors | {worst} of {rated} erases in ten years |"
        );
        assert!(worst > 0 && worst < rated / 2, "{worst}");
    }
    year::<1, 256, 4096>("NOR flash, 4 KiB sectors", 16, 100_000);
    year::<32, 32, 0x2_0000>("STM32H743, 128 KiB sectors", 2, 10_000);
}
