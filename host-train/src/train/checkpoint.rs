//! A run's state in one file: parameters, running statistics, velocities and the step. One rename makes it current.
//!
//! ```text
//! RUN/config.json              settings, classes, where the data came from
//! RUN/checkpoint.safetensors   network.*  head.*  velocity/network.*  velocity/head.*   + step in its metadata
//! RUN/network.onnx             of an imported network, its layers; its weights are where it began
//! RUN/log.jsonl                one line a step
//! ```
//!
//! Batches, their order and augmentation depend on the seed and the step alone, so the step is all there is to know
//! about them.

use super::model::Values;
use crate::files::{self, FileError};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

const STEP: &str = "step";
const VELOCITY: &str = "velocity/";
const AVERAGE: &str = "average/";

/// What a run needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub step: u64,
    /// Parameters and running statistics by name.
    pub parameters: BTreeMap<String, Values>,
    /// The optimizer's velocities by parameter name.
    pub velocity: BTreeMap<String, Values>,
    /// The averaged network by parameter name; empty when the run keeps none.
    pub average: BTreeMap<String, Values>,
}

/// A checkpoint that can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bytes are not what a run wrote.
    #[error("{} is not a whole checkpoint ({reason}): go back to an earlier copy, or train anew", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Checkpoint {
    /// The parameters to use, not to go on from: averaged where there is an average.
    #[must_use]
    pub fn finished(&self) -> BTreeMap<String, Values> {
        let mut parameters = self.parameters.clone();
        parameters.extend(self.average.clone());
        parameters
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// The folder is not writable or the disk is full.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let broken = |reason| CheckpointError::Broken { path: path.to_owned(), reason };
        Ok(files::write_whole(path, &self.to_bytes().map_err(broken)?)?)
    }

    /// Reads a file that [`Self::save`] wrote.
    ///
    /// # Errors
    /// It is missing, not readable, cut short or of another kind.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let broken = |reason| CheckpointError::Broken { path: path.to_owned(), reason };
        Self::from_bytes(&files::read(path)?).map_err(broken)
    }

    /// The file's bytes, or why there can be none.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let velocity = self.velocity.iter().map(|(name, v)| (format!("{VELOCITY}{name}"), v));
        let average = self.average.iter().map(|(name, v)| (format!("{AVERAGE}{name}"), v));
        let parameters = self.parameters.iter().map(|(name, v)| (name.clone(), v));
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = parameters
            .chain(velocity)
            .chain(average)
            .map(|(name, v)| {
                let bytes = v.numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
                (name, v.shape.clone(), bytes)
            })
            .collect();
        let mut views = Vec::with_capacity(bytes.len());
        for (name, shape, bytes) in &bytes {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            views.push((name, view.map_err(|error| error.to_string())?));
        }
        let metadata = HashMap::from([(STEP.to_owned(), self.step.to_string())]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
    }

    /// What [`Self::to_bytes`] made, or what is wrong with it.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
        let step = header.metadata().as_ref().and_then(|m| m.get(STEP)?.parse().ok());
        let step = step.ok_or("it does not say its step")?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
        let (parameters, velocity, average) = Default::default();
        let mut checkpoint = Self { step, parameters, velocity, average };
        for (name, view) in tensors.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(format!("{name} is not of f32"));
            }
            let (numbers, _) = view.data().as_chunks::<4>();
            let numbers = numbers.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let values = Values { shape: view.shape().to_vec(), numbers };
            if let Some(name) = name.strip_prefix(VELOCITY) {
                checkpoint.velocity.insert(name.to_owned(), values);
            } else if let Some(name) = name.strip_prefix(AVERAGE) {
                checkpoint.average.insert(name.to_owned(), values);
            } else {
                checkpoint.parameters.insert(name.to_owned(), values);
            }
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample() -> Checkpoint {
        let values =
            |numbers: &[f32]| Values { shape: vec![numbers.len()], numbers: numbers.to_vec() };
        Checkpoint {
            step: 40,
            parameters: BTreeMap::from([
                ("network.a.weight".to_owned(), values(&[1.0, -0.0, f32::MIN_POSITIVE])),
                ("head.weight".to_owned(), values(&[0.1])),
            ]),
            velocity: BTreeMap::from([("head.weight".to_owned(), values(&[3.5]))]),
            average: BTreeMap::from([("network.a.weight".to_owned(), values(&[2.0, 1.0, 0.0]))]),
        }
    }

    #[test]
    fn the_average_is_what_is_used() {
        let used = sample().finished();
        assert_eq!(used["network.a.weight"].numbers, [2.0, 1.0, 0.0]);
        assert_eq!(used["head.weight"].numbers, [0.1]);
    }

    #[test]
    fn round_trip_keeps_every_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        sample().save(&path).unwrap();
        let back = Checkpoint::load(&path).unwrap();
        assert_eq!(back, sample());
        let sign = back.parameters["network.a.weight"].numbers[1].is_sign_negative();
        assert!(sign, "-0.0 became 0.0");
    }

    #[test]
    fn rejects_broken_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        sample().save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = Checkpoint::load(&path);
            assert!(matches!(error, Err(CheckpointError::Broken { .. })), "length {length}");
        }
    }

    #[test]
    fn rejects_a_missing_file() {
        let error = Checkpoint::load(Path::new("no/such/checkpoint")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read no/such/checkpoint: "), "{error}");
    }
}
