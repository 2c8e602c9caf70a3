//! Which pairs are compared, which are named, and how many people make how many.

use super::*;
use crate::enrol::{Album, Photo};
use crate::store::{NewTemplate, PreprocessingId, Profile, Source};
use edge_infer::door::Basis;
use std::path::PathBuf;

fn folder(name: &str, photos: &[(&str, [i8; 3])]) -> PersonFolder {
    let photos = photos.iter().map(|(name, values)| Photo::drawn(name, values)).collect();
    let album = Album { photos, refused: Vec::new() };
    PersonFolder { path: PathBuf::from(name), name: name.to_owned(), album }
}

/// Ada with two templates, Zoë with one, who is near to Ada's second.
fn people() -> (People, Pipeline) {
    let preprocessing = PreprocessingId([3; 16]);
    let mut people = People::default();
    let mut pipeline = None;
    for (name, values) in [("Ada", &[[127, 0, 0], [0, 127, 0]][..]), ("Zoë", &[[0, 127, 1]])] {
        let photos: Vec<Photo> = values.iter().map(|values| Photo::drawn("", values)).collect();
        let new = |photo| NewTemplate {
            template: Photo::template(photo),
            preprocessing,
            source: Source::Picture,
        };
        let new: Vec<NewTemplate<'_>> = photos.iter().map(new).collect();
        pipeline = Some(Pipeline { model: new[0].template.model(), preprocessing });
        people.enrol(Profile { name: name.to_owned(), ..Profile::default() }, &new, 0).unwrap();
    }
    (people, pipeline.unwrap())
}

/// Matches from 0.5 on, and from 0.9 on.
const TABLE: [Threshold; 2] =
    [Threshold { fmr: 1e-2, cosine: 0.5 }, Threshold { fmr: 1e-3, cosine: 0.9 }];

#[test]
fn strangers_are_compared_with_everybody_and_those_enrolled_with_themselves() {
    let (people, pipeline) = people();
    let strangers = [
        folder("s1", &[("a.jpg", [0, 0, 127]), ("b.jpg", [0, 76, 102])]),
        folder("s2", &[("c.jpg", [127, 0, 10])]),
    ];
    let found = Comparisons::new(&people, &pipeline, &strangers, TABLE).unwrap();
    // Of 15 pairs of six faces two are of one person (Ada's, and a with b), two of two people who are enrolled.
    assert_eq!(found.survey.comparisons(), 11);
    // c and Ada's first, then b (0.6 and a little) with Ada's second and with Zoë, whose third value is 1.
    let names: Vec<(&str, &str)> =
        found.closest.iter().map(|p| (&*p.stranger, &*p.other)).collect();
    assert_eq!(names[0], ("s2/c.jpg", "person 1"));
    assert_eq!(names[1..3], [("s1/b.jpg", "person 2"), ("s1/b.jpg", "person 1")]);
    assert!((found.closest[0].cosine - 0.9969).abs() < 1e-4, "{}", found.closest[0].cosine);
    assert!(found.closest.is_sorted_by(|a, b| a.cosine >= b.cosine) && found.closest.len() == 5);
}

#[test]
fn without_anybody_enrolled_strangers_are_compared_with_each_other() {
    let (_, pipeline) = people();
    let strangers: Vec<PersonFolder> =
        (0..200_u8).map(|i| folder(&i.to_string(), &[("a", [127, 0, 0])])).collect();
    let found = Comparisons::new(&People::default(), &pipeline, &strangers, TABLE).unwrap();
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
    let found = Comparisons::new(&People::default(), &pipeline, &strangers, apart).unwrap();
    assert_eq!(found.survey.find(1e-3, 1).unwrap().basis, Basis::Pictures);
}

#[test]
fn missing_comparisons_are_made_by_so_many_strangers() {
    let (people, pipeline) = people();
    let strangers = [folder("s1", &[("a.jpg", [0, 0, 127])])];
    let found = Comparisons::new(&people, &pipeline, &strangers, TABLE).unwrap();
    // Four faces: the next stranger makes 4, the one after it 5, ..
    let people = [0, 1, 4, 5, 9, 10, 15, 16].map(|comparisons| found.strangers_for(comparisons));
    assert_eq!(people, [0, 1, 1, 2, 2, 3, 3, 4]);
}
