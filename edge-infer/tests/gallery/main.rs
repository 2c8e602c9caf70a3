//! Search of a gallery: whom it finds, whom it names second, and which arrays it refuses.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

extern crate alloc;

mod random;
mod searches;
#[cfg(feature = "std")]
mod threads;

use edge_infer::matching::{
    Best, GalleryError, GalleryView, MAX_LEN, Match, MatchError, Template, TemplateRef, Top, cosine,
};
use model_format::ModelId;

const MODEL: ModelId = ModelId([7; 16]);
const LEN: usize = 4;

fn template(embedding: [f32; LEN]) -> Template<LEN> {
    Template::from_embedding(&embedding, MODEL).unwrap()
}

/// The three arrays of a gallery.
fn arrays(enrolled: &[(u32, Template<LEN>)]) -> (Vec<i8>, Vec<f32>, Vec<u32>) {
    let rows = enrolled.iter().flat_map(|(_, template)| *template.values()).collect();
    let norms = enrolled.iter().map(|(_, template)| template.inverse_norm().get()).collect();
    (rows, norms, enrolled.iter().map(|&(person, _)| person).collect())
}

fn search(enrolled: &[(u32, Template<LEN>)], probe: &Template<LEN>) -> Option<Best> {
    let (rows, norms, people) = arrays(enrolled);
    let gallery = GalleryView::new(MODEL, LEN, &rows, &norms, &people).unwrap();
    assert_eq!((gallery.len(), gallery.is_empty()), (enrolled.len(), enrolled.is_empty()));
    gallery.search(probe.as_ref()).unwrap()
}

#[test]
fn nobody_matches_an_empty_gallery() {
    assert_eq!(search(&[], &template([1.0; LEN])), None);
}

#[test]
fn the_runner_up_is_another_person() {
    let near = template([1.0, 0.1, 0.0, 0.0]);
    let nearer = template([1.0, 0.05, 0.0, 0.0]);
    let far = template([0.5, 1.0, 0.0, 0.0]);
    let probe = template([1.0, 0.0, 0.0, 0.0]);
    let of = |enrolled: &Template<LEN>| cosine(probe.as_ref(), enrolled.as_ref()).unwrap();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let enrolled = order.map(|index| [(5, near), (5, nearer), (9, far)][index]);
        let runner_up = Some(Match { person: 9, cosine: of(&far) });
        let expected = Best { person: 5, cosine: of(&nearer), runner_up };
        assert_eq!(search(&enrolled, &probe), Some(expected));
    }
    let alone = search(&[(5, near), (5, nearer)], &probe).unwrap();
    assert_eq!(alone, Best { person: 5, cosine: of(&nearer), runner_up: None });
}

#[test]
fn ties_go_to_the_first_enrolled() {
    let same = template([1.0, 2.0, 3.0, 4.0]);
    let best = search(&[(8, same), (2, same), (4, same)], &same).unwrap();
    assert_eq!((best.person, best.runner_up.unwrap().person), (8, 2));
}

#[test]
fn a_visit_orders_people_by_the_closest_of_its_frames() {
    let axes = [0, 1, 2].map(|axis| template(core::array::from_fn(|i| f32::from(i == axis))));
    let (rows, norms, people) = arrays(&[(4, axes[0]), (5, axes[1]), (6, axes[2])]);
    let gallery = GalleryView::new(MODEL, LEN, &rows, &norms, &people).unwrap();
    let frames = [template([1.0, 0.8, 0.0, 0.0]), template([0.0, 1.0, 0.2, 0.0])];
    let [mut visit, last] =
        gallery.search_each::<2, 2>(&[frames[0].as_ref(), frames[1].as_ref()]).unwrap();
    let listed = |top: &Top<2>| [top[0].person, top[1].person];
    assert_eq!((listed(&visit), listed(&last)), ([4, 5], [5, 6]));
    visit.merge(&last);
    let of = |frame: usize, axis: usize| cosine(frames[frame].as_ref(), axes[axis].as_ref());
    let expected = [(5, of(1, 1)), (4, of(0, 0))]
        .map(|(person, cosine)| Match { person, cosine: cosine.unwrap() });
    assert_eq!(*visit, expected);
    assert_eq!(format!("{visit:?}"), format!("{expected:?}"));
}

#[test]
fn a_longer_row_does_not_win_by_its_length() {
    // Dot products 2 * 127 and 127, but the first row points elsewhere.
    let long = TemplateRef::from_values(&[2, 127, 127, 127], MODEL).unwrap();
    let short = TemplateRef::from_values(&[1, 0, 0, 0], MODEL).unwrap();
    let rows: Vec<i8> = [long.values(), short.values()].concat();
    let norms = [long.inverse_norm().get(), short.inverse_norm().get()];
    let gallery = GalleryView::new(MODEL, LEN, &rows, &norms, &[1, 2]).unwrap();
    let best = gallery.search(template([1.0, 0.0, 0.0, 0.0]).as_ref()).unwrap().unwrap();
    assert_eq!((best.person, best.cosine), (2, 1.0));
}

#[test]
fn rejects_a_probe_of_another_model_or_length() {
    let (rows, norms, people) = arrays(&[(1, template([1.0; LEN]))]);
    let gallery = GalleryView::new(MODEL, LEN, &rows, &norms, &people).unwrap();
    let other = ModelId([8; 16]);
    let stranger = Template::from_embedding(&[1.0; LEN], other).unwrap();
    let error = MatchError::OtherModel { probe: other, enrolled: MODEL };
    assert_eq!(gallery.search(stranger.as_ref()), Err(error));
    let fitting = template([1.0; LEN]);
    let probes = [fitting.as_ref(), stranger.as_ref()];
    assert_eq!(gallery.search_each::<1, 2>(&probes), Err(error));
    let short = Template::from_embedding(&[1.0; 3], MODEL).unwrap();
    let error = MatchError::OtherLength { probe: 3, enrolled: LEN };
    assert_eq!(gallery.search(short.as_ref()), Err(error));
}

#[test]
fn rejects_lengths_no_model_has() {
    for len in [0, MAX_LEN + 1] {
        let error = GalleryView::new(MODEL, len, &[], &[], &[]).unwrap_err();
        assert_eq!(error, GalleryError::Length { len });
    }
}

#[test]
fn rejects_arrays_of_different_counts() {
    let counts =
        |inverse_norms, values| GalleryError::Counts { people: 2, len: 4, inverse_norms, values };
    let error = GalleryView::new(MODEL, 4, &[1; 7], &[0.5; 2], &[1, 2]).unwrap_err();
    assert_eq!(error, counts(2, 7));
    let error = GalleryView::new(MODEL, 4, &[1; 8], &[0.5; 3], &[1, 2]).unwrap_err();
    assert_eq!(error, counts(3, 8));
}

#[test]
fn rejects_a_row_without_direction() {
    let error = GalleryView::new(MODEL, 2, &[1, 0, 0, 0], &[1.0; 2], &[1, 2]).unwrap_err();
    assert_eq!(error, GalleryError::ZeroRow { row: 1 });
}

#[test]
fn rejects_an_inverse_norm_that_is_not_the_rows() {
    for stored in [1.0, 0.5_f32.next_up(), f32::INFINITY, -0.5] {
        let error = GalleryView::new(MODEL, 4, &[1; 4], &[stored], &[1]).unwrap_err();
        assert_eq!(error, GalleryError::InverseNorm { row: 0, stored, computed: 0.5 });
    }
    assert!(GalleryView::new(MODEL, 4, &[1; 4], &[f32::NAN], &[1]).is_err());
}
