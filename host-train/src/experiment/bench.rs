//! The one place where experiments train and measure: faces are made once, and a run that several experiments ask for is made
//! once.

use super::error::{ExperimentError, FacesError, RunFailure};
use super::faces::{Faces, Tested};
use super::{Event, Settings};
use crate::data::Dataset;
use crate::evaluate::report::{AngleStage, AngleStages};
use crate::evaluate::{AllPairsSummary, PairsSummary};
use crate::loss::LossConfig;
use crate::model::{FloatModel, Model};
use crate::train::{Fitted, RunConfig, RunFolder, StepReport, TrainConfig, Watch, fit};
use crate::verify::EmbeddedFaces;
use core::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// What a run came to.
pub(super) struct Outcome {
    /// Its settings.
    pub(super) config: TrainConfig,
    /// The float network.
    pub(super) model: Model,
    /// How it does on people that it never saw.
    pub(super) measured: Measured,
    /// Angles to the own class centre at the start, in the middle and at the end.
    pub(super) angles: Vec<AngleStage>,
    /// Speed of training.
    pub(super) images_per_second: f64,
}

/// Figures of one network on the test.
pub(super) struct Measured {
    /// Of the pair list.
    pub(super) pairs: PairsSummary,
    /// Of all pairs of its images.
    pub(super) all: AllPairsSummary,
}

impl Measured {
    /// Embeds the test and scores it.
    pub(super) fn new(model: &Model, tested: &Tested) -> Result<Self, RunFailure> {
        let load = |index: usize| Ok(tested.faces[index].clone());
        let faces = EmbeddedFaces::new(model, tested.faces.len(), false, load, || ())?;
        let (pairs, _) = faces.pairs(&tested.pairs)?;
        let (all, _) = faces.all_pairs(&tested.identities)?;
        Ok(Self { pairs, all })
    }
}

/// Faces, finished runs, and who is told how it goes.
pub(super) struct Bench<'a> {
    pub(super) settings: &'a Settings,
    /// The experiment that is under way, for errors.
    pub(super) experiment: &'static str,
    observe: &'a dyn Fn(Event<'_>),
    faces: Option<Rc<Faces>>,
    runs: Vec<Rc<Outcome>>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(settings: &'a Settings, observe: &'a dyn Fn(Event<'_>)) -> Self {
        Self { settings, experiment: "", observe, faces: None, runs: Vec::new() }
    }

    /// The faces, made at the first call.
    pub(super) fn faces(&mut self) -> Result<Rc<Faces>, FacesError> {
        if let Some(faces) = &self.faces {
            return Ok(faces.clone());
        }
        let faces = Rc::new(Faces::new(self.settings, self.observe)?);
        self.faces = Some(faces.clone());
        Ok(faces)
    }

    /// What the faces are, if any were made.
    pub(super) fn about(&self) -> String {
        self.faces.as_ref().map_or("none".to_owned(), |faces| faces.about.clone())
    }

    /// The settings from which runs depart.
    pub(super) fn base(&mut self) -> Result<TrainConfig, FacesError> {
        let side = self.faces()?.side;
        Ok(self.settings.run(side))
    }

    /// A run of the base settings with this loss.
    pub(super) fn with_loss(
        &mut self,
        label: &str,
        loss: LossConfig,
    ) -> Result<Rc<Outcome>, ExperimentError> {
        let config = TrainConfig { loss, ..self.base()? };
        self.run(label, config)
    }

    /// A run on the faces, or what it came to when it was made before.
    pub(super) fn run(
        &mut self,
        label: &str,
        config: TrainConfig,
    ) -> Result<Rc<Outcome>, ExperimentError> {
        if let Some(done) = self.runs.iter().find(|run| run.config == config) {
            return Ok(done.clone());
        }
        let trained = self.faces()?.trained.clone();
        let outcome = self.run_on(label, config, trained)?;
        self.runs.push(outcome.clone());
        Ok(outcome)
    }

    /// A run on other data, measured on the same test.
    pub(super) fn run_on(
        &mut self,
        label: &str,
        config: TrainConfig,
        dataset: Arc<dyn Dataset>,
    ) -> Result<Rc<Outcome>, ExperimentError> {
        let faces = self.faces()?;
        let outcome = self.train(label, config, dataset, &faces.tested);
        Ok(Rc::new(outcome.map_err(|error| self.failed(label, error))?))
    }

    /// The error of a run that failed.
    pub(super) fn failed(&self, run: &str, error: impl Into<RunFailure>) -> ExperimentError {
        ExperimentError::Run {
            experiment: self.experiment,
            run: run.to_owned(),
            source: Box::new(error.into()),
        }
    }

    fn train(
        &self,
        label: &str,
        config: TrainConfig,
        dataset: Arc<dyn Dataset>,
        tested: &Tested,
    ) -> Result<Outcome, RunFailure> {
        let run = RunConfig {
            // Only the last checkpoint is written, and the folder goes with the run.
            train: TrainConfig { checkpoint_every: config.steps, ..config.clone() },
            classes: dataset.class_count(),
            images: dataset.len(),
            data: vec![PathBuf::from("experiment")],
            manifest: None,
            command: label.to_owned(),
            verification: None,
            imported: None,
        };
        let folder = tempfile::tempdir()?;
        let folder = RunFolder::create(&folder.path().join("run"), &run)?;
        let (steps, angles) = (config.steps, AngleStages::new(config.steps));
        let mut watched = Watched { bench: self, label, steps, angles };
        let start = Instant::now();
        let Fitted::Finished(trained) = fit(dataset, &folder, &run, None, &mut watched)? else {
            unreachable!("nobody asked the run to stop");
        };
        let images = config.steps * config.batch as u64;
        let images_per_second = images as f64 / start.elapsed().as_secs_f64();
        let model = Model::Float(FloatModel::from_trained(&trained, &run, label.to_owned())?);
        let measured = Measured::new(&model, tested)?;
        Ok(Outcome {
            config,
            model,
            measured,
            angles: watched.angles.histograms(),
            images_per_second,
        })
    }
}

/// A run of the bench as it goes on.
struct Watched<'a> {
    bench: &'a Bench<'a>,
    label: &'a str,
    steps: u64,
    angles: AngleStages,
}

impl Watch for Watched<'_> {
    fn step(&mut self, report: &StepReport, angles: &[f32]) -> ControlFlow<()> {
        self.angles.observe(report.step, angles);
        let (experiment, run) = (self.bench.experiment, self.label);
        let (step, steps) = (report.step + 1, self.steps);
        (self.bench.observe)(Event::Step { experiment, run, step, steps });
        ControlFlow::Continue(())
    }
}
