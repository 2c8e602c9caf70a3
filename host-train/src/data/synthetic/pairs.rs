//! Which photographs of a drawn set are compared: as many genuine as impostor pairs, each fold with people of its own.

use crate::data::Pair;

/// Every genuine pair of `people` with `shots` photographs each, and as many impostor pairs, in `folds` of equally many people;
/// people beyond a whole number a fold are left out. `a` and `b` are places in [`super::DrawnFaces`].
#[must_use]
pub fn balanced_pairs(people: usize, shots: usize, folds: usize) -> Vec<Pair> {
    let per_fold = people / folds;
    let mut pairs = Vec::new();
    if per_fold < 2 {
        return pairs;
    }
    for person in 0..per_fold * folds {
        let fold = person / per_fold;
        let first = person * shots;
        let own = (0..shots).flat_map(|a| (a + 1..shots).map(move |b| (a, b)));
        for (made, (a, b)) in own.enumerate() {
            pairs.push(Pair { a: first + a, b: first + b, same: true, fold });
            // Walks through the fold's other people and their photographs.
            let other = fold * per_fold + (person + 1 + made % (per_fold - 1)) % per_fold;
            let b = other * shots + (a + b + made) % shots;
            pairs.push(Pair { a: first + a, b, same: false, fold });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn pairs_are_balanced_distinct_and_stay_in_their_fold() {
        let (people, shots, folds) = (120, 6, 10);
        let pairs = balanced_pairs(people, shots, folds);
        assert_eq!(pairs.len(), people * shots * (shots - 1));
        let distinct: BTreeSet<_> = pairs.iter().map(|p| (p.a.min(p.b), p.a.max(p.b))).collect();
        assert!(distinct.len() > pairs.len() * 19 / 20, "{}", distinct.len());
        for &Pair { a, b, same, fold } in &pairs {
            assert_eq!(a / shots == b / shots, same);
            let fold_of = |image: usize| image / shots / (people / folds);
            assert_eq!((fold_of(a), fold_of(b)), (fold, fold));
        }
        let genuine = pairs.iter().filter(|pair| pair.same).count();
        assert_eq!(2 * genuine, pairs.len());
    }

    #[test]
    fn folds_of_one_person_have_no_impostor() {
        assert!(balanced_pairs(10, 3, 10).is_empty());
    }
}
