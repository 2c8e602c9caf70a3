//! Centres of persons, and the three sub-centres of one.

use core::cmp::Reverse;

use rayon::prelude::*;

use super::SamePerson;
use crate::evaluate::{UnitRows, dot};

/// Sub-centres a person, as in the paper.
pub(super) const SUB_CENTRES: usize = 3;

/// Rounds of the clustering, at most.
const ROUNDS: usize = 20;

/// The direction of a sum of rows; none when they cancel out, or there are none.
pub(super) fn unit_sum<'a>(
    rows: impl Iterator<Item = &'a [f32]>,
    length: usize,
) -> Option<Vec<f32>> {
    let mut sum = vec![0.0_f32; length];
    for row in rows {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let norm = dot(&sum, &sum).sqrt();
    (norm > 1e-6).then(|| sum.iter().map(|value| value / norm).collect())
}

/// The mean direction of each person's embeddings.
#[derive(Debug)]
pub struct Centres(Vec<Option<Vec<f32>>>);

impl Centres {
    /// The centres of all persons, given by the places of their images.
    pub fn of(rows: &UnitRows, members: &[Vec<usize>]) -> Self {
        let centre = |images: &Vec<usize>| {
            let first = images.first().map_or(0, |&image| rows.row(image).len());
            unit_sum(images.iter().map(|&image| rows.row(image)), first)
        };
        Self(members.par_iter().map(centre).collect())
    }

    /// The persons other than `own` whose centres are nearest to an embedding, with the cosines, the nearest first.
    pub fn nearest(&self, row: &[f32], own: usize, count: usize) -> Vec<(usize, f32)> {
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
        for (label, centre) in self.0.iter().enumerate().filter(|&(label, _)| label != own) {
            let Some(centre) = centre else {
                continue;
            };
            let cosine = dot(centre, row);
            let place = best.partition_point(|&(_, other)| other >= cosine);
            if place < count {
                best.insert(place, (label, cosine));
                best.truncate(count);
            }
        }
        best
    }

    /// The centre of a person, when it has one.
    pub fn get(&self, label: usize) -> Option<&[f32]> {
        self.0.get(label)?.as_deref()
    }

    /// Pairs of persons, of two images at least, whose centres have this cosine or more, the likest first.
    pub(super) fn alike(&self, members: &[Vec<usize>], least: f32) -> Vec<SamePerson> {
        let known = |label: &usize| members[*label].len() >= 2 && self.0[*label].is_some();
        let labels: Vec<usize> = (0..self.0.len()).filter(known).collect();
        let of = |(place, &a): (usize, &usize)| {
            let pairs = labels[..place].iter().filter_map(move |&b| {
                let cosine = dot(self.get(a)?, self.get(b)?);
                (cosine >= least).then_some(SamePerson { a: b, b: a, cosine })
            });
            pairs.collect::<Vec<_>>()
        };
        let mut pairs: Vec<SamePerson> =
            labels.par_iter().enumerate().map(of).collect::<Vec<_>>().concat();
        pairs.sort_by(|x, y| y.cosine.total_cmp(&x.cosine).then((x.a, x.b).cmp(&(y.a, y.b))));
        pairs
    }
}

/// Those of one person's images that belong to its largest sub-centre.
///
/// Spherical k-means with three centres, started from the image nearest to all and then each time the farthest one.
pub(super) fn dominant(rows: &UnitRows, images: &[usize]) -> Vec<usize> {
    let row = |place: usize| rows.row(images[place]);
    let length = row(0).len();
    let all = unit_sum((0..images.len()).map(row), length).unwrap_or_else(|| row(0).to_vec());
    let best = |score: &dyn Fn(usize) -> f32| {
        (0..images.len())
            .max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a)))
            .unwrap_or(0)
    };
    let mut centres = vec![row(best(&|place| dot(row(place), &all))).to_vec()];
    while centres.len() < SUB_CENTRES {
        let nearest = |place: usize| {
            centres.iter().map(|centre| dot(row(place), centre)).fold(-1.0, f32::max)
        };
        let farthest = row(best(&|place| -nearest(place))).to_vec();
        centres.push(farthest);
    }
    let assign = |centres: &[Vec<f32>]| -> Vec<usize> {
        let nearest = |place: usize| {
            let cosine = |centre: usize| dot(row(place), &centres[centre]);
            (0..SUB_CENTRES)
                .max_by(|&a, &b| cosine(a).total_cmp(&cosine(b)).then(b.cmp(&a)))
                .unwrap_or(0)
        };
        (0..images.len()).map(nearest).collect()
    };
    let mut own = assign(&centres);
    for _ in 0..ROUNDS {
        for (number, centre) in centres.iter_mut().enumerate() {
            let members = (0..images.len()).filter(|&place| own[place] == number).map(row);
            if let Some(moved) = unit_sum(members, length) {
                *centre = moved;
            }
        }
        let moved = assign(&centres);
        if moved == own {
            break;
        }
        own = moved;
    }
    let size = |number: usize| own.iter().filter(|&&other| other == number).count();
    let dominant =
        (0..SUB_CENTRES).max_by_key(|&number| (size(number), Reverse(number))).unwrap_or(0);
    let belongs = |place: &usize| own[*place] == dominant;
    (0..images.len()).filter(belongs).map(|place| images[place]).collect()
}
