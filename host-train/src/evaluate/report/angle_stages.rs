//! The angles to the own class centre that a training run's first, middle and last steps saw.

use super::AngleStage;
use crate::evaluate::Histogram;

/// Steps whose angles make one histogram.
const STEPS: u64 = 10;

/// Collects angles while a run goes on.
#[derive(Clone, Debug)]
pub struct AngleStages {
    /// First step of each stage and the angles seen, degrees.
    stages: [(u64, Vec<f32>); 3],
}

impl AngleStages {
    /// For a run of `steps`.
    #[must_use]
    pub fn new(steps: u64) -> Self {
        Self { stages: [0, steps / 2, steps.saturating_sub(STEPS)].map(|first| (first, vec![])) }
    }

    /// Takes the angles of a step, counted from 0, in degrees.
    pub fn observe(&mut self, step: u64, angles: &[f32]) {
        for (first, seen) in &mut self.stages {
            if (*first..*first + STEPS).contains(&step) {
                seen.extend_from_slice(angles);
            }
        }
    }

    /// A histogram each; a stage without a finite angle is left out.
    #[must_use]
    pub fn histograms(&self) -> Vec<AngleStage> {
        let stages = self.stages.iter().filter_map(|(first, degrees)| {
            let cosines: Vec<f32> = degrees.iter().map(|angle| angle.to_radians().cos()).collect();
            let angles = Histogram::of_angles(&cosines).ok().filter(|angles| angles.total() > 0)?;
            Some(AngleStage { label: format!("from step {}", first + 1), angles })
        });
        stages.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_the_first_middle_and_last_ten_steps() {
        let mut stages = AngleStages::new(100);
        (0..100).for_each(|step| stages.observe(step, &[step as f32 + 0.5]));
        let made = stages.histograms();
        let labels: Vec<&str> = made.iter().map(|stage| &*stage.label).collect();
        assert_eq!(labels, ["from step 1", "from step 51", "from step 91"]);
        for (stage, mean) in made.iter().zip([5.0, 55.0, 95.0]) {
            assert_eq!(stage.angles.total(), 10);
            assert!((stage.angles.mean().unwrap_or_default() - mean).abs() < 1e-4);
        }
        assert!(AngleStages::new(100).histograms().is_empty());
    }
}
