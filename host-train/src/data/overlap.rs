//! Whether persons or photographs of a test set are in a training set too, which would make the test say nothing.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::clean::Centres;
use super::{DataError, Source};

/// Persons of two sources with one name: (test, training).
///
/// Case, `_`, spaces and punctuation do not count. Names of digits only are numbers, which say nothing, and are left out.
pub fn by_name(train: &Source, test: &Source) -> Vec<(usize, usize)> {
    let plain = |name: &String| {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        let plain: String = letters.flat_map(char::to_lowercase).collect();
        plain.chars().any(char::is_alphabetic).then_some(plain)
    };
    let names = |source: &Source| -> Vec<(usize, String)> {
        let plain = source.identities().iter().map(plain).enumerate();
        plain.filter_map(|(person, name)| Some((person, name?))).collect()
    };
    let known: HashMap<String, usize> =
        names(train).into_iter().map(|(person, name)| (name, person)).collect();
    names(test)
        .into_iter()
        .filter_map(|(person, name)| Some((person, *known.get(&name)?)))
        .collect()
}

/// Images of two sources whose files are equal to the byte: (test, training). `done` is called after each image.
///
/// # Errors
/// An image can't be read.
pub fn by_file(
    train: &Source,
    test: &Source,
    done: impl Fn() + Sync,
) -> Result<Vec<(usize, usize)>, DataError> {
    let hashes = |source: &Source| -> Result<Vec<[u8; 32]>, DataError> {
        let hash = |index| {
            let hash = source.read(index).map(|bytes| Sha256::digest(bytes).into());
            done();
            hash
        };
        (0..source.images().len()).into_par_iter().map(hash).collect()
    };
    let known: HashMap<[u8; 32], usize> =
        hashes(train)?.into_iter().enumerate().map(|(index, hash)| (hash, index)).collect();
    let found = hashes(test)?.into_iter().enumerate();
    Ok(found.filter_map(|(index, hash)| Some((index, *known.get(&hash)?))).collect())
}

/// Persons whose centres have a cosine of `least` or more: (test, training, cosine), the likest first; for each person of the
/// test the nearest of training.
pub fn by_centre(
    train: &Centres,
    test: &Centres,
    persons: usize,
    least: f32,
) -> Vec<(usize, usize, f32)> {
    let nearest = |person: usize| {
        let found = train.nearest(test.get(person)?, usize::MAX, 1);
        found.first().map(|&(other, cosine)| (person, other, cosine))
    };
    let mut found: Vec<(usize, usize, f32)> = (0..persons)
        .into_par_iter()
        .filter_map(nearest)
        .filter(|&(_, _, cosine)| cosine >= least)
        .collect();
    found.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::data::fixture::{tar_of, write_folder};
    use crate::evaluate::UnitRows;

    #[test]
    fn names_and_files_are_compared() {
        let root = tempfile::tempdir().unwrap();
        let files = ["AJ_Cook/1.jpg", "Bo Lee/1.jpg", "007/1.jpg"];
        let train = Source::open(&[tar_of(root.path(), "train.tar", &files)]).unwrap();
        let folder = root.path().join("test");
        write_folder(&folder, &["aj cook/1.jpg", "Cy/1.jpg", "007/1.jpg", "7/2.jpg"]);
        let test = Source::open(&[folder]).unwrap();
        // 007 and 7 are numbers; sorted, `aj cook` is the last of the test and `AJ_Cook` the second of training.
        assert_eq!(by_name(&train, &test), [(3, 1)]);
        // The fixture's files hold their own names.
        assert_eq!(by_file(&train, &test, || ()).unwrap(), [(0, 0)]);
    }

    #[test]
    fn centres_are_compared() {
        let rows = UnitRows::new(vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8], 2).unwrap();
        let train = Centres::of(&rows, &[vec![0], vec![1]]);
        let test = Centres::of(&rows, &[vec![2], vec![0]]);
        let found = by_centre(&train, &test, 2, 0.7);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0, found[0].1, found[1].0, found[1].1), (1, 0, 0, 1));
        assert!((found[1].2 - 0.8).abs() < 1e-6);
        assert_eq!(by_centre(&train, &test, 2, 0.9).len(), 1);
    }
}
