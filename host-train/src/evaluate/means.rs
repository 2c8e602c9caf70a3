//! Faces against the means of several photographs of a person, as a door compares them.

use super::AllPairs;
use rayon::prelude::*;

/// Which photographs make a mean: of everybody as many groups of `size` as there are, in the order of their photographs, none in two of
/// them. Empty where nobody has one photograph more, to be compared with the mean of the others.
#[must_use]
pub fn groups(identities: &[usize], size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..identities.len()).collect();
    order.sort_by_key(|&image| identities[image]);
    let people = order.chunk_by(|&a, &b| identities[a] == identities[b]);
    if people.clone().all(|images| images.len() <= size) {
        return Vec::new();
    }
    people.flat_map(|images| images.chunks_exact(size)).map(<[usize]>::to_vec).collect()
}

/// Scores each group's mean with each photograph that is not in it. `score(group, image)` is their cosine; a score is genuine
/// where the photograph is of the group's person.
#[must_use]
pub fn mean_scores(
    identities: &[usize],
    groups: &[Vec<usize>],
    score: impl Fn(usize, usize) -> f32 + Sync,
) -> AllPairs {
    let of_group = |(place, group): (usize, &Vec<usize>)| {
        let others = (0..identities.len()).filter(|image| !group.contains(image));
        let (genuine, impostor): (Vec<usize>, Vec<usize>) =
            others.partition(|&image| identities[image] == identities[group[0]]);
        [genuine, impostor]
            .map(|images| images.into_iter().map(|image| score(place, image)).collect::<Vec<f32>>())
    };
    let scored: Vec<[Vec<f32>; 2]> = groups.par_iter().enumerate().map(of_group).collect();
    let (genuine, impostor): (Vec<_>, Vec<_>) =
        scored.into_iter().map(|[genuine, impostor]| (genuine, impostor)).unzip();
    AllPairs { genuine: genuine.concat(), impostor: impostor.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_one_person_each() {
        //               0  1  2  3  4  5  6  7  8
        let identities = [7, 3, 7, 3, 7, 7, 9, 3, 7];
        assert_eq!(groups(&identities, 2), [[1, 3], [0, 2], [4, 5]]);
        assert_eq!(groups(&identities, 3), [[1, 3, 7], [0, 2, 4]]);
        assert_eq!(groups(&identities, 4), [[0, 2, 4, 5]]);
        assert!(groups(&identities, 5).is_empty(), "five of 5 leave none to compare");
    }

    #[test]
    fn a_mean_meets_every_photograph_but_its_own() {
        let identities = [7, 3, 7, 3, 7, 7, 9, 3, 7];
        let groups = groups(&identities, 2);
        let scored = mean_scores(&identities, &groups, |group, image| (10 * group + image) as f32);
        assert_eq!(scored.genuine, [7.0, 14.0, 15.0, 18.0, 20.0, 22.0, 28.0]);
        assert_eq!(scored.impostor.len(), 6 + 4 + 4);
        assert_eq!(scored.impostor[6..10], [11.0, 13.0, 16.0, 17.0]);
    }
}
