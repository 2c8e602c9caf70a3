//! How the learning rate moves over a run: a linear rise, then a fall to zero.

use serde::{Deserialize, Serialize};

/// The fall after the warm-up, from 1 to 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// `(1 - progress)^power`.
    Polynomial {
        /// 1 is a straight line.
        power: f64,
    },
    /// `(1 + cos(pi progress)) / 2`.
    Cosine,
}

impl Schedule {
    /// Share of the peak rate at `step` (from 0) of a run of `steps`, the first `warm_up` of which rise.
    #[must_use]
    pub fn factor(&self, step: u64, warm_up: u64, steps: u64) -> f64 {
        if step < warm_up {
            return (step + 1) as f64 / warm_up as f64;
        }
        let length = steps.saturating_sub(warm_up).max(1);
        let progress = ((step - warm_up) as f64 / length as f64).min(1.0);
        match self {
            Self::Polynomial { power } => (1.0 - progress).powf(*power),
            Self::Cosine => f64::midpoint(1.0, (core::f64::consts::PI * progress).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls_to_zero() {
        let line = Schedule::Polynomial { power: 1.0 };
        let at = |schedule: Schedule, step| schedule.factor(step, 10, 110);
        assert!((at(line, 0) - 0.1).abs() < 1e-12);
        assert!((at(line, 9) - 1.0).abs() < 1e-12);
        assert!((at(line, 60) - 0.5).abs() < 1e-12);
        assert!((at(Schedule::Polynomial { power: 2.0 }, 60) - 0.25).abs() < 1e-12);
        assert!((at(Schedule::Cosine, 35) - (2.0 + 2f64.sqrt()) / 4.0).abs() < 1e-12);
        for schedule in [line, Schedule::Cosine] {
            assert!(at(schedule, 110).abs() < 1e-12);
            assert!(at(schedule, 1000).abs() < 1e-12);
        }
    }

    #[test]
    fn no_warm_up_starts_at_the_peak() {
        let factor = Schedule::Cosine.factor(0, 0, 100);
        assert!((factor - 1.0).abs() < 1e-12);
    }
}
