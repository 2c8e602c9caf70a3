//! A run's folder: its settings, its checkpoint and its log.

use super::checkpoint::{Checkpoint, CheckpointError};
use super::config::{ConfigError, TrainConfig};
use super::events::Events;
use super::imported::{self, ImportedError};
use super::report::StepReport;
use crate::files::{self, FileError};
use crate::graph::{Graph, to_onnx};
use crate::net::Architecture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One line a step.
const LOG: &str = "log.jsonl";

/// One line a look at the accuracy.
const VERIFICATION: &str = "verification.jsonl";

/// What `config.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The run's settings.
    pub train: TrainConfig,
    /// Identities that were learned, counted in the data.
    pub classes: usize,
    /// Images that were learned from.
    pub images: usize,
    /// Folders and tars that they came from.
    pub data: Vec<PathBuf>,
    /// The list of those that were used, and of their labels.
    pub manifest: Option<PathBuf>,
    /// The command that started the run.
    pub command: String,
    /// How accuracy is watched, if it is.
    #[serde(default)]
    pub verification: Option<Verification>,
    /// The network that an imported one's run began from, folded: `network.onnx` beside the settings, which is all that is left of the
    /// original file.
    #[serde(skip)]
    pub imported: Option<Arc<Graph>>,
}

/// Faces held back from training, to measure accuracy on now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Folders and tars that they are in.
    pub data: Vec<PathBuf>,
    /// A list of pairs of them.
    pub pairs: PathBuf,
    /// Steps between measurements.
    pub every: u64,
}

/// A folder that holds a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// A run folder that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file in it.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its settings are not JSON, or of another version.
    #[error("{} is not a run's settings: {reason}", path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// Its settings are out of range.
    #[error("{} holds settings that no run can have: {source}", path.display())]
    Range {
        /// Which file.
        path: PathBuf,
        /// Which setting.
        source: ConfigError,
    },
    /// Its imported network.
    #[error("{}: {source}", path.display())]
    Imported {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it; boxed, for it is large and rare.
        source: Box<ImportedError>,
    },
    /// A run is there already.
    #[error("{} holds a run already: add --resume to go on with it, or choose another --out", .0.display())]
    Occupied(PathBuf),
    /// There is no run.
    #[error("{} holds no run (no config.json): give the folder that `train --out` wrote", .0.display())]
    Absent(PathBuf),
}

impl RunFolder {
    /// Makes the folder for a new run and saves its settings.
    ///
    /// # Errors
    /// It holds a run already, or is not writable.
    pub fn create(path: &Path, config: &RunConfig) -> Result<Self, RunError> {
        let run = Self { path: path.to_owned() };
        if run.config_path().exists() {
            return Err(RunError::Occupied(path.to_owned()));
        }
        files::create_folder(path)?;
        if let Some(graph) = &config.imported {
            let file = to_onnx(graph, &[]).map_err(|error| run.imported_error(error.into()))?;
            files::write_whole(&run.network_path(), &file)?;
        }
        run.save_config(config)?;
        Ok(run)
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// The folder is not writable or the disk is full; the earlier settings stay.
    pub fn save_config(&self, config: &RunConfig) -> Result<(), RunError> {
        let path = self.config_path();
        let text = serde_json::to_vec_pretty(config)
            .map_err(|error| RunError::Config { path: path.clone(), reason: error.to_string() })?;
        Ok(files::write_whole(&path, &text)?)
    }

    /// Opens the folder of an earlier run.
    ///
    /// # Errors
    /// There is none, or its settings can't be read.
    pub fn open(path: &Path) -> Result<(Self, RunConfig), RunError> {
        let run = Self { path: path.to_owned() };
        let path = run.config_path();
        if !path.exists() {
            return Err(RunError::Absent(run.path));
        }
        let mut config: RunConfig = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| RunError::Config { path: path.clone(), reason: error.to_string() })?;
        config.train.check().map_err(|source| RunError::Range { path, source })?;
        if config.train.network.architecture == Architecture::Imported {
            let graph = imported::read(&run.network_path(), &config.train.network);
            config.imported = Some(Arc::new(graph.map_err(|error| run.imported_error(error))?));
        }
        Ok((run, config))
    }

    fn imported_error(&self, source: ImportedError) -> RunError {
        RunError::Imported { path: self.network_path(), source: Box::new(source) }
    }

    fn network_path(&self) -> PathBuf {
        self.path.join("network.onnx")
    }

    fn config_path(&self) -> PathBuf {
        self.path.join("config.json")
    }

    fn checkpoint_path(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// The last checkpoint.
    ///
    /// # Errors
    /// It is missing or broken.
    pub fn checkpoint(&self) -> Result<Checkpoint, RunError> {
        Ok(Checkpoint::load(&self.checkpoint_path())?)
    }

    /// Keeps `checkpoint` as the best one so far.
    ///
    /// # Errors
    /// The folder is not writable or the disk is full; the earlier best stays.
    pub fn save_best(&self, checkpoint: &Checkpoint) -> Result<(), RunError> {
        Ok(checkpoint.save(&self.path.join("best.safetensors"))?)
    }

    /// The best accuracy that was seen up to `step`.
    ///
    /// # Errors
    /// The record of it is not readable.
    pub fn best_accuracy(&self, step: u64) -> Result<Option<f64>, RunError> {
        let seen = self.lines::<Verified>(VERIFICATION)?;
        let seen = seen.into_iter().filter(|(v, _)| v.step <= step).map(|(v, _)| v.accuracy);
        Ok(seen.max_by(f64::total_cmp))
    }

    /// Whether a checkpoint was ever written.
    #[must_use]
    pub fn has_checkpoint(&self) -> bool {
        self.checkpoint_path().exists()
    }

    /// Makes `checkpoint` the last one.
    ///
    /// # Errors
    /// The folder is not writable or the disk is full; the earlier checkpoint stays.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<(), RunError> {
        Ok(checkpoint.save(&self.checkpoint_path())?)
    }

    /// The log, open behind its line of `step` - 1: lines of steps that a resumed run will do again are dropped.
    ///
    /// # Errors
    /// It is not readable or writable.
    pub fn log(&self, step: u64) -> Result<Log, RunError> {
        let steps = self.lines::<StepReport>(LOG)?.into_iter().filter(|(r, _)| r.step < step);
        let seen =
            self.lines::<Verified>(VERIFICATION)?.into_iter().filter(|(v, _)| v.step <= step);
        let verification = self.path.join(VERIFICATION);
        if verification.exists() {
            let seen: String = seen.map(|(_, line)| line).collect();
            files::write_whole(&verification, seen.as_bytes())?;
        }
        let path = self.path.join(LOG);
        let steps: String = steps.map(|(_, line)| line).collect();
        files::write_whole(&path, steps.as_bytes())?;
        Ok(Log { steps: Lines::open(path)?, verification, events: Events::create(&self.path)? })
    }

    /// What the lines of a file say, with the lines as they stand there, since numbers printed again need not be the same
    /// text. A line cut short by a crash, be it by its line end alone, counts as never written.
    fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<(T, String)>, RunError> {
        let path = self.path.join(name);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = files::read(&path)?;
        let text = String::from_utf8_lossy(&text);
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let parsed =
            whole.filter_map(|line| Some((serde_json::from_str(line).ok()?, line.to_owned())));
        Ok(parsed.collect())
    }

    /// Every logged step, in order.
    ///
    /// # Errors
    /// The log is not readable.
    pub fn reports(&self) -> Result<Vec<StepReport>, RunError> {
        Ok(self.lines(LOG)?.into_iter().map(|(report, _)| report).collect())
    }
}

/// The accuracy after some steps; a line of the record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Verified {
    step: u64,
    accuracy: f64,
}

/// A run's records being written; every line is with the system when it is written.
pub struct Log {
    steps: Lines,
    /// A file that only a run with something to verify has.
    verification: PathBuf,
    events: Events,
}

impl Log {
    /// Adds a step.
    ///
    /// # Errors
    /// The disk is full.
    pub fn write(&mut self, report: &StepReport) -> Result<(), RunError> {
        self.steps.write(report)?;
        let numbers = [
            ("loss", report.loss),
            ("angle", report.angle),
            ("teacher_angle", report.teacher_angle),
            ("rate", Some(report.rate)),
            ("gradient_norm", report.gradient_norm),
            ("similarity", Some(report.similarity)),
        ];
        Ok(self.events.scalars(report.step, &numbers)?)
    }

    /// Adds the accuracy after `step` steps.
    ///
    /// # Errors
    /// The disk is full.
    pub fn verified(&mut self, step: u64, accuracy: f64) -> Result<(), RunError> {
        Lines::open(self.verification.clone())?.write(&Verified { step, accuracy })?;
        Ok(self.events.scalars(step, &[("accuracy", Some(accuracy))])?)
    }
}

/// A file of JSON lines being added to.
struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// The file, made if there is none, open at its end.
    fn open(path: PathBuf) -> Result<Self, FileError> {
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|source| FileError::new("write", &path, source))?;
        Ok(Self { path, file })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), FileError> {
        let line = serde_json::to_string(line).map_err(std::io::Error::other);
        line.and_then(|line| self.file.write_all((line + "\n").as_bytes()))
            .map_err(|source| FileError::new("write", &self.path, source))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config() -> RunConfig {
        RunConfig {
            train: TrainConfig::default(),
            classes: 3,
            images: 9,
            data: vec![PathBuf::from("faces")],
            manifest: None,
            command: "host-train train".to_owned(),
            verification: None,
            imported: None,
        }
    }

    fn report(step: u64) -> StepReport {
        StepReport {
            step,
            loss: Some(1.0 / 3.0),
            angle: Some(80.0),
            teacher_angle: None,
            rate: 0.1,
            gradient_norm: None,
            skipped: false,
            similarity: 0.0,
        }
    }

    #[test]
    fn log_forgets_steps_to_be_done_again_and_lines_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path(), &config()).unwrap();
        let mut log = run.log(0).unwrap();
        (0..4).for_each(|step| log.write(&report(step)).unwrap());
        let path = folder.path().join("log.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        // However much of the last line is missing, what is written next stands on a line of its own.
        for cut in [1, 2, lines[3].len() - 1] {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            run.log(4).unwrap().write(&report(7)).unwrap();
            let steps: Vec<u64> = run.reports().unwrap().iter().map(|r| r.step).collect();
            assert_eq!(steps, [0, 1, 2, 7], "{cut} bytes cut off");
        }
        run.log(2).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines[..2].concat());
    }

    #[test]
    fn rejects_occupied_and_absent() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(RunFolder::open(folder.path()), Err(RunError::Absent(_))));
        RunFolder::create(folder.path(), &config()).unwrap();
        assert_eq!(RunFolder::open(folder.path()).unwrap().1, config());
        let again = RunFolder::create(folder.path(), &config());
        assert!(matches!(again, Err(RunError::Occupied(_))));
    }

    #[test]
    fn rejects_settings_that_are_not_json_or_out_of_range() {
        let folder = tempfile::tempdir().unwrap();
        let mut bad = config();
        bad.train.batch = 1;
        RunFolder::create(folder.path(), &bad).unwrap();
        let error = RunFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, RunError::Range { .. }), "{error}");
        std::fs::write(folder.path().join("config.json"), "{").unwrap();
        let error = RunFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, RunError::Config { .. }), "{error}");
        assert!(error.to_string().contains("config.json"));
    }
}
