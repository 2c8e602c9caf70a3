//! What came of the visits.

use super::Kind;
use serde::Serialize;
use std::time::Duration;

/// What came of one visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whom the door opened for, the first; `None` if it stayed locked.
    pub opened_for: Option<u32>,
    /// Whether it opened for anybody but the person who must be let in.
    pub wrong: bool,
    /// Whether a second face held the door.
    pub held: bool,
}

/// All visits together. Rates are of visits, times of frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How many.
    pub visits: usize,
    /// Of these, by somebody enrolled.
    pub genuine: usize,
    /// Genuine visits whose person was let in, and nobody else.
    pub genuine_granted: usize,
    /// Genuine visits for which the door opened as for somebody else.
    pub genuine_as_other: usize,
    /// Visits by nobody enrolled.
    pub strangers: usize,
    /// Strangers for whom the door opened.
    pub strangers_granted: usize,
    /// Visits by a picture.
    pub prints: usize,
    /// Pictures for which the door opened.
    pub prints_granted: usize,
    /// Visits held by a second face.
    pub held: usize,
    /// Frames looked at.
    pub frames: usize,
    /// From a frame's pixels to the level of the lock, median in milliseconds.
    pub p50_ms: f64,
    /// What 99 of 100 frames take at most.
    pub p99_ms: f64,
    /// Longest time that the lock was released.
    pub longest_open_ms: u64,
    /// People that were enrolled.
    pub people: usize,
    /// Their templates.
    pub templates: u32,
    /// Share of single frames of strangers that may match anyone: the bound that the cosine was chosen by.
    pub fpir_bound: f32,
    /// The cosine.
    pub cosine: f32,
}

impl Report {
    /// Counts a visit.
    pub fn add(&mut self, kind: Kind, outcome: Outcome) {
        self.visits += 1;
        self.held += usize::from(outcome.held);
        let opened = usize::from(outcome.opened_for.is_some());
        match kind {
            Kind::Genuine => {
                self.genuine += 1;
                self.genuine_as_other += usize::from(outcome.wrong);
                self.genuine_granted += usize::from(opened == 1 && !outcome.wrong);
            }
            Kind::Stranger => {
                self.strangers += 1;
                self.strangers_granted += opened;
            }
            Kind::Print => {
                self.prints += 1;
                self.prints_granted += opened;
            }
        }
    }

    /// Counts the frames and their times.
    pub fn time(&mut self, mut took: Vec<Duration>) {
        took.sort_unstable();
        self.frames = took.len();
        // The least time that this share of all frames needs at most.
        let at = |share: f64| {
            let place = (share * took.len() as f64).ceil() as usize;
            took.get(place.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        (self.p50_ms, self.p99_ms) = (at(0.5), at(0.99));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_are_counted_by_kind() {
        let mut report = Report::default();
        let opened = |person| Outcome { opened_for: Some(person), ..Outcome::default() };
        report.add(Kind::Genuine, opened(1));
        report.add(Kind::Genuine, Outcome { wrong: true, ..opened(2) });
        report.add(Kind::Genuine, Outcome { held: true, ..Outcome::default() });
        report.add(Kind::Stranger, Outcome { wrong: true, ..opened(2) });
        report.add(Kind::Stranger, Outcome::default());
        report.add(Kind::Print, Outcome::default());
        let got = (report.visits, report.genuine, report.genuine_granted, report.genuine_as_other);
        assert_eq!(got, (6, 3, 1, 1));
        let got =
            (report.strangers, report.strangers_granted, report.prints, report.prints_granted);
        assert_eq!((got, report.held), ((2, 1, 1, 0), 1));
    }

    #[test]
    fn percentiles_are_of_sorted_times() {
        let mut report = Report::default();
        report.time((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!((report.frames, report.p50_ms, report.p99_ms), (200, 100.0, 198.0));
        report.time(Vec::new());
        assert_eq!((report.p50_ms, report.p99_ms), (0.0, 0.0));
    }
}
