//! From embeddings with identities to scores: every pair once, and rank-1 search.
//!
//! The score of two images is the caller's function, so that one code path serves float cosines ([`super::UnitRows`]) and the
//! engine's integer cosine of two templates. Work is split over threads in tiles of images, small enough for both sides'
//! embeddings to stay in the cache; every score has its place before it is computed, so the result does not depend on the
//! number of threads.
//!
//! ```text
//!            j ->                    row block r owns the tiles right of the diagonal:
//!        +----+----+----+            its genuine scores, then its impostor scores,
//!   i  r0|\   |    |    |            go to slices carved out beforehand
//!   |    +----+----+----+
//!   v  r1     |\   |    |
//! ```

use super::error::EvaluateError;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Images a side of a tile: 64 rows of 512 floats are 128 KiB, within a core's second-level cache.
const TILE: usize = 64;

/// Scores of all unordered pairs of different images.
#[derive(Clone, Debug, PartialEq)]
pub struct AllPairs {
    /// Pairs of one person.
    pub genuine: Vec<f32>,
    /// Pairs of two people.
    pub impostor: Vec<f32>,
}

/// Rank-1 identification: how often the nearest enrolled image is the right person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank1 {
    /// Enrolled images: the first of each person, people with a single image included (as distractors).
    pub gallery: usize,
    /// Searches: all other images.
    pub probes: usize,
    /// Searches whose own person scored strictly higher than everybody else.
    pub correct: usize,
}

impl Rank1 {
    /// Share of correct searches, in [0, 1].
    pub fn rate(&self) -> f64 {
        self.correct as f64 / self.probes as f64
    }
}

/// Scores every pair of images once. `identities[i]` is the person of image `i`; `score(i, j)`, with `i < j`, is their cosine.
///
/// `n` images take `n * (n - 1) / 2` scores of 4 bytes: 6,300 images give 20 million, 80 MB.
///
/// # Errors
/// [`EvaluateError::OnePerson`] and [`EvaluateError::NoProbe`] when there would be no impostor or no genuine pair.
pub fn all_pairs(
    identities: &[usize],
    score: impl Fn(usize, usize) -> f32 + Sync,
) -> Result<AllPairs, EvaluateError> {
    first_images(identities)?;
    let n = identities.len();
    let later = later_images_of_same_person(identities);
    let mut genuine = vec![0.0; later.iter().sum()];
    let mut impostor = vec![0.0; impostor_pairs(identities)];

    let mut blocks = Vec::with_capacity(n.div_ceil(TILE));
    let (mut genuine_left, mut impostor_left) = (&mut genuine[..], &mut impostor[..]);
    for start in (0..n).step_by(TILE) {
        let rows = start..(start + TILE).min(n);
        let same: usize = later[rows.clone()].iter().sum();
        let all: usize = rows.clone().map(|i| n - 1 - i).sum();
        let (own_genuine, rest) = genuine_left.split_at_mut(same);
        genuine_left = rest;
        let (own_impostor, rest) = impostor_left.split_at_mut(all - same);
        impostor_left = rest;
        blocks.push((rows, own_genuine, own_impostor));
    }
    blocks.into_par_iter().for_each(|(rows, genuine, impostor)| {
        let (mut genuine, mut impostor) = (genuine.iter_mut(), impostor.iter_mut());
        for tile in (rows.start..n).step_by(TILE) {
            for i in rows.clone() {
                for j in tile.max(i + 1)..(tile + TILE).min(n) {
                    let same = identities[i] == identities[j];
                    let place = if same { genuine.next() } else { impostor.next() };
                    *place.expect(
                        "the slices hold as many places as the block has pairs of each kind",
                    ) = score(i, j);
                }
            }
        }
    });
    Ok(AllPairs { genuine, impostor })
}

/// Where each search finds its own person: the ranks, from 1, of all probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// Enrolled images, as in [`Rank1`].
    pub gallery: usize,
    /// One a probe, in the order of the images.
    pub ranks: Vec<usize>,
}

impl Ranks {
    /// The cumulative match characteristic: the share of searches that find the right person among the first `rank`, for each
    /// rank from 1 to `most`.
    #[must_use]
    pub fn curve(&self, most: usize) -> Vec<f64> {
        let share = |rank| self.ranks.iter().filter(|&&own| own <= rank).count() as f64;
        (1..=most).map(|rank| share(rank) / self.ranks.len() as f64).collect()
    }
}

/// Enrols the first image of each person and searches with all the others. `score` may be called with `(probe, enrolled)` in
/// any order of indices.
///
/// Somebody who scores as high as the own person stands before it: a door may not guess, and a collapsed network finds
/// nobody.
///
/// # Errors
/// [`EvaluateError::OnePerson`] when nobody could be confused, [`EvaluateError::NoProbe`] when no person has a second image.
pub fn ranks(
    identities: &[usize],
    score: impl Fn(usize, usize) -> f32 + Sync,
) -> Result<Ranks, EvaluateError> {
    let Searches { first, enrolled, probes } = Searches::new(identities)?;
    let rank = |&probe: &usize| {
        let own = first[&identities[probe]];
        let own_score = score(probe, own);
        let others = enrolled.iter().filter(|&&other| other != own);
        1 + others.filter(|&&other| score(probe, other) >= own_score).count()
    };
    Ok(Ranks { gallery: enrolled.len(), ranks: probes.par_iter().map(rank).collect() })
}

/// Whom each of the same searches as those of [`ranks`] finds: the enrolled image that scores highest, the first of equals, as in
/// the engine's gallery.
///
/// # Errors
/// Those of [`ranks`].
pub fn nearest(
    identities: &[usize],
    score: impl Fn(usize, usize) -> f32 + Sync,
) -> Result<Vec<usize>, EvaluateError> {
    let Searches { enrolled, probes, .. } = Searches::new(identities)?;
    let nearest = |&probe: &usize| {
        let scored = enrolled.iter().map(|&image| (image, score(probe, image)));
        scored
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(image, _)| image)
    };
    Ok(probes.par_iter().filter_map(nearest).collect())
}

/// Who is enrolled and who is searched for.
struct Searches {
    /// The first image of each person.
    first: BTreeMap<usize, usize>,
    /// All of these, in the order of the people.
    enrolled: Vec<usize>,
    /// All other images.
    probes: Vec<usize>,
}

impl Searches {
    fn new(identities: &[usize]) -> Result<Self, EvaluateError> {
        let first = first_images(identities)?;
        let enrolled = first.values().copied().collect();
        let probes = (0..identities.len()).filter(|&image| first[&identities[image]] != image);
        let probes = probes.collect();
        Ok(Self { first, enrolled, probes })
    }
}

/// How often [`ranks`] finds the own person first.
///
/// # Errors
/// Those of [`ranks`].
pub fn rank1(
    identities: &[usize],
    score: impl Fn(usize, usize) -> f32 + Sync,
) -> Result<Rank1, EvaluateError> {
    let Ranks { gallery, ranks } = ranks(identities, score)?;
    let correct = ranks.iter().filter(|&&rank| rank == 1).count();
    Ok(Rank1 { gallery, probes: ranks.len(), correct })
}

/// Pairs of two people among the images of these people.
#[must_use]
pub fn impostor_pairs(identities: &[usize]) -> usize {
    let genuine: usize = later_images_of_same_person(identities).iter().sum();
    identities.len() * identities.len().saturating_sub(1) / 2 - genuine
}

/// The first image of each person.
///
/// # Errors
/// [`EvaluateError::OnePerson`] when nobody could be confused, [`EvaluateError::NoProbe`] when no person has a second image.
pub fn first_images(identities: &[usize]) -> Result<BTreeMap<usize, usize>, EvaluateError> {
    let mut first = BTreeMap::new();
    for (image, &person) in identities.iter().enumerate() {
        first.entry(person).or_insert(image);
    }
    if first.len() == identities.len() {
        return Err(EvaluateError::NoProbe { people: first.len() });
    }
    if first.len() == 1 {
        return Err(EvaluateError::OnePerson { images: identities.len() });
    }
    Ok(first)
}

/// For each image, how many later images show the same person.
fn later_images_of_same_person(identities: &[usize]) -> Vec<usize> {
    let mut seen = BTreeMap::new();
    let mut later = vec![0; identities.len()];
    for (image, &person) in identities.iter().enumerate().rev() {
        let count = seen.entry(person).or_insert(0);
        later[image] = *count;
        *count += 1;
    }
    later
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evaluate::UnitRows;

    #[test]
    fn every_pair_is_scored_once() {
        // Persons 7 7 3 7 3: genuine pairs 01 03 13 24, impostor pairs 02 04 12 14 23 34.
        let scored = all_pairs(&[7, 7, 3, 7, 3], |i, j| (10 * i + j) as f32).unwrap();
        assert_eq!(scored.genuine, [1.0, 3.0, 13.0, 24.0]);
        assert_eq!(scored.impostor, [2.0, 4.0, 12.0, 14.0, 23.0, 34.0]);
    }

    #[test]
    fn tiles_lose_and_repeat_nothing() {
        // 200 images make four row blocks, the last one partial.
        let identities: Vec<usize> = (0..200).map(|i| (i * 7) % 31).collect();
        let scored = all_pairs(&identities, |i, j| (i * 200 + j) as f32).unwrap();
        let mut expected = AllPairs { genuine: vec![], impostor: vec![] };
        for i in 0..200 {
            for j in i + 1..200 {
                let list = if identities[i] == identities[j] {
                    &mut expected.genuine
                } else {
                    &mut expected.impostor
                };
                list.push((i * 200 + j) as f32);
            }
        }
        let sort = |mut scores: Vec<f32>| {
            scores.sort_unstable_by(f32::total_cmp);
            scores
        };
        assert_eq!(sort(scored.genuine.clone()), expected.genuine);
        assert_eq!(sort(scored.impostor.clone()), expected.impostor);
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let again =
            one_thread.install(|| all_pairs(&identities, |i, j| (i * 200 + j) as f32)).unwrap();
        assert_eq!(again, scored, "order must not depend on threads");
    }

    #[test]
    fn rank1_by_hand() {
        // On the unit circle: A at 0 and 10 degrees, B at 90 and 40 degrees, C (one image, a distractor) at 45 degrees.
        let degrees = [0.0_f32, 90.0, 45.0, 10.0, 40.0];
        let values =
            degrees.iter().flat_map(|d| [d.to_radians().cos(), d.to_radians().sin()]).collect();
        let rows = UnitRows::new(values, 2).unwrap();
        let result = rank1(&[0, 1, 2, 0, 1], |a, b| rows.cosine(a, b)).unwrap();
        // A's probe finds A (10 degrees off against 35); B's probe finds the distractor C (5 against 50).
        assert_eq!(result, Rank1 { gallery: 3, probes: 2, correct: 1 });
        assert_eq!(result.rate(), 0.5);
    }

    #[test]
    fn searches_find_the_highest_and_the_first_of_equals() {
        // Enrolled 0, 1, 2; probes 3 of person 0 and 4 of person 1.
        let scores = [[0.2, 0.7, 0.7], [0.9, 0.1, 0.3]];
        let found = nearest(&[0, 1, 2, 0, 1], |probe, image| scores[probe - 3][image]).unwrap();
        assert_eq!(found, [1, 0]);
    }

    #[test]
    fn the_curve_counts_ranks_by_hand() {
        // A at 0 and 20 degrees, B at 30 and 50, C at 90 and 100; A's probe is nearer to B, B's and C's find their own.
        let degrees = [0.0_f32, 30.0, 90.0, 20.0, 50.0, 100.0];
        let values =
            degrees.iter().flat_map(|d| [d.to_radians().cos(), d.to_radians().sin()]).collect();
        let rows = UnitRows::new(values, 2).unwrap();
        let found = ranks(&[0, 1, 2, 0, 1, 2], |a, b| rows.cosine(a, b)).unwrap();
        assert_eq!(found, Ranks { gallery: 3, ranks: vec![2, 1, 1] });
        assert_eq!(found.curve(3), [2.0 / 3.0, 1.0, 1.0]);
    }

    #[test]
    fn a_tie_with_a_stranger_is_a_miss() {
        let result = rank1(&[0, 1, 0, 1], |_, _| 1.0).unwrap();
        assert_eq!(result, Rank1 { gallery: 2, probes: 2, correct: 0 });
    }

    #[test]
    fn rejects_sets_without_a_second_image() {
        let refused = all_pairs(&[4, 5, 6], |_, _| 0.0).unwrap_err();
        assert_eq!(refused, EvaluateError::NoProbe { people: 3 });
        assert_eq!(rank1(&[], |_, _| 0.0), Err(EvaluateError::NoProbe { people: 0 }));
    }

    #[test]
    fn rejects_a_single_person() {
        let refused = rank1(&[4, 4], |_, _| 0.0).unwrap_err();
        assert_eq!(refused, EvaluateError::OnePerson { images: 2 });
    }
}
