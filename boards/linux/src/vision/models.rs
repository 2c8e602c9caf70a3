//! The networks of a door, as files: read once, checked for what each must be, and for whose signature it bears.
//!
//! | file | what it must be |
//! |---|---|
//! | detector | YuNet with its named outputs |
//! | embedding | one vector of a face that is aligned by the file's own landmarks |
//! | liveness, near and far | MiniFASNets of 80x80 pixels and three classes, for 2.7 and 4.0 times the box |
//!
//! All are made by `host-train import`. Colour order and scale of the pixels are in the files, so they cannot be set wrong here.

use super::liveness::{CLASSES, SIDE};
use crate::store::{Pipeline, PreprocessingId};
use edge_infer::detect::{Detector, DetectorError};
use edge_infer::engine::Engine;
use model_format::{FormatError, ModelFile, ModelView, PublicKey, SignatureError};
use std::path::{Path, PathBuf};

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Finds faces.
    Detector,
    /// Tells people apart.
    Embedding,
    /// Tells pictures from faces by 2.7 times the box.
    LivenessNear,
    /// By 4.0 times the box.
    LivenessFar,
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Detector => "detector",
            Self::Embedding => "embedding network",
            Self::LivenessNear => "liveness network for 2.7 times the box",
            Self::LivenessFar => "liveness network for 4.0 times the box",
        })
    }
}

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The detector.
    pub detector: PathBuf,
    /// The embedding network.
    pub embedding: PathBuf,
    /// Near and far; `None` for a door without a liveness gate, which then needs no such files.
    pub liveness: Option<[PathBuf; 2]>,
}

/// Why a door has no networks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A file is not there, or can't be read.
    #[error("the {role}: {}: {error}", path.display())]
    Io {
        /// What it is for.
        role: Role,
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is no model.
    #[error("the {role}: {} is no usable model file: {error}", path.display())]
    Format {
        /// What it is for.
        role: Role,
        /// Which.
        path: PathBuf,
        /// Why.
        error: FormatError,
    },
    /// A file is not what the owner of the configured key signed.
    #[error("the {role}: {}: {error}", path.display())]
    Signature {
        /// What it is for.
        role: Role,
        /// Which.
        path: PathBuf,
        /// Why.
        error: SignatureError,
    },
    /// The detector is none.
    #[error("the detector: {}: {error}", path.display())]
    Detector {
        /// Which.
        path: PathBuf,
        /// Why.
        error: DetectorError,
    },
    /// The embedding network gives no embedding.
    #[error("the {role}: {} gives `{outputs}`, not one vector; is it the file of another network?", path.display())]
    Outputs {
        /// What it is for.
        role: Role,
        /// Which.
        path: PathBuf,
        /// Names of its outputs.
        outputs: String,
    },
    /// A network has another input or output than its role.
    #[error(
        "the {role}: {} makes {len} values of {width}x{height} pixels, {needed} is needed; is it the file of another network?",
        path.display()
    )]
    Shape {
        /// What it is for.
        role: Role,
        /// Which.
        path: PathBuf,
        /// Values of the output.
        len: u16,
        /// Columns of the input.
        width: u16,
        /// Rows of the input.
        height: u16,
        /// In words.
        needed: &'static str,
    },
    /// Near and far are swapped, by what the files say about themselves.
    #[error("the {role}: {} says it is `{name}`; near and far are swapped", path.display())]
    Swapped {
        /// What it is for.
        role: Role,
        /// Which.
        path: PathBuf,
        /// The model's name.
        name: String,
    },
}

/// The networks of a door.
#[derive(Debug)]
pub struct Models {
    detector: ModelFile,
    embedding: ModelFile,
    liveness: Option<[ModelFile; 2]>,
}

/// A few thousand numbers are more than a door needs, and a vector of three is a classifier's.
const EMBEDDING: core::ops::RangeInclusive<u16> = 16..=4096;

impl Models {
    /// Reads and checks the files. With a `key`, each must bear its owner's signature.
    ///
    /// # Errors
    /// [`ModelsError`], of the first file that is not what it must be.
    pub fn open(paths: &Paths, key: Option<&PublicKey>) -> Result<Self, ModelsError> {
        let read = |role, path: &Path| read(role, path, key);
        let detector = read(Role::Detector, &paths.detector)?;
        Detector::new(Engine::new(detector.view()))
            .map_err(|error| ModelsError::Detector { path: paths.detector.clone(), error })?;
        let embedding = read(Role::Embedding, &paths.embedding)?;
        check_embedding(&embedding.view(), &paths.embedding)?;
        let liveness = match &paths.liveness {
            None => None,
            Some([near, far]) => {
                let open = |role, path: &PathBuf, other| {
                    let file = read(role, path)?;
                    check_liveness(&file.view(), role, path, other)?;
                    Ok(file)
                };
                Some([open(Role::LivenessNear, near, "4.0")?, open(Role::LivenessFar, far, "2.7")?])
            }
        };
        Ok(Self { detector, embedding, liveness })
    }

    /// The detector.
    pub fn detector(&self) -> ModelView<'_> {
        self.detector.view()
    }

    /// The embedding network. Its thresholds are the door's table of rates.
    pub fn embedding(&self) -> ModelView<'_> {
        self.embedding.view()
    }

    /// The liveness networks, near and far.
    pub fn liveness(&self) -> Option<[ModelView<'_>; 2]> {
        self.liveness.as_ref().map(|files| files.each_ref().map(ModelFile::view))
    }

    /// All that makes an embedding of a picture: what templates are stored under, and found by.
    pub fn pipeline(&self) -> Pipeline {
        let model = self.embedding();
        let shape = model.input().shape;
        let crop = [shape.width, shape.height].map(u32::from);
        let landmarks = &model.metadata().landmarks;
        let preprocessing = PreprocessingId::of(self.detector().id(), landmarks, crop);
        Pipeline { model: model.id(), preprocessing }
    }

    /// [`ModelView::loosest_cosine`] of the embedding network.
    pub fn loosest_cosine(&self) -> f32 {
        self.embedding().loosest_cosine()
    }

    /// Values of an embedding.
    pub fn embedding_len(&self) -> usize {
        self.embedding().metadata().embedding_len.into()
    }
}

fn read(role: Role, path: &Path, key: Option<&PublicKey>) -> Result<ModelFile, ModelsError> {
    let owned = || path.to_owned();
    let bytes =
        std::fs::read(path).map_err(|error| ModelsError::Io { role, path: owned(), error })?;
    let file = ModelFile::from_bytes(bytes).map_err(|error| ModelsError::Format {
        role,
        path: owned(),
        error,
    })?;
    if let Some(key) = key {
        file.view().verify(key).map_err(|error| ModelsError::Signature {
            role,
            path: owned(),
            error,
        })?;
    }
    Ok(file)
}

fn check_embedding(model: &ModelView<'_>, path: &Path) -> Result<(), ModelsError> {
    let role = Role::Embedding;
    if !model.is_embedding() {
        let names: Vec<&str> = model.outputs().map(|output| output.name).collect();
        return Err(ModelsError::Outputs {
            role,
            path: path.to_owned(),
            outputs: names.join(", "),
        });
    }
    shape(
        model,
        role,
        path,
        EMBEDDING.contains(&model.metadata().embedding_len),
        "an embedding of at least 16 values",
    )
}

fn check_liveness(
    model: &ModelView<'_>,
    role: Role,
    path: &Path,
    other: &str,
) -> Result<(), ModelsError> {
    let input = model.input().shape;
    let fits = usize::from(input.width) == SIDE
        && usize::from(input.height) == SIDE
        && model.output().shape.elements() == CLASSES;
    shape(model, role, path, fits, "3 values of 80x80 pixels")?;
    let name = model.metadata().name;
    if name.contains(other) {
        return Err(ModelsError::Swapped { role, path: path.to_owned(), name: name.to_owned() });
    }
    Ok(())
}

fn shape(
    model: &ModelView<'_>,
    role: Role,
    path: &Path,
    fits: bool,
    needed: &'static str,
) -> Result<(), ModelsError> {
    if fits {
        return Ok(());
    }
    let input = model.input().shape;
    let (len, width, height) = (model.output().shape.channels, input.width, input.height);
    Err(ModelsError::Shape { role, path: path.to_owned(), len, width, height, needed })
}

#[cfg(test)]
pub(crate) mod tests;
