//! What int8 costs a network: float and int8 side by side on labelled faces that neither was made with, and the thresholds of
//! the int8 network.
//!
//! ```text
//! faces ──> float embeddings ───┬──> pairs, searches ──┬──> figures of each, key by key
//!      └──> int8 templates ─────┤                      └──> thresholds, of int8 alone
//!                               └──> cosine of both embeddings of a face
//! ```
//!
//! Int8 stands for the templates that a door stores and compares, not for the embeddings that they are made from.

use crate::data::{DataError, Pairs, Source};
use crate::evaluate::{
    AllPairsSummary, ComparisonRow, EvaluateError, OpenSet, PairsSummary, Roc, ScoredPair,
    ThresholdTable, first_images, impostor_pairs, k_fold, nearest, points_lost, resolvable,
};
use crate::model::{Model, ModelError};
use crate::verify::EmbeddedFaces;
use serde::Serialize;

/// Faces to judge by.
pub struct JudgedFaces {
    source: Source,
    identities: Vec<usize>,
    pairs: Option<Pairs>,
    about: String,
}

/// Float and int8 on the same faces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Whose faces, in the caller's words.
    pub data: String,
    /// Images.
    pub images: usize,
    /// People.
    pub people: usize,
    /// Of the float network.
    pub float: Figures,
    /// Of the int8 file.
    pub int8: Figures,
    /// Of the two embeddings of each image.
    pub cosine: CosineSpread,
    /// Share of the searches of rank-1 that find the same image first in float and int8, right or wrong.
    pub same_first: f64,
    /// Of the int8 file.
    #[serde(flatten)]
    pub table: ThresholdTable,
}

/// What one network does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Every pair of images, and rank-1.
    #[serde(flatten)]
    pub all: AllPairsSummary,
    /// Searches with strangers, where there are any.
    pub open_set: Option<OpenSet>,
    /// The pairs of a list, where one was given.
    pub listed: Option<PairsSummary>,
}

/// How cosines are spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CosineSpread {
    /// Their mean.
    pub mean: f64,
    /// The first percentile: 1 % of them are not above it.
    pub p1: f64,
    /// The least.
    pub least: f64,
}

/// One figure of both networks.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its short name: "tar@1e-3".
    pub key: String,
    /// Both values.
    pub row: ComparisonRow,
    /// Whether more of it is better.
    pub more_is_better: bool,
}

/// A verdict and the curves behind it.
pub struct Measured {
    /// The figures.
    pub verdict: Verdict,
    /// All pairs in float.
    pub float: Roc,
    /// The same in int8.
    pub int8: Roc,
}

impl JudgedFaces {
    /// Faces of a source, a list of pairs of them, and what they are called.
    ///
    /// # Errors
    /// There are no two people, or no person has two images; or the list has fewer than two folds or one kind of pair only.
    pub fn new(source: Source, pairs: Option<Pairs>, about: String) -> Result<Self, EvaluateError> {
        let identities: Vec<usize> = source.images().iter().map(|image| image.identity).collect();
        first_images(&identities)?;
        // The folds are judged before any network runs.
        let unscored = pairs.iter().flat_map(Pairs::pairs).map(|pair| ScoredPair {
            fold: pair.fold,
            score: 0.0,
            same: pair.same,
        });
        let unscored: Vec<ScoredPair> = unscored.collect();
        if pairs.is_some() {
            k_fold(&unscored)?;
        }
        Ok(Self { source, identities, pairs, about })
    }

    /// Images.
    pub fn count(&self) -> usize {
        self.identities.len()
    }

    /// The keys of [`Verdict::figures`] that these faces will give.
    pub fn keys(&self) -> Vec<String> {
        let tar = resolvable(impostor_pairs(&self.identities)).map(|far| format!("tar@{far}"));
        let fnir = OpenSet::resolvable(&self.identities).map(|rate| format!("fnir@{rate}"));
        let listed = self.pairs.iter().map(|_| "accuracy".to_owned());
        let always = ["rank1", "eer", "same-first"].map(str::to_owned);
        listed.chain(tar).chain(fnir).chain(always).collect()
    }

    /// Refuses faces of another width and height, by the first of them, before work begins.
    ///
    /// # Errors
    /// These, or the first image can't be read.
    pub fn check(&self, size: (usize, usize)) -> Result<(), DataError> {
        self.source.load_of_size(0, size).map(drop)
    }

    /// Embeds every face in both networks and compares; `done` is called after each embedding, twice as often as there are faces.
    ///
    /// # Errors
    /// A face can't be read or has another size than the networks take, or an embedding has no direction.
    pub fn judge(
        &self,
        float: &Model,
        int8: &Model,
        done: impl Fn() + Sync,
    ) -> Result<Measured, ModelError> {
        let float = self.embed(float, &done)?;
        let int8 = self.embed(int8, &done)?;
        let cosine = CosineSpread::of(float.likeness(&int8));
        let found = [
            nearest(&self.identities, float.cosine()?)?,
            nearest(&self.identities, int8.cosine()?)?,
        ];
        let same = found[0].iter().zip(&found[1]).filter(|(a, b)| a == b).count();
        let means = int8.means(&self.identities)?;
        let (float, float_roc) = self.figures(&float)?;
        let (int8, int8_roc) = self.figures(&int8)?;
        let verdict = Verdict {
            data: self.about.clone(),
            images: self.count(),
            people: self.source.identities().len(),
            float,
            int8,
            cosine,
            same_first: same as f64 / found[0].len() as f64,
            table: ThresholdTable::new(&int8_roc, &means),
        };
        Ok(Measured { verdict, float: float_roc, int8: int8_roc })
    }

    fn embed(&self, model: &Model, done: impl Fn() + Sync) -> Result<EmbeddedFaces, ModelError> {
        let size = model.input_size();
        let load = |index| -> Result<_, DataError> { self.source.load_of_size(index, size) };
        EmbeddedFaces::new(model, self.count(), false, load, done)
    }

    fn figures(&self, faces: &EmbeddedFaces) -> Result<(Figures, Roc), ModelError> {
        let (all, roc) = faces.all_pairs(&self.identities)?;
        let open_set = OpenSet::new(&self.identities, faces.cosine()?)?;
        let listed = self.pairs.as_ref().map(|pairs| faces.pairs(pairs.pairs())).transpose()?;
        Ok((Figures { all, open_set, listed: listed.map(|(summary, _)| summary) }, roc))
    }
}

impl CosineSpread {
    /// Of at least one cosine.
    fn of(mut cosines: Vec<f64>) -> Self {
        cosines.sort_unstable_by(f64::total_cmp);
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        Self { mean, p1: cosines[cosines.len().div_ceil(100) - 1], least: cosines[0] }
    }
}

impl Verdict {
    /// Every figure that may be held to a limit, the most telling first.
    pub fn figures(&self) -> Vec<Figure> {
        let (float, int8) = (&self.float, &self.int8);
        let figure = |key: String, name: &str, [float, int8]: [f64; 2], more_is_better| Figure {
            key,
            row: ComparisonRow::share(name, float, int8),
            more_is_better,
        };
        let listed = float.listed.iter().zip(&int8.listed).map(|(float, int8)| {
            let both = [float.accuracy, int8.accuracy];
            figure("accuracy".to_owned(), "accuracy of the list", both, true)
        });
        let tar = float.all.rates.tar.iter().zip(int8.all.rates.tar.values());
        let tar = tar.map(|((far, &float), &int8)| {
            figure(format!("tar@{far}"), &format!("TAR@FAR {far}"), [float, int8], true)
        });
        let searches = float.open_set.iter().zip(&int8.open_set);
        let fnir = searches.flat_map(|(float, int8)| float.fnir.iter().zip(int8.fnir.values()));
        let fnir = fnir.map(|((rate, &float), &int8)| {
            figure(format!("fnir@{rate}"), &format!("FNIR@FPIR {rate}"), [float, int8], false)
        });
        let rest = [
            figure("rank1".to_owned(), "rank-1", [float.all.rank1, int8.all.rank1], true),
            figure("eer".to_owned(), "EER", [float.all.rates.eer, int8.all.rates.eer], false),
            figure("same-first".to_owned(), "same first found", [1.0, self.same_first], true),
        ];
        listed.chain(tar).chain(fnir).chain(rest).collect()
    }

    /// TAR on the pairs of the list, at each rate that they resolve.
    pub fn listed_tar(&self) -> Vec<ComparisonRow> {
        let listed = self.float.listed.iter().zip(&self.int8.listed);
        let tar = listed.flat_map(|(a, b)| a.rates.tar.iter().zip(b.rates.tar.values()));
        tar.map(|((far, &float), &int8)| {
            ComparisonRow::share(&format!("TAR@FAR {far} of the list"), float, int8)
        })
        .collect()
    }

    /// What the model file says of it, in one line.
    pub fn line(&self) -> String {
        let CosineSpread { mean, p1, least } = self.cosine;
        let figures = self.figures().into_iter().filter(|figure| figure.key != "same-first");
        let figures = figures.map(|Figure { row, .. }| {
            let [float, int8, _] = row.cells();
            format!("{} {int8} (float {float})", row.name)
        });
        format!(
            "int8 beside float on {} images of {} people ({}), {} genuine and {} impostor pairs: {}; the same first found in {:.2} % of \
             searches; cosine of both embeddings mean {mean:.4}, 1st percentile {p1:.4}, least {least:.4}",
            self.images,
            self.people,
            self.data,
            self.int8.all.genuine,
            self.int8.all.impostor,
            figures.collect::<Vec<_>>().join(", "),
            100.0 * self.same_first,
        )
    }
}

impl Figure {
    /// Percentage points that int8 is worse than float; negative where it is better.
    pub fn points_lost(&self) -> f64 {
        match self.more_is_better {
            true => points_lost(self.row.float, self.row.int8),
            false => points_lost(self.row.int8, self.row.float),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evaluate::{AllPairs, Rank1};

    /// A network's figures, `shift` being how much nearer its impostors come.
    fn figures(shift: f32) -> (Figures, Roc) {
        let scores = AllPairs {
            genuine: (0..100).map(|i| 0.4 + i as f32 / 200.0).collect(),
            impostor: (0..300).map(|i| i as f32 / 1_000.0 + shift).collect(),
        };
        let rank1 = Rank1 { gallery: 10, probes: 10, correct: 9 };
        let (all, roc) = AllPairsSummary::new(scores, rank1, 1.0, "id".to_owned()).unwrap();
        (Figures { all, open_set: None, listed: None }, roc)
    }

    fn verdict() -> Verdict {
        let ((float, _), (int8, roc)) = (figures(0.0), figures(0.3));
        Verdict {
            data: "strangers.tar".to_owned(),
            images: 20,
            people: 10,
            float,
            int8,
            cosine: CosineSpread::of(vec![1.0, 0.5]),
            same_first: 0.8,
            table: ThresholdTable::new(&roc, &vec![roc.clone(); 3]),
        }
    }

    #[test]
    fn losses_are_in_points_and_positive_where_int8_is_worse() {
        let lost: Vec<(String, f64)> =
            verdict().figures().iter().map(|f| (f.key.clone(), f.points_lost())).collect();
        // Of 300 impostors 3 may pass at 1e-2. In float all genuine do; in int8 those from 0.597 on: 60 of 100.
        assert_eq!(lost[0], ("tar@1e-2".to_owned(), 40.0));
        assert_eq!(lost[1], ("rank1".to_owned(), 0.0));
        let (key, eer) = &lost[2];
        assert!(key == "eer" && *eer > 0.0, "more errors are a loss: {lost:?}");
        assert_eq!(lost[3], ("same-first".to_owned(), 20.0));
        assert_eq!(lost.len(), 4);
    }

    #[test]
    fn the_line_names_both_networks() {
        let line = verdict().line();
        for words in [
            "20 images of 10 people (strangers.tar), 100 genuine and 300 impostor pairs: TAR@FAR 1e-2 60.00 % (float 100.00 %)",
            "rank-1 90.00 % (float 90.00 %)",
            "the same first found in 80.00 % of searches",
            "mean 0.7500, 1st percentile 0.5000, least 0.5000",
        ] {
            assert!(line.contains(words), "no {words:?} in {line}");
        }
    }

    #[test]
    fn the_first_percentile_is_the_value_below_which_one_in_a_hundred_lies() {
        let spread = |count: usize| CosineSpread::of((0..count).map(|i| i as f64).collect());
        assert_eq!([100, 101, 200, 1_000].map(|count| spread(count).p1), [0.0, 1.0, 1.0, 9.0]);
        assert_eq!((spread(3).mean, spread(3).least), (1.0, 0.0));
    }

    /// Keys that are promised before anything runs are those that are measured.
    #[test]
    fn keys_are_known_before() {
        let folder = tempfile::tempdir().unwrap();
        // Two people of two images, 24 of one: 321 impostor pairs resolve 1e-2, 24 strangers 1e-1.
        let names = (0..2).flat_map(|p| [format!("p{p:02}/0.png"), format!("p{p:02}/1.png")]);
        for name in names.chain((2..26).map(|p| format!("p{p:02}/0.png"))) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let source = Source::open(&[folder.path().to_owned()]).unwrap();
        let faces = JudgedFaces::new(source, None, String::new()).unwrap();
        assert_eq!(impostor_pairs(&faces.identities), 28 * 27 / 2 - 2);
        let score = |a: usize, b: usize| (a * 31 + b * 17) as f32 / 2_000.0;
        let scores = crate::evaluate::all_pairs(&faces.identities, score).unwrap();
        let rank1 = crate::evaluate::rank1(&faces.identities, score).unwrap();
        let (all, roc) = AllPairsSummary::new(scores, rank1, 1.0, String::new()).unwrap();
        let open_set = OpenSet::new(&faces.identities, score).unwrap();
        let figures = Figures { all, open_set, listed: None };
        let verdict = Verdict {
            float: figures.clone(),
            int8: figures,
            table: ThresholdTable::new(&roc, &vec![roc.clone(); 3]),
            ..verdict()
        };
        let keys: Vec<String> = verdict.figures().into_iter().map(|figure| figure.key).collect();
        assert_eq!(keys, ["tar@1e-2", "fnir@1e-1", "rank1", "eer", "same-first"]);
        assert_eq!(faces.keys(), keys);
    }
}
