//! Searches as a door makes them: most people who come are enrolled, some are strangers, and nobody says who is who.
//!
//! ```text
//! person with two images or more ──> first image enrolled, the others searched for
//! person with a single image ──────> a stranger: searched for, not enrolled
//!
//!   FPIR(t) = share of strangers whom somebody enrolled scores >= t         (false positive identification rate)
//!   FNIR(t) = share of the enrolled people's searches that do not find them first with a score >= t (false negative ..)
//! ```
//!
//! FPIR grows with the gallery, so that it says nothing without the number of enrolled. Here people with a single image are
//! strangers; in [`super::rank1`] they are enrolled.

use super::error::EvaluateError;
use super::identification::first_images;
use super::roc::{Roc, allowed};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The false positive identification rates that are reported, with their JSON keys, as far down as the strangers allow.
const STANDARD_FPIRS: [(&str, f64); 3] = [("1e-1", 1e-1), ("1e-2", 1e-2), ("1e-3", 1e-3)];

/// Figures of the search; shares are in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenSet {
    /// People enrolled, one image each.
    pub enrolled: usize,
    /// Searches for them.
    pub probes: usize,
    /// Searches of people who are not enrolled.
    pub strangers: usize,
    /// False negative identification rate at each resolvable false positive identification rate.
    pub fnir: BTreeMap<String, f64>,
    /// The cosine from which that rate accepts.
    pub thresholds: BTreeMap<String, f32>,
    /// Strangers accepted at each of these.
    pub accepted_strangers: BTreeMap<String, usize>,
}

impl OpenSet {
    /// Enrols and searches; none where every person has a second image, and so nobody is a stranger. `score` may be called with
    /// `(probe, enrolled)` in any order of indices.
    ///
    /// # Errors
    /// [`EvaluateError::OnePerson`] and [`EvaluateError::NoProbe`] when there is nobody to confuse or to search for;
    /// [`EvaluateError::ScoreNotFinite`].
    pub fn new(
        identities: &[usize],
        score: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Result<Option<Self>, EvaluateError> {
        let first = first_images(identities)?;
        let alone = single_images(identities);
        let person = |image: &usize| identities[*image];
        let enrolled = first.values().copied().filter(|image| !alone.contains_key(&person(image)));
        let enrolled: Vec<usize> = enrolled.collect();
        let probes = (0..identities.len()).filter(|image| first[&person(image)] != *image);
        let probes: Vec<usize> = probes.collect();
        let strangers: Vec<usize> = alone.into_values().collect();
        if strangers.is_empty() {
            return Ok(None);
        }
        let highest = |probe: usize, but: Option<usize>| {
            let others = enrolled.iter().filter(|&&image| Some(image) != but);
            others.map(|&image| score(probe, image)).fold(f32::MIN, f32::max)
        };
        let found = |probe: &usize| {
            let own = first[&person(probe)];
            let own_score = score(*probe, own);
            // Who is not found first is not found at any threshold: below every cosine.
            if own_score > highest(*probe, Some(own)) { own_score } else { f32::MIN }
        };
        let found: Vec<f32> = probes.par_iter().map(found).collect();
        let taken: Vec<f32> = strangers.par_iter().map(|&image| highest(image, None)).collect();
        // With searches for pairs, FPIR is FAR and FNIR is what TAR leaves.
        let roc = Roc::new(found, taken)?;
        let points =
            STANDARD_FPIRS.iter().filter_map(|&(key, rate)| Some((key, roc.at_far(rate).ok()?)));
        let points: Vec<_> = points.map(|(key, point)| (key.to_owned(), point)).collect();
        let keyed = || points.iter().map(|(key, point)| (key.clone(), point));
        Ok(Some(Self {
            enrolled: enrolled.len(),
            probes: probes.len(),
            strangers: strangers.len(),
            fnir: keyed().map(|(key, point)| (key, 1.0 - point.tar)).collect(),
            thresholds: keyed().map(|(key, point)| (key, point.threshold)).collect(),
            accepted_strangers: keyed().map(|(key, at)| (key, at.accepted_impostors)).collect(),
        }))
    }

    /// The keys of [`Self::fnir`] for images of these people.
    pub fn resolvable(identities: &[usize]) -> impl Iterator<Item = &'static str> {
        let strangers = single_images(identities).len();
        let rates =
            STANDARD_FPIRS.into_iter().filter(move |&(_, rate)| allowed(rate, strangers) > 0);
        rates.map(|(key, _)| key)
    }
}

/// The image of each person who has no other.
fn single_images(identities: &[usize]) -> BTreeMap<usize, usize> {
    let mut images: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (image, &person) in identities.iter().enumerate() {
        images.entry(person).or_insert((image, 0)).1 += 1;
    }
    images.into_iter().filter(|(_, (_, count))| *count == 1).map(|(p, (i, _))| (p, i)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// People 0 and 1 with two images each (0, 1 enrolled; 2, 3 searched for), then ten strangers.
    fn identities() -> Vec<usize> {
        [0, 1, 0, 1].into_iter().chain(2..12).collect()
    }

    /// Person 0 is found with 0.6, person 1 with 0.5; stranger `i` of 0 to 9 comes to at most `i / 20`.
    fn score(probe: usize, enrolled: usize) -> f32 {
        match (probe, enrolled) {
            (2, 0) => 0.6,
            (3, 1) => 0.5,
            (2 | 3, _) => 0.1,
            (stranger, 0) => (stranger - 4) as f32 / 20.0,
            _ => -0.5,
        }
    }

    #[test]
    fn strangers_are_not_enrolled_and_rates_are_counted_by_hand() {
        let found = OpenSet::new(&identities(), score).unwrap().unwrap();
        assert_eq!((found.enrolled, found.probes, found.strangers), (2, 2, 10));
        // One stranger of ten may pass, the one at 0.45; both people are above.
        assert_eq!(found.fnir, BTreeMap::from([("1e-1".to_owned(), 0.0)]));
        assert_eq!(found.accepted_strangers["1e-1"], 1);
        assert_eq!(found.thresholds["1e-1"], 0.45);
        assert_eq!(OpenSet::resolvable(&identities()).collect::<Vec<_>>(), ["1e-1"]);
        // Strangers half a cosine nearer: from 0.95 on, who is at 0.5 and 0.6 stays out.
        let nearer = |a: usize, b: usize| score(a, b) + if a > 3 { 0.5 } else { 0.0 };
        let found = OpenSet::new(&identities(), nearer).unwrap().unwrap();
        assert_eq!(found.fnir["1e-1"], 1.0);
    }

    #[test]
    fn who_is_not_first_is_missed_at_every_threshold() {
        // Person 1's search is nearer to person 0; a tie would be no better.
        for other in [0.55, 0.5] {
            let mixed = |a: usize, b: usize| if (a, b) == (3, 0) { other } else { score(a, b) };
            let found = OpenSet::new(&identities(), mixed).unwrap().unwrap();
            assert_eq!(found.fnir["1e-1"], 0.5, "{other}");
        }
    }

    #[test]
    fn without_strangers_there_is_nothing_to_say() {
        assert_eq!(OpenSet::new(&[0, 1, 0, 1], |_, _| 0.0), Ok(None));
        assert_eq!(OpenSet::resolvable(&[0, 1, 0, 1]).count(), 0);
        let refused = OpenSet::new(&[0, 1, 2], |_, _| 0.0);
        assert_eq!(refused, Err(EvaluateError::NoProbe { people: 3 }));
    }
}
