//! One template of several of one person: the direction of their mean.
//!
//! ```text
//! m[i] = Σ over the person's templates t of  t[i] * inverse_norm(t)          unit vectors, added in their order
//! q[i] = round_ties_even(m[i] * (127 / max|m|))                              as of any embedding
//! ```
//!
//! What a photograph has by chance, its light and its pose, weighs less in the mean, what all of them share weighs as much. So a
//! person's next photograph is closer to the mean than to most of what it was made of, and a stranger gets one comparison a person
//! in place of one a template.
//!
//! Strangers are a little closer to a mean than to a single template. Thresholds for a gallery of means must have been measured with
//! means of up to [`MERGED`], as `host-train` does.

use super::gallery::checked;
use super::{GalleryError, InverseNorm};
use crate::kernels::round_to_i8;

/// Most templates in one mean.
pub const MERGED: usize = 4;

/// Templates of one person: their rows and inverse norms, the first ones first.
type Group = [Option<(usize, f32)>; MERGED];

/// The inverse norm of a row whose turn is over; no template has it.
const DONE: f32 = 0.0;

/// Puts the mean of each person's templates into their place and returns how many templates are left. These stand first in the
/// arrays, in the order of each one's first; what stands behind them means nothing.
///
/// The arrays are those of [`GalleryView::new`](super::GalleryView::new), with templates of `len` values. Those of a person may stand
/// anywhere. Of more than [`MERGED`] each [`MERGED`] become one. A template alone stays as it is, and so do those that cancel
/// each other out, which have no mean. Takes time by the square of the templates: of many people, merge each one's alone.
///
/// # Errors
/// [`GalleryError`] when the arrays do not fit each other or a row has no or another norm; they are as they were.
pub fn merge(
    len: usize,
    rows: &mut [i8],
    inverse_norms: &mut [f32],
    people: &mut [u32],
) -> Result<usize, GalleryError> {
    checked(len, rows, inverse_norms, people)?;
    let mut left = 0;
    for row in 0..people.len() {
        let Some(group) = group(row, inverse_norms, people) else { continue };
        // All rows before this one are done, so that the place is free, or its own.
        let (members, norm) = match mean(&group, len, rows, left) {
            Some(norm) => (MERGED, norm),
            None => (1, copy(&group, len, rows, left)),
        };
        for (member, _) in group.into_iter().flatten().take(members) {
            set(inverse_norms, member, DONE);
        }
        set(inverse_norms, left, norm);
        if let Some(&person) = people.get(row) {
            set(people, left, person);
        }
        left += 1;
    }
    Ok(left)
}

/// The templates that `row` is merged with, itself the first; `None` if its turn is over.
fn group(row: usize, inverse_norms: &[f32], people: &[u32]) -> Option<Group> {
    let mut rows = people.iter().zip(inverse_norms).enumerate().skip(row);
    let (_, (person, &norm)) = rows.next().filter(|(_, (_, norm))| **norm != DONE)?;
    let mut group = [None; MERGED];
    let more = rows.filter(|(_, (other, norm))| *other == person && **norm != DONE);
    let all = core::iter::once((row, norm)).chain(more.map(|(row, (_, &norm))| (row, norm)));
    for (place, member) in group.iter_mut().zip(all) {
        *place = Some(member);
    }
    Some(group)
}

/// Writes the mean of two or more into row `place` and returns its inverse norm.
fn mean(group: &Group, len: usize, rows: &mut [i8], place: usize) -> Option<f32> {
    group[1]?;
    let sum = |rows: &[i8], at: usize| {
        let values = group.iter().flatten();
        values.fold(0.0, |sum, (row, norm)| sum + f32::from(value(rows, row * len + at)) * norm)
    };
    let largest = (0..len).fold(0.0, |largest: f32, at| largest.max(sum(rows, at).abs()));
    let scale = 127.0 / largest;
    if !scale.is_finite() {
        return None;
    }
    for at in 0..len {
        let value = round_to_i8(sum(rows, at) * scale, 0);
        set(rows, place * len + at, value);
    }
    InverseNorm::of(rows.get(place * len..(place + 1) * len)?).map(InverseNorm::get)
}

/// Writes the first as it is into row `place` and returns its inverse norm.
fn copy(group: &Group, len: usize, rows: &mut [i8], place: usize) -> f32 {
    let (row, norm) = group[0].unwrap_or((place, DONE));
    for at in 0..len {
        let value = value(rows, row * len + at);
        set(rows, place * len + at, value);
    }
    norm
}

/// Every place was checked to be there; on a board nothing of this may panic.
fn value(rows: &[i8], at: usize) -> i8 {
    rows.get(at).copied().unwrap_or_default()
}

fn set<T>(of: &mut [T], at: usize, value: T) {
    if let Some(place) = of.get_mut(at) {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// Templates of three values, whose each is, after merging.
    fn merged(templates: &[(u32, [i8; 3])]) -> Vec<(u32, [i8; 3])> {
        let mut rows: Vec<i8> = templates.iter().flat_map(|(_, values)| *values).collect();
        let norms = templates.iter().map(|(_, values)| InverseNorm::of(values).unwrap().get());
        let mut norms: Vec<f32> = norms.collect();
        let mut people: Vec<u32> = templates.iter().map(|(person, _)| *person).collect();
        let left = merge(3, &mut rows, &mut norms, &mut people).unwrap();
        // What is left is a gallery: its norms are those of its rows.
        checked(3, &rows[..left * 3], &norms[..left], &people[..left]).unwrap();
        let rows = rows.chunks_exact(3).map(|row| row.try_into().unwrap());
        people.into_iter().zip(rows).take(left).collect()
    }

    #[test]
    fn a_mean_is_the_direction_between() {
        // Lengths do not count: (1, 0, 0) and (0, 1, 0) in the middle, whatever they were scaled by.
        assert_eq!(merged(&[(7, [127, 0, 0]), (7, [0, 63, 0])]), [(7, [127, 127, 0])]);
        // (3, 4, 0) / 5 and (0, 0, 1): (0.6, 0.8, 1) * 127.
        assert_eq!(merged(&[(7, [3, 4, 0]), (7, [0, 0, 9])]), [(7, [76, 102, 127])]);
        // Two of three agree: (2, 1, 0).
        let three = [(7, [127, 0, 0]), (7, [0, 127, 0]), (7, [100, 0, 0])];
        assert_eq!(merged(&three), [(7, [127, 64, 0])]);
    }

    #[test]
    fn people_stay_apart_wherever_their_templates_stand() {
        let mixed = [
            (1, [127, 0, 0]),
            (2, [0, 127, 0]),
            (3, [5, 6, 7]),
            (2, [0, 0, 127]),
            (1, [0, 0, 127]),
        ];
        assert_eq!(
            merged(&mixed),
            [(1, [127, 0, 127]), (2, [0, 127, 127]), (3, [5, 6, 7])],
            "and the one alone keeps its very values"
        );
    }

    #[test]
    fn of_many_each_four_become_one() {
        let mut many = vec![(1, [127, 0, 0]); 4];
        many.extend([(1, [0, 127, 0]); 4]);
        many.push((1, [0, 0, 50]));
        many.insert(2, (2, [1, 2, 3]));
        let left = [(1, [127, 0, 0]), (2, [1, 2, 3]), (1, [0, 127, 0]), (1, [0, 0, 50])];
        assert_eq!(merged(&many), left);
    }

    #[test]
    fn opposite_templates_have_no_mean_and_stay() {
        let opposite = [(1, [127, 3, 0]), (1, [-127, -3, 0]), (2, [1, 1, 1])];
        assert_eq!(merged(&opposite), opposite);
        assert_eq!(merged(&[]), []);
    }

    #[test]
    fn damaged_arrays_are_refused_and_stay_as_they_are() {
        let (mut rows, mut norms, mut people) = ([1, 0, 2, 0], [1.0, 1.0], [1, 1]);
        let error = merge(2, &mut rows, &mut norms, &mut people).unwrap_err();
        assert_eq!(error, GalleryError::InverseNorm { row: 1, stored: 1.0, computed: 0.5 });
        assert!(matches!(
            merge(2, &mut rows[..2], &mut norms, &mut people),
            Err(GalleryError::Counts { people: 2, len: 2, inverse_norms: 2, values: 2 })
        ));
        assert!(matches!(
            merge(0, &mut [], &mut [], &mut []),
            Err(GalleryError::Length { len: 0 })
        ));
        assert_eq!((rows, norms, people), ([1, 0, 2, 0], [1.0, 1.0], [1, 1]));
    }

    proptest! {
        /// Against means in f64, group by group.
        #[test]
        fn every_group_of_a_person_becomes_its_mean(
            templates in prop::collection::vec((0_u32..4, prop::array::uniform3(1_i8..=127)), 0..24),
        ) {
            let mut expected = Vec::new();
            for person in 0..4 {
                let own = templates.iter().filter(|(whose, _)| *whose == person);
                let own: Vec<[f64; 3]> = own.map(|(_, values)| {
                    let values = values.map(f64::from);
                    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
                    values.map(|value| value / length)
                }).collect();
                for group in own.chunks(MERGED) {
                    let sum = [0, 1, 2].map(|at| group.iter().map(|t| t[at]).sum::<f64>());
                    expected.push((person, sum));
                }
            }
            let mut got = merged(&templates);
            got.sort_by_key(|(person, _)| *person);
            prop_assert_eq!(got.len(), expected.len());
            for ((whose, got), (person, sum)) in got.iter().zip(&expected) {
                prop_assert_eq!(whose, person);
                let dot: f64 = got.iter().zip(sum).map(|(g, s)| f64::from(*g) * s).sum();
                let lengths = got.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>()
                    * sum.iter().map(|s| s * s).sum::<f64>();
                // Alone, a template keeps its scale, down to a largest value of 1, and its direction; a mean has half a step of 127.
                prop_assert!(dot / lengths.sqrt() > 0.9999, "{:?} {:?}", got, sum);
            }
        }
    }
}
