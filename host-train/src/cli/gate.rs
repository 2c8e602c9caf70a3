//! `--gate`: what int8 may cost, and whether it costs more.
//!
//! ```text
//! 0.995                          mean cosine of float and int8, at least
//! cosine=0.995,tar=0.3,rank1=0.2 the same, and points that int8 may lose; "tar" is every rate, "tar@1e-3" one
//! ```

use super::failure::Failure;
use crate::verdict::Figure;
use serde::Serialize;

/// Names of figures of labelled faces, without a rate.
const LOSSES: [&str; 6] = ["accuracy", "tar", "fnir", "rank1", "eer", "same-first"];

/// Limits that an int8 network is held to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gate(Vec<Term>);

/// One limit.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    /// As it was given: "cosine", "tar" or "tar@1e-3".
    name: String,
    /// The least cosine, or the most points.
    limit: f64,
}

/// A figure held to its limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Held {
    /// Which: "cosine" or the key of a figure.
    pub(super) term: String,
    /// The least cosine, or the most points that may be lost.
    pub(super) limit: f64,
    /// The mean cosine, or the points that are lost.
    pub(super) found: f64,
    /// Whether the limit is kept.
    pub(super) kept: bool,
    /// Both in words.
    #[serde(skip)]
    pub(super) words: String,
}

/// A cosine on the command line.
pub(super) fn cosine(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (-1.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a cosine is between -1 and 1".to_owned()),
    }
}

impl Gate {
    /// A gate on the command line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut terms: Vec<Term> = Vec::new();
        for word in text.split(',') {
            let term = Term::parse(word)?;
            if terms.iter().any(|other| other.name == term.name) {
                return Err(format!("{} is limited twice", term.name));
            }
            terms.push(term);
        }
        Ok(Self(terms))
    }

    /// Refuses terms that cannot be judged: `keys` are the figures that there will be, none without labelled faces.
    pub(super) fn check(&self, keys: Option<&[String]>) -> Result<(), Failure> {
        for Term { name, .. } in self.0.iter().filter(|term| term.name != "cosine") {
            let text = match keys {
                Some(keys) if keys.iter().any(|key| covers(name, key)) => continue,
                Some(_) if name == "accuracy" => {
                    "--gate accuracy is that of a list of pairs: give one with --verdict-pairs"
                        .to_owned()
                }
                Some(keys) => format!(
                    "--gate {name}: the faces of --verdict are too few for it; they give {}",
                    keys.join(", ")
                ),
                None => format!(
                    "--gate {name} is measured on labelled faces that training did not see: give them with --verdict"
                ),
            };
            return Err(Failure::Input(text));
        }
        Ok(())
    }

    /// Holds the mean cosine and the figures to the limits.
    pub(super) fn hold(&self, cosine: f64, figures: &[Figure]) -> Vec<Held> {
        self.0.iter().flat_map(|term| term.hold(cosine, figures)).collect()
    }
}

impl Term {
    fn parse(word: &str) -> Result<Self, String> {
        let Some((name, limit)) = word.split_once('=') else {
            return Ok(Self { name: "cosine".to_owned(), limit: cosine(word)? });
        };
        let (figure, rate) = name.split_once('@').map_or((name, None), |(f, rate)| (f, Some(rate)));
        let limit = match figure {
            "cosine" => cosine(limit)?,
            _ if LOSSES.contains(&figure) => {
                limit.parse().ok().filter(|points| (0.0..=100.0).contains(points)).ok_or_else(
                    || format!("{name}={limit}: the points lost are between 0 and 100"),
                )?
            }
            _ => {
                return Err(format!("{name} is none of cosine, {}", LOSSES.join(", ")));
            }
        };
        if rate.is_some() && !matches!(figure, "tar" | "fnir") {
            return Err(format!("{figure} has no rate: write {figure}={limit}"));
        }
        Ok(Self { name: name.to_owned(), limit })
    }

    fn hold(&self, cosine: f64, figures: &[Figure]) -> Vec<Held> {
        let limit = self.limit;
        if self.name == "cosine" {
            let words = format!(
                "mean cosine between float and int8 outputs is {cosine:.4}, below the gate of {limit}"
            );
            let (term, found, kept) = (self.name.clone(), cosine, cosine >= limit);
            return vec![Held { term, limit, found, kept, words }];
        }
        let covered = figures.iter().filter(|figure| covers(&self.name, &figure.key));
        let hold = |figure: &Figure| {
            let found = figure.points_lost();
            let [float, int8, _] = figure.row.cells();
            let name = &figure.row.name;
            Held {
                term: figure.key.clone(),
                limit,
                found,
                kept: found <= limit,
                words: format!(
                    "{name} is {int8} in int8 and {float} in float, {found:.2} points worse where {limit} are allowed"
                ),
            }
        };
        covered.map(hold).collect()
    }
}

/// Whether a term's name means a figure's key: the same, or without the rate.
fn covers(name: &str, key: &str) -> bool {
    name == key || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('@'))
}

/// What the limits that are not kept say; none if all are.
pub(super) fn broken(held: &[Held]) -> Option<String> {
    let words = held.iter().filter(|held| !held.kept).map(|held| &*held.words);
    let words: Vec<&str> = words.collect();
    (!words.is_empty()).then(|| words.join("; "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evaluate::ComparisonRow;

    fn figure(key: &str, float: f64, int8: f64, more_is_better: bool) -> Figure {
        Figure { key: key.to_owned(), row: ComparisonRow::share(key, float, int8), more_is_better }
    }

    fn figures() -> Vec<Figure> {
        vec![
            figure("tar@1e-2", 0.99, 0.99, true),
            figure("tar@1e-3", 0.95, 0.945, true),
            figure("eer", 0.01, 0.012, false),
        ]
    }

    fn kept(gate: &str, cosine: f64) -> Vec<(String, bool)> {
        let held = Gate::parse(gate).unwrap().hold(cosine, &figures());
        held.into_iter().map(|held| (held.term, held.kept)).collect()
    }

    #[test]
    fn a_number_is_the_mean_cosine() {
        assert_eq!(Gate::parse("0.995"), Gate::parse("cosine=0.995"));
        assert_eq!(kept("0.995", 0.995), [("cosine".to_owned(), true)]);
        assert_eq!(kept("0.995", 0.9949), [("cosine".to_owned(), false)]);
    }

    #[test]
    fn a_name_without_a_rate_is_every_rate() {
        let both =
            |first, second| [("tar@1e-2".to_owned(), first), ("tar@1e-3".to_owned(), second)];
        assert_eq!(kept("tar=0.5", 1.0), both(true, true), "half a point is allowed, and is lost");
        assert_eq!(kept("tar=0.4", 1.0), both(true, false));
        assert_eq!(kept("tar@1e-2=0", 1.0), [("tar@1e-2".to_owned(), true)]);
        assert_eq!(kept("eer=0.1", 1.0), [("eer".to_owned(), false)], "more errors are a loss");
    }

    #[test]
    fn what_fails_is_said_with_both_figures() {
        let held = Gate::parse("0.9,tar=0.3,eer=0.3").unwrap().hold(0.99, &figures());
        assert_eq!(
            broken(&held).unwrap(),
            "tar@1e-3 is 94.50 % in int8 and 95.00 % in float, 0.50 points worse where 0.3 are allowed"
        );
        assert_eq!(broken(&held[..2]), None);
    }

    #[test]
    fn refuses_what_is_no_limit() {
        for (text, words) in [
            ("2", "between -1 and 1"),
            ("cosine=nan", "between -1 and 1"),
            ("tar", "between -1 and 1"),
            ("tar=-1", "tar=-1: the points"),
            ("tar=a", "between 0 and 100"),
            ("far=1", "far is none of cosine, accuracy"),
            ("rank1@1e-2=1", "rank1 has no rate"),
            ("tar=1,tar=2", "tar is limited twice"),
            ("0.9,cosine=0.8", "cosine is limited twice"),
        ] {
            assert!(Gate::parse(text).is_err_and(|error| error.contains(words)), "{text}");
        }
    }

    #[test]
    fn terms_need_what_they_are_measured_on() {
        let keys: Vec<String> = figures().into_iter().map(|figure| figure.key).collect();
        let refusal =
            |gate: &str, keys: Option<&[String]>| match Gate::parse(gate).unwrap().check(keys) {
                Err(Failure::Input(text)) => text,
                Ok(()) => String::new(),
                Err(Failure::Check(text)) => panic!("{text}"),
            };
        assert_eq!(refusal("0.9", None), "");
        assert_eq!(refusal("0.9,tar=1,tar@1e-3=0.5,eer=1", Some(&keys)), "");
        assert!(refusal("0.9,tar=1", None).contains("--verdict"));
        assert!(refusal("accuracy=1", Some(&keys)).contains("--verdict-pairs"));
        assert!(refusal("tar@1e-4=1", Some(&keys)).contains("they give tar@1e-2, tar@1e-3, eer"));
        // No rate is a beginning of another.
        assert!(refusal("tar@1e=1", Some(&keys)).contains("tar@1e:"));
    }
}
