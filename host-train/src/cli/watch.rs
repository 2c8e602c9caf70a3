//! Training as a person sees it: a bar, an alarm, a look at held-back faces now and then, and an end on request.

use super::failure::Failure;
use super::progress::Progress;
use crate::data::{Pairs, Source};
use crate::model::{FloatModel, Model};
use crate::train::{FaceModel, Pace, RunConfig, StepReport, Verification, VerifyError, Watch};
use crate::verify;
use core::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Watches one run.
pub(super) struct Watched<'a, F> {
    config: &'a RunConfig,
    bar: Progress,
    alarmed: bool,
    observe: F,
    /// Set by a signal.
    pub(super) stop: Arc<AtomicBool>,
    /// What accuracy is measured on.
    pub(super) held_back: Option<HeldBack>,
    /// Where the time went, known at the end.
    pub(super) pace: Pace,
}

impl<'a, F: FnMut(&StepReport, &[f32])> Watched<'a, F> {
    /// A bar of the run's length, of which `first` steps are done; `observe` sees every step.
    pub(super) fn new(config: &'a RunConfig, first: u64, observe: F) -> Self {
        let bar = Progress::from("training", first, config.train.steps as usize);
        let stop = Arc::default();
        let pace = Pace::default();
        Self { config, bar, alarmed: false, observe, stop, held_back: None, pace }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        self.bar.finish();
    }
}

impl<F: FnMut(&StepReport, &[f32])> Watch for Watched<'_, F> {
    fn step(&mut self, report: &StepReport, angles: &[f32]) -> ControlFlow<()> {
        let loss = report.loss.map_or("not finite".to_owned(), |loss| format!("{loss:.2}"));
        let angle = |name: &str, angle: Option<f64>| {
            angle.map_or(String::new(), |angle| format!(" {name} {angle:.0}"))
        };
        let (own, teacher) = (angle("angle", report.angle), angle("teacher", report.teacher_angle));
        self.bar.at(report.step + 1, &format!("loss {loss}{own}{teacher}"));
        if report.collapsed() && !self.alarmed {
            self.alarmed = true;
            eprintln!(
                "warning: step {}: embeddings of different faces are nearly the same (mean cosine {:.3}): \
                 lower --learning-rate or lengthen --warm-up",
                report.step, report.similarity
            );
        }
        (self.observe)(report, angles);
        if self.stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn verify(&mut self, model: &FaceModel, step: u64) -> Result<Option<f64>, VerifyError> {
        let Some(HeldBack { source, pairs }) = &self.held_back else { return Ok(None) };
        let id = format!("step {step}");
        let model = Model::Float(FloatModel::from_trained(model, self.config, id)?);
        let accuracy = verify::listed(&model, source, pairs, false, || ())?.accuracy;
        self.bar
            .say(&format!("step {step}: accuracy on held-back faces {:.2} %", 100.0 * accuracy));
        Ok(Some(accuracy))
    }

    fn pace(&mut self, pace: Pace) {
        self.pace = pace;
    }
}

/// Faces that training never sees, and pairs of them.
pub(super) struct HeldBack {
    source: Source,
    pairs: Pairs,
}

impl HeldBack {
    /// Opens both.
    ///
    /// # Errors
    /// As [`Source::open`] and [`Pairs::read`].
    pub(super) fn open(verification: &Verification) -> Result<Self, Failure> {
        let source = Source::open(&verification.data)?;
        let pairs = Pairs::read(&verification.pairs, &source)?;
        Ok(Self { source, pairs })
    }
}

/// A flag that is set when the user or the system asks this program to end; asked a second time, it ends at once.
///
/// # Errors
/// The system takes no handler.
pub(super) fn stop_on_signals(stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(stop))?;
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}
