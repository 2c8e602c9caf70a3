//! Pair lists for 1:1 verification, resolved to images of a source.
//!
//! Two kinds of text are read, told apart by their first line:
//!
//! ```text
//! LFW (tabs or spaces)                     CSV (lines in any order)
//! 10      300        folds, pairs a fold   fold,a,b,same
//! Ann     1   4      same person           3,Ann/Ann_0001.jpg,Ann/Ann_0004.jpg,1
//! ...     300 such lines, then 300 of:     3,Ann/Ann_0001.jpg,Bo/Bo_0002.jpg,0
//! Ann     1   Bo  2  two persons
//! ...     and again for each fold
//! ```
//!
//! A verification set (`.bin`) holds its pairs and their images; its ten folds are cut in order, as InsightFace does.
//!
//! A first line of one number (LFW's development lists) is one fold. LFW's `Ann 4` is the image `Ann/Ann_0004` with any
//! image extension. In View 2 of the LFW protocol the threshold for a fold is picked on all others.

use std::fs;
use std::path::Path;

use super::source::{Kind, file_name};
use super::table::for_each_row;
use super::verification::VerificationSet;
use super::{DataError, Source};

/// Two images of a source and whether they show one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// First image: an index into [`Source::images`].
    pub a: usize,
    /// Second image, never the first.
    pub b: usize,
    /// Genuine (true) or impostor pair, as the list says.
    pub same: bool,
    /// Which fold it belongs to: an index into [`Pairs::fold_names`].
    pub fold: usize,
}

/// A pair list: at least one pair, each in a fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    pairs: Vec<Pair>,
    fold_names: Vec<String>,
}

impl Pairs {
    /// Reads the list at `path` and finds its images in `source`.
    ///
    /// # Errors
    /// A file that is missing or of neither kind; a line that is no pair; another number of pairs than promised; an image
    /// that the source does not hold. Each with its line.
    pub fn read(path: &Path, source: &Source) -> Result<Self, DataError> {
        if Self::hold_images(path) {
            return Self::of_verification_set(path, source);
        }
        let text = fs::read_to_string(path).map_err(|error| DataError::from_io(path, error))?;
        let mut list = Reader { path, source, pairs: Vec::new(), fold_names: Vec::new() };
        let first = text.lines().next().unwrap_or_default();
        let numbers: Option<Vec<usize>> =
            first.split_whitespace().map(|word| word.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[folds, each]) if folds > 0 && each > 0 => list.read_lfw(&text, folds, each)?,
            Some(&[each]) if each > 0 => list.read_lfw(&text, 1, each)?,
            _ if first.contains(',') => list.read_csv(&text)?,
            _ => {}
        }
        if list.pairs.is_empty() {
            return Err(DataError::PairFormat { path: path.to_owned() });
        }
        Ok(Self { pairs: list.pairs, fold_names: list.fold_names })
    }

    /// Whether a pair list is a file that holds the images too, so that the source is that file.
    pub fn hold_images(path: &Path) -> bool {
        matches!(Kind::of(path), Kind::Verification)
    }

    fn of_verification_set(path: &Path, source: &Source) -> Result<Self, DataError> {
        let set = VerificationSet::open(path)?;
        let origin = file_name(path)?;
        let find = |image| {
            let name = VerificationSet::name(image);
            source.find_in(&origin, &name).ok_or_else(|| {
                let path = path.to_owned();
                DataError::PairsElsewhere { path, image: name }
            })
        };
        let mut pairs = Vec::with_capacity(set.same.len());
        for (index, &same) in set.same.iter().enumerate() {
            let (a, b) = (find(2 * index)?, find(2 * index + 1)?);
            pairs.push(Pair { a, b, same, fold: set.fold(index) });
        }
        let folds = pairs.last().map_or(0, |last| last.fold + 1);
        Ok(Self { pairs, fold_names: (1..=folds).map(|fold| fold.to_string()).collect() })
    }

    /// All pairs in the list's order.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The folds as the list calls them (LFW's are `1`, `2`, ...), in order of appearance.
    pub fn fold_names(&self) -> &[String] {
        &self.fold_names
    }
}

struct Reader<'a> {
    path: &'a Path,
    source: &'a Source,
    pairs: Vec<Pair>,
    fold_names: Vec<String>,
}

impl Reader<'_> {
    fn read_lfw(&mut self, text: &str, folds: usize, each: usize) -> Result<(), DataError> {
        let lines: Vec<(u64, &str)> =
            (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.trim().is_empty()).collect();
        let expected = folds.saturating_mul(each).saturating_mul(2);
        if lines.len() != expected {
            return Err(DataError::PairCount {
                path: self.path.to_owned(),
                expected,
                found: lines.len(),
            });
        }
        for (place, (line, words)) in lines.into_iter().enumerate() {
            let words: Vec<&str> = words.split_whitespace().collect();
            let same = (place / each).is_multiple_of(2);
            let (a, b) = match (same, words.as_slice()) {
                (true, &[person, a, b]) => ((person, a), (person, b)),
                (false, &[person, a, other, b]) => ((person, a), (other, b)),
                (true, _) => return Err(self.syntax(line, "expected `PERSON NUMBER NUMBER`")),
                (false, _) => {
                    return Err(self.syntax(line, "expected `PERSON NUMBER PERSON NUMBER`"));
                }
            };
            let a = self.lfw_image(line, a)?;
            let b = self.lfw_image(line, b)?;
            let fold = (place / each / 2 + 1).to_string();
            self.push(line, a, b, same, &fold)?;
        }
        Ok(())
    }

    fn read_csv(&mut self, text: &str) -> Result<(), DataError> {
        let path = self.path;
        for_each_row(text, path, ["fold", "a", "b", "same"], |line, [fold, a, b, same]| {
            let same = match same {
                "1" => true,
                "0" => false,
                _ => return Err(self.syntax(line, "column `same` must be 1 or 0")),
            };
            let a = self.image(line, a)?;
            let b = self.image(line, b)?;
            self.push(line, a, b, same, fold)
        })
    }

    fn push(
        &mut self,
        line: u64,
        a: usize,
        b: usize,
        same: bool,
        fold: &str,
    ) -> Result<(), DataError> {
        if a == b {
            return Err(self.syntax(line, "an image paired with itself measures nothing"));
        }
        let known = self.fold_names.iter().rposition(|name| name == fold);
        let fold = known.unwrap_or_else(|| {
            self.fold_names.push(fold.to_owned());
            self.fold_names.len() - 1
        });
        self.pairs.push(Pair { a, b, same, fold });
        Ok(())
    }

    fn lfw_image(&self, line: u64, (person, number): (&str, &str)) -> Result<usize, DataError> {
        let number: u32 = number
            .parse()
            .map_err(|_| self.syntax(line, "an image number is not a whole number"))?;
        let stem = format!("{person}/{person}_{number:04}");
        ["jpg", "png", "jpeg"]
            .iter()
            .find_map(|extension| self.source.find(&format!("{stem}.{extension}")))
            .ok_or_else(|| self.missing(line, &format!("{stem}.jpg")))
    }

    fn image(&self, line: u64, name: &str) -> Result<usize, DataError> {
        self.source.find(name).ok_or_else(|| self.missing(line, name))
    }

    fn missing(&self, line: u64, image: &str) -> DataError {
        DataError::PairImage { path: self.path.to_owned(), line, image: image.to_owned() }
    }

    fn syntax(&self, line: u64, reason: &'static str) -> DataError {
        DataError::PairSyntax { path: self.path.to_owned(), line, reason }
    }
}

#[cfg(test)]
mod tests;
