//! Which pairs are compared, which are named, and how many people make how many.

use super::*;
use crate::enrol::{Album, Photo};
use crate::store::{NewTemplate, People, Pipeline, PreprocessingId, Profile, Source};
use edge_infer::door::Basis;
use std::path::PathBuf;

fn folder(name: &str, photos: &[(&str, [i8; 3])]) -> PersonFolder {
    let photos = photos.iter().map(|(name, values)| Photo::drawn(name, values)).collect();
    let album = Album { photos, refused: Vec::new() };
    PersonFolder { path: PathBuf::from(name), name: name.to_owned(), album }
}

/// What is searched of people with these templates.
fn gallery(everybody: &[&[[i8; 3]]]) -> Gallery {
    let preprocessing = PreprocessingId([3; 16]);
    let model = Photo::drawn("", &[127, 0, 0]).template().model();
    let mut people = People::default();
    for (number, values) in everybody.iter().enumerate() {
        let new = |values| NewTemplate {
            template: TemplateRef::from_values(values, model).unwrap(),
            preprocessing,
            source: Source::Picture,
        };
        let new: Vec<NewTemplate<'_>> = values.iter().map(|values| new(values)).collect();
        people.enrol(Profile { name: number.to_string(), ..Profile::default() }, &new, 0).unwrap();
    }
    people.gallery(&Pipeline { model, preprocessing }, 3).unwrap()
}

/// One with the mean (1, 1, 0), and one who is near to the second template of it.
const PEOPLE: [&[[i8; 3]]; 2] = [&[[127, 0, 0], [0, 127, 0]], &[[0, 127, 1]]];

/// Matches from 0.5 on, and from 0.9 on.
const TABLE: [Threshold; 2] =
    [Threshold { fmr: 1e-2, cosine: 0.5 }, Threshold { fmr: 1e-3, cosine: 0.9 }];

#[test]
fn strangers_are_compared_with_everybody_and_those_enrolled_with_themselves() {
    let strangers = [
        folder("s1", &[("a.jpg", [0, 0, 127]), ("b.jpg", [0, 76, 102])]),
        folder("s2", &[("c.jpg", [127, 0, 10])]),
    ];
    let found = Comparisons::new(&gallery(&PEOPLE), &strangers, TABLE).unwrap();
    // Of 10 pairs of five faces one is of one person (a with b), one of two people who are enrolled.
    assert_eq!(found.survey.comparisons(), 8);
    // c with the mean of the first: (127 + 0) / (127.4 * 1.4142) = 0.7049. Then b with the second (0.6037), and with the mean (0.4225).
    let closest = found.closest.iter().map(|p| (&*p.stranger, &*p.other, p.cosine));
    let expected = [
        ("s2/c.jpg", "person 1", 0.7049),
        ("s1/b.jpg", "person 2", 0.6037),
        ("s1/b.jpg", "person 1", 0.4225),
    ];
    for ((stranger, other, cosine), (s, o, c)) in closest.zip(expected) {
        assert_eq!((stranger, other), (s, o));
        assert!((cosine - c).abs() < 1e-3, "{cosine}, not {c}");
    }
    assert!(found.closest.is_sorted_by(|a, b| a.cosine >= b.cosine) && found.closest.len() == 5);
}

#[test]
fn without_anybody_enrolled_strangers_are_compared_with_each_other() {
    let nobody = gallery(&[]);
    let strangers: Vec<PersonFolder> =
        (0..200_u8).map(|i| folder(&i.to_string(), &[("a", [127, 0, 0])])).collect();
    let found = Comparisons::new(&nobody, &strangers, TABLE).unwrap();
    assert_eq!(found.survey.comparisons(), 200 * 199 / 2);
    assert!(found.survey.find(1e-3, 1).is_err(), "they are all alike");
    // Those that differ carry 1e-3: 7,140 comparisons, where 2,995 would do.
    let turn = |i: u8| {
        let angle = f32::from(i) * core::f32::consts::TAU / 120.0;
        [(127.0 * angle.cos()) as i8, (127.0 * angle.sin()) as i8, 0]
    };
    let apart = [Threshold { fmr: 1e-3, cosine: 1.0 }];
    let strangers: Vec<PersonFolder> =
        (0..120).map(|i| folder(&i.to_string(), &[("a", turn(i))])).collect();
    let found = Comparisons::new(&nobody, &strangers, apart).unwrap();
    assert_eq!(found.survey.find(1e-3, 1).unwrap().basis, Basis::Pictures);
}

#[test]
fn missing_comparisons_are_made_by_so_many_strangers() {
    let strangers = [folder("s1", &[("a.jpg", [0, 0, 127])])];
    let found = Comparisons::new(&gallery(&PEOPLE), &strangers, TABLE).unwrap();
    // Three faces: the next stranger makes 3, the one after it 4, ..
    let people = [0, 1, 3, 4, 7, 8, 12, 13].map(|comparisons| found.strangers_for(comparisons));
    assert_eq!(people, [0, 1, 1, 2, 2, 3, 3, 4]);
}
