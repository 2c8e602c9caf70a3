//! The gallery against a plain list: what is told to be stored is there, what is removed is nowhere, whatever fails in between.

use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use edge_infer::matching::{GalleryView, InverseNorm, TemplateRef};
use embedded_storage::nor_flash::NorFlash;
use model_format::ModelId;
use proptest::prelude::*;

use super::*;
use crate::store::sim::{Qspi, Rp2350, SimFlash};
use crate::store::trials::{State, every_cut};

const OURS: PreprocessingId = PreprocessingId([2; 16]);
const MODEL: ModelId = ModelId([1; 16]);
const LEN: usize = 128;

/// The people of a gallery, as a list.
type People = Vec<(u32, String, Vec<i8>)>;
/// The one that all tests use.
type Small<F> = Gallery<F, 256>;

fn range(flash: &impl NorFlash) -> Range<u32> {
    0..flash.capacity() as u32
}

fn open<F: NorFlash>(flash: F) -> (Small<F>, Report) {
    let range = range(&flash);
    Gallery::open(flash, range, OURS).unwrap()
}

/// The same values for the same seed, none of them 0xff or 0.
fn values(seed: u32) -> Vec<i8> {
    let byte =
        |i: u32| (seed.wrapping_mul(2_654_435_761).wrapping_add(i.wrapping_mul(40_503)) >> 8) as i8;
    (0..LEN as u32).map(|i| byte(i) | 2).map(|value| if value == -1 { 6 } else { value }).collect()
}

fn stored<'a>(person: u32, name: &'a str, values: &'a [i8]) -> Stored<'a> {
    Stored { record: 0, person, name, model: MODEL, preprocessing: OURS, values }
}

fn list<F: NorFlash>(gallery: &mut Small<F>) -> People {
    let mut people = Vec::new();
    gallery.for_each_stored(|s| people.push((s.person, s.name.into(), s.values.to_vec()))).unwrap();
    people
}

/// Whether 8 bytes in a row of a template are anywhere in the chip.
fn remains(flash: &[u8], values: &[i8]) -> bool {
    let values: &[u8] = bytemuck::cast_slice(values);
    let first: [bool; 256] = core::array::from_fn(|byte| values.contains(&(byte as u8)));
    let windows = || flash.windows(8).filter(|window| first[usize::from(window[0])]);
    windows().any(|window| values.windows(8).any(|ours| ours == window))
}

fn with_people<const W: usize, const P: usize, const E: usize>(count: u32) -> SimFlash<W, P, E> {
    let mut flash = SimFlash::new(2);
    let (mut gallery, _) = open(&mut flash);
    for person in 1..=count {
        gallery.store(stored(person, &format!("person {person}"), &values(person))).unwrap();
    }
    flash
}

fn cuts_of<const W: usize, const P: usize, const E: usize>() {
    type Chip<const W: usize, const P: usize, const E: usize> = SimFlash<W, P, E>;
    let flash = with_people::<W, P, E>(4);
    let old = list(&mut open(&mut flash.clone()).0);
    let reopen = |flash: &mut Chip<W, P, E>| {
        let range = range(flash);
        let _ = Small::open(flash, range, OURS);
    };
    // Whatever is found, the gallery takes and keeps another person, and nothing is damaged after a copy.
    let goes_on = |flash: &mut Chip<W, P, E>, mut people: People| {
        let (mut gallery, _) = open(&mut *flash);
        let next = gallery.next_person().unwrap();
        gallery.store(stored(next, "next", &values(next))).unwrap();
        people.push((next, "next".into(), values(next)));
        assert_eq!(list(&mut open(&mut *flash).0), people);
    };
    let look = |flash: &mut Chip<W, P, E>, new: &People| {
        let people = list(&mut open(&mut *flash).0);
        let state = if people == *new { State::New } else { State::Old };
        assert!(people == *new || people == old, "{people:?}");
        goes_on(flash, people);
        state
    };

    let act = |flash: &mut Chip<W, P, E>| {
        let (mut gallery, _) = open(flash);
        let _ = gallery.store(stored(5, "five", &values(5)));
    };
    let mut enrolled = old.clone();
    enrolled.push((5, "five".into(), values(5)));
    let tally = every_cut("enrol", &flash, act, reopen, |flash| look(flash, &enrolled));
    assert_eq!((tally.old + tally.new, tally.old > 0, tally.new > 0), (tally.cuts, true, true));

    let act = |flash: &mut Chip<W, P, E>| {
        let (mut gallery, _) = open(flash);
        let _ = gallery.remove(2);
    };
    let mut removed = old.clone();
    removed.retain(|person| person.0 != 2);
    let gone = |flash: &mut Chip<W, P, E>| {
        let state = look(flash, &removed);
        assert_eq!(remains(flash.bytes(), &values(2)), state == State::Old);
        state
    };
    let tally = every_cut("remove", &flash, act, reopen, gone);
    assert_eq!((tally.old + tally.new, tally.old > 0, tally.new > 0), (tally.cuts, true, true));

    let blank = Chip::<W, P, E>::new(2);
    let tally = every_cut("format", &blank, reopen, reopen, |flash| {
        goes_on(flash, People::new());
        State::New
    });
    assert!(tally.cuts > 0);
}

#[test]
fn a_cut_anywhere_leaves_the_old_or_the_new() {
    cuts_of::<32, 32, 0x2_0000>();
    cuts_of::<1, 256, 4096>();
    cuts_of::<1, 1, 4096>();
}

#[test]
fn what_is_removed_is_nowhere_in_the_chip() {
    let mut flash = with_people::<1, 256, 4096>(5);
    assert!(remains(flash.bytes(), &values(3)));
    let (mut gallery, _) = open(&mut flash);
    assert_eq!(gallery.remove(3), Ok(1));
    assert_eq!(gallery.remove(3), Ok(0));
    assert!(!remains(flash.bytes(), &values(3)));
    assert!(!flash.bytes().windows(8).any(|window| window == b"person 3"));
    assert!(
        (1..=5).filter(|&person| person != 3).all(|person| remains(flash.bytes(), &values(person)))
    );
}

#[test]
fn numbers_of_the_removed_are_not_given_again() {
    let mut flash = with_people::<1, 256, 4096>(3);
    let (mut gallery, _) = open(&mut flash);
    assert_eq!((gallery.remove(3), gallery.next_person()), (Ok(1), Ok(4)));
    assert_eq!(open(&mut flash).0.next_person(), Ok(4));
    let again = open(&mut flash).0.store(stored(4, "four", &values(4)));
    assert_eq!(again, Ok(4), "the record's number goes on too");
}

#[test]
fn what_is_read_is_a_gallery_to_search() {
    let mut flash = with_people::<32, 32, 0x2_0000>(3);
    let (mut gallery, report) = open(&mut flash);
    assert_eq!(report, Report { records: 3, damaged: 0, recovered: false });
    let elsewhere = PreprocessingId([9; 16]);
    let probe = values(2);
    gallery.store(Stored { preprocessing: elsewhere, ..stored(4, "dormant", &probe) }).unwrap();
    let (mut rows, mut norms, mut people) = (vec![], vec![], vec![]);
    gallery
        .for_each(&mut |Enrolled { person, values, .. }| {
            rows.extend_from_slice(values);
            norms.push(InverseNorm::of(values).unwrap().get());
            people.push(person);
        })
        .unwrap();
    assert_eq!(people, [1, 2, 3], "whom another preprocessing enrolled stays dormant");
    let view = GalleryView::new(MODEL, LEN, &rows, &norms, &people).unwrap();
    let best = view.search(TemplateRef::from_values(&probe, MODEL).unwrap()).unwrap().unwrap();
    assert_eq!(best.person, 2);
    assert!((best.cosine - 1.0).abs() < 1e-6);
    assert_eq!(list(&mut gallery).len(), 4, "and is still there");
}

#[test]
fn rejects_what_is_no_name() {
    let (mut gallery, _) = open(Rp2350::new(2));
    for name in ["", "a\u{7}", "123456789012345678901234567890123"] {
        let refused = gallery.store(stored(1, name, &values(1)));
        assert_eq!(refused, Err(GalleryError::Name { bytes: name.len() }));
    }
    assert_eq!(gallery.store(stored(1, "12345678901234567890123456789é", &values(1))), Ok(1));
}

#[test]
fn rejects_what_is_no_template() {
    let (mut gallery, _) = open(Rp2350::new(2));
    let zero = gallery.store(stored(1, "zero", &[0; LEN]));
    assert_eq!(zero, Err(GalleryError::Template(TemplateError::Zero { largest: 0.0 })));
    let empty = gallery.store(stored(1, "none", &[]));
    assert_eq!(empty, Err(GalleryError::Template(TemplateError::Length { len: 0 })));
    let capacity = Small::<Rp2350>::VALUES;
    let long = gallery.store(stored(1, "long", &vec![1; capacity + 1]));
    assert_eq!(long, Err(GalleryError::TooLong { values: capacity + 1, capacity }));
    assert_eq!(gallery.store(stored(1, "long", &vec![1; capacity])), Ok(1));
}

#[test]
fn rejects_one_too_many_and_takes_it_after_a_removal() {
    let (mut gallery, _) = open(Rp2350::new(2));
    let capacity = gallery.capacity();
    assert_eq!(capacity, 15);
    for person in 1..=capacity {
        gallery.store(stored(person, "one of many", &values(person))).unwrap();
    }
    let refused = gallery.store(stored(99, "one too many", &values(99)));
    assert_eq!(refused, Err(GalleryError::Full { capacity }));
    assert_eq!(gallery.remove(7), Ok(1));
    assert_eq!(gallery.store(stored(99, "one too many", &values(99))), Ok(16));
}

#[test]
fn rejects_ranges_that_are_no_halves() {
    let open = |range| Small::open(Rp2350::new(4), range, OURS).map(|_| ());
    let (sector, capacity) = (4096, 16384);
    let outside = FlashError::Range { start: 0, end: 0x6000, sector, capacity };
    assert_eq!(open(0..0x6000), Err(GalleryError::Flash(outside)));
    let unaligned = FlashError::Range { start: 16, end: 8192, sector, capacity };
    assert_eq!(open(16..8192), Err(GalleryError::Flash(unaligned)));
    assert_eq!(
        open(0..4096),
        Err(GalleryError::Flash(FlashError::TooFewSectors { needed: 2, sectors: 1 }))
    );
}

/// A full gallery with torn slots gets them back.
#[test]
fn torn_slots_come_back_when_they_are_needed() {
    let mut flash = with_people::<1, 256, 4096>(13);
    for _ in 0..2 {
        flash.cut_at(0, crate::store::sim::Cut::Partly(1));
        let _ = open(&mut flash).0.store(stored(50, "torn", &values(50)));
        flash.power_on();
    }
    let (mut gallery, report) = open(&mut flash);
    assert_eq!((report.records, report.damaged), (13, 2));
    assert_eq!(gallery.store(stored(51, "kept", &values(51))), Ok(14));
    assert_eq!(open(&mut flash).1, Report { records: 14, damaged: 0, recovered: false });
}

/// One flipped bit anywhere: at most one template is missing, which is reported, and no template has another's name.
#[test]
fn a_flipped_bit_hides_one_record_at_most() {
    let flash = with_people::<1, 256, 4096>(6);
    let whole = list(&mut open(&mut flash.clone()).0);
    let (mut hidden, mut recovered) = (0, 0);
    for bit in (0..2 * 4096 * 8).step_by(3) {
        let mut flash = flash.clone();
        flash.flip(bit);
        let (mut gallery, report) = open(&mut flash);
        let people = list(&mut gallery);
        assert!(people.iter().all(|person| whole.contains(person)), "bit {bit}");
        assert!(
            people.len() + 1 >= whole.len() && people.len() as u32 == report.records,
            "bit {bit}"
        );
        assert!(people.len() == whole.len() || report.damaged == 1, "bit {bit}: {report:?}");
        hidden += usize::from(people.len() < whole.len());
        recovered += usize::from(report.recovered);
    }
    // A record of 256 bytes is hit by each bit of its slot, a commit's slot likewise.
    assert_eq!((hidden, recovered), ((6 * 256 * 8_usize).div_ceil(3), (256 * 8_usize).div_ceil(3)));
}

/// Erases of the worst sector in ten years of five enrolments and five removals a week, with the power off every night; counted over one.
#[test]
fn ten_years_wear_no_sector_out() {
    fn year<const W: usize, const P: usize, const E: usize>(name: &str, rated: u32) {
        let mut flash = with_people::<W, P, E>(10);
        for change in 0..5 * 52 {
            let (mut gallery, _) = open(&mut flash);
            let person = gallery.next_person().unwrap();
            gallery.store(stored(person, "somebody", &values(change))).unwrap();
            assert_eq!(open(&mut flash).0.remove(person), Ok(1));
        }
        let worst = 10 * flash.erases().iter().max().copied().unwrap();
        std::println!("| gallery | {name} | 2 sectors | {worst} of {rated} erases in ten years |");
        assert!(worst > 1000 && worst < rated / 2, "{worst}");
    }
    year::<1, 256, 4096>("NOR flash, 4 KiB sectors", 100_000);
    year::<32, 32, 0x2_0000>("STM32H743, 128 KiB sectors", 10_000);
}

#[derive(Clone, Debug)]
enum Step {
    Store(u32),
    Remove(u32),
    Reopen,
    Cut(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..8).prop_map(Step::Store),
        2 => (1_u32..8).prop_map(Step::Remove),
        1 => Just(Step::Reopen),
        1 => (0_u64..8).prop_map(Step::Cut),
    ]
}

/// Numbers that are given once come to an end, those of people and those of records, and none is given twice.
#[test]
fn rejects_more_people_and_records_than_there_are_numbers() {
    let mut flash = Rp2350::new(2);
    let (mut gallery, _) = open(&mut flash);
    gallery.store(stored(u32::MAX - 1, "the last one", &values(1))).unwrap();
    assert_eq!(gallery.next_person(), Err(GalleryError::Numbers));
    // Who is known may have another template.
    gallery.store(stored(u32::MAX - 1, "the last one", &values(2))).unwrap();
    gallery.live.as_mut().unwrap().next_record = u32::MAX - 1;
    assert_eq!(gallery.store(stored(7, "a", &values(3))), Ok(u32::MAX - 1));
    assert_eq!(gallery.store(stored(7, "b", &values(4))), Err(GalleryError::Numbers));
    assert_eq!(list(&mut gallery).len(), 3);
    let (mut gallery, _) = open(&mut flash);
    assert_eq!(gallery.store(stored(7, "b", &values(4))), Err(GalleryError::Numbers));
}

proptest! {
    /// Whatever is done, with the power failing in between, the gallery is the list.
    #[test]
    fn is_a_list_that_outlives_the_power(steps in prop::collection::vec(step(), 1..60)) {
        let mut flash = Qspi::new(2);
        let mut model = People::new();
        let mut seed = 1000;
        for step in steps {
            let before = model.clone();
            let (mut gallery, _) = open(&mut flash);
            let done = match step {
                Step::Store(person) => {
                    seed += 1;
                    model.push((person, format!("p{person}"), values(seed)));
                    let stored = gallery.store(stored(person, &format!("p{person}"), &values(seed)));
                    if matches!(stored, Err(GalleryError::Full { .. })) {
                        prop_assert_eq!(model.pop().map(|_| model.len()), Some(15));
                    }
                    stored.map_or_else(|error| matches!(error, GalleryError::Full { .. }), |_| true)
                }
                Step::Remove(person) => {
                    model.retain(|one| one.0 != person);
                    let removed = gallery.remove(person);
                    prop_assert!(removed.is_err() || removed == Ok(before.len() - model.len()));
                    removed.is_ok()
                }
                Step::Reopen => true,
                Step::Cut(at) => {
                    flash.cut_at(at * 97, crate::store::sim::Cut::Partly(at));
                    continue;
                }
            };
            prop_assert!(done || flash.is_off());
            flash.power_on();
            let found = list(&mut open(&mut flash).0);
            prop_assert!(found == model || (!done && found == before));
            model = found;
        }
    }

    /// Anything at all in the chip: an error or a gallery that works, never a panic.
    #[test]
    fn any_bytes_are_a_gallery_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000), sparse in any::<bool>()) {
        let mut flash = if sparse { with_people::<1, 256, 4096>(3) } else { Rp2350::new(2) };
        for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| !sparse || **byte < 8) {
            for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                flash.flip((at * 4 % 8192) * 8 + bit);
            }
        }
        let (mut gallery, report) = open(&mut flash);
        prop_assert_eq!(list(&mut gallery).len() as u32, report.records);
        gallery.store(stored(40, "forty", &values(40))).unwrap();
        prop_assert_eq!(list(&mut open(&mut flash).0).len() as u32, report.records + 1);
    }
}
