//! People from a store into memory, and what is refused because a search would be wrong with it.
#![allow(
    clippy::unwrap_used,
    clippy::std_instead_of_core,
    clippy::panic,
    reason = "a failed test may panic"
)]

mod networks;

use door_firmware::ports::{Enrolled, GalleryStore};
use door_firmware::ram_gallery::RamGallery;
use door_firmware::roster::{LoadError, Roster, RosterError, RosterMemory};
use edge_infer::door::CalibrationError;
use edge_infer::matching::TemplateRef;
use model_format::{ModelFile, ModelId};

/// Templates as they are, of any model and length.
struct Raw(Vec<(u32, ModelId, Vec<i8>)>);

impl GalleryStore for Raw {
    type Error = &'static str;

    fn for_each(&mut self, each: &mut dyn FnMut(Enrolled<'_>)) -> Result<(), &'static str> {
        for (person, model, values) in &self.0 {
            each(Enrolled { person: *person, name: "", model: *model, values });
        }
        if self.0.is_empty() { Err("no flash") } else { Ok(()) }
    }

    fn add(&mut self, new: Enrolled<'_>) -> Result<(), &'static str> {
        self.0.push((new.person, new.model, new.values.to_vec()));
        Ok(())
    }

    fn remove(&mut self, person: u32) -> Result<usize, &'static str> {
        let before = self.0.len();
        self.0.retain(|(whose, ..)| *whose != person);
        Ok(before - self.0.len())
    }
}

/// Runs `test` with a roster of two places and 16 values, and the model.
fn with_roster(test: impl FnOnce(&mut Roster<'_>, &ModelFile)) {
    let model = networks::collapsed();
    let (mut rows, mut inverse_norms, mut people) = ([0; 32], [0.0; 2], [0; 2]);
    let memory =
        RosterMemory { rows: &mut rows, inverse_norms: &mut inverse_norms, people: &mut people };
    test(&mut Roster::new(&model.view(), memory), &model);
}

fn values(first: i8, second: i8) -> [i8; 16] {
    let mut values = [0; 16];
    (values[0], values[1]) = (first, second);
    values
}

#[test]
fn the_closest_person_is_found_and_nobody_after_removal() {
    with_roster(|roster, model| {
        let id = model.view().id();
        let mut store = RamGallery::<4, 16>::new(id);
        for (person, values) in [(3, values(127, 0)), (9, values(0, 127))] {
            store.add(Enrolled { person, name: "", model: id, values: &values }).unwrap();
        }
        roster.load(&mut store).unwrap();
        let probe = values(30, 40);
        let probe = TemplateRef::from_values(&probe, id).unwrap();
        let found = roster.search(probe).unwrap().unwrap();
        assert_eq!((found.best.person, found.templates), (9, 2));
        assert!((found.best.cosine - 0.8).abs() < 1e-6);
        assert_eq!(store.remove(9), Ok(1));
        roster.load(&mut store).unwrap();
        assert_eq!(roster.search(probe).unwrap().unwrap().best.person, 3);
        assert_eq!(store.remove(3), Ok(1));
        roster.load(&mut store).unwrap();
        assert_eq!(roster.search(probe), Ok(None));
        let nobody = roster.calibrate(1e-3, &model.view());
        assert_eq!(nobody, Err(CalibrationError::NoTemplates));
    });
}

#[test]
fn a_person_is_compared_by_the_mean_of_their_templates() {
    with_roster(|roster, model| {
        let id = model.view().id();
        let mut store = Raw(vec![(4, id, values(127, 0).to_vec()), (4, id, values(0, 9).to_vec())]);
        roster.load(&mut store).unwrap();
        assert_eq!(roster.templates(), 1);
        let probe = values(50, 50);
        let found = roster.search(TemplateRef::from_values(&probe, id).unwrap()).unwrap().unwrap();
        assert!((found.best.cosine - 1.0).abs() < 1e-6, "{}", found.best.cosine);
    });
}

#[test]
fn templates_of_another_model_are_left_out() {
    with_roster(|roster, model| {
        let other = ModelId([1; 16]);
        let mut store =
            Raw(vec![(1, other, vec![1; 9]), (2, model.view().id(), values(127, 0).to_vec())]);
        roster.load(&mut store).unwrap();
        assert_eq!(roster.templates(), 1);
    });
}

#[test]
fn rejects_what_cannot_be_searched_and_then_knows_nobody() {
    with_roster(|roster, model| {
        let id = model.view().id();
        let good = |person| (person, id, values(127, 5).to_vec());
        let three = Raw(vec![good(1), good(2), good(3)]);
        let zero = Raw(vec![good(1), (2, id, vec![0; 16])]);
        let short = Raw(vec![good(1), (2, id, vec![1; 15])]);
        let broken = Raw(Vec::new());
        for (mut store, expected) in [
            (three, LoadError::Roster(RosterError::Full { capacity: 2 })),
            (zero, LoadError::Roster(RosterError::Zero { person: 2 })),
            (short, LoadError::Roster(RosterError::Length { person: 2, found: 15, len: 16 })),
            (broken, LoadError::Store("no flash")),
        ] {
            roster.load(&mut Raw(vec![good(1)])).unwrap();
            assert_eq!(roster.load(&mut store), Err(expected));
            assert_eq!(roster.templates(), 0);
        }
    });
}
