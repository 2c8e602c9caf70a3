//! A network ready to embed faces, whichever way it is stored: a run's float weights, an ONNX file or an int8 `.afm` file.
//!
//! All give embeddings through the same call, so that every figure of one has its counterpart of the other. The int8
//! side is `edge-infer` itself.

use crate::data::{DataError, FaceImage, augment};
use crate::evaluate::{EvaluateError, UnitRows};
use crate::files::{self, FileError};
use crate::graph::{
    Executor, Graph, GraphError, Normalisation, OnnxError, fold, from_onnx_of_size,
};
use crate::train::{
    ConfigError, FaceModel, ParameterError, RunConfig, RunError, RunFolder, with_parameters,
};
use burn::tensor::Device;
use edge_infer::engine::{Engine, EngineError};
use edge_infer::matching::{self, TemplateError, TemplateRef};
use model_format::{FormatError, ModelFile, ModelId};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A network that embeds faces.
pub enum Model {
    /// A run's float weights, or an ONNX file's.
    Float(FloatModel),
    /// An int8 model file.
    Int8(ModelFile),
}

/// A network in float, normalization folded.
pub struct FloatModel {
    /// The folded graph.
    pub graph: Graph,
    /// What reports call it.
    pub id: String,
}

/// A model that can't be opened, or a face that it can't embed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a model file, or a damaged one.
    #[error("{} is no usable model file: {source}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
    /// Neither a run's folder nor an `.onnx` or `.afm` file.
    #[error("{} is neither a run's folder nor an .onnx or .afm file: give what `train --out` or `quantize --out` wrote, or a network by its ONNX file", .0.display())]
    Unknown(PathBuf),
    /// An ONNX file.
    #[error("{}: {source}", path.display())]
    Onnx {
        /// Which.
        path: PathBuf,
        /// Why it is not usable; boxed, for it is large and rare.
        source: Box<OnnxError>,
    },
    /// An ONNX file, and no word on its pixels.
    #[error("{} does not say what its pixels must be: give --input rgb or bgr, --mean and --std, as its authors state them", .0.display())]
    Pixels(PathBuf),
    /// A network of other outputs.
    #[error(
        "the network gives {0}: eval, embed, calibrate and --verdict need one with an embedding as its only output"
    )]
    NoEmbedding(String),
    /// The run's settings build no network.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The run's weights are of another network.
    #[error("the run's weights do not fit its settings: {0}")]
    Parameters(#[from] ParameterError),
    /// The float graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An image.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An embedding without a direction.
    #[error("image {index}: {source}")]
    Template {
        /// Which of the images.
        index: usize,
        /// Why.
        source: TemplateError,
    },
    /// An embedding without a direction.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// Embeddings of some faces, and how long one took on one thread.
pub struct Embedded {
    /// One after the other, in the order of the images.
    pub embeddings: Vec<Vec<f32>>,
    /// Mean time of one embedding, decoding left out.
    pub ms_per_image: f64,
}

impl Model {
    /// Opens a run's folder, an `.onnx` or an `.afm` file; `pixels` is what an ONNX file's input is made from.
    ///
    /// # Errors
    /// It is none of them, is damaged, or can't be read.
    pub fn open(path: &Path, pixels: Option<Normalisation>) -> Result<Self, ModelError> {
        if path.is_dir() {
            return Ok(Self::Float(FloatModel::open(path)?.0));
        }
        // A path that is not there deserves the system's words, whatever its ending.
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("onnx") => {
                let pixels = pixels.ok_or_else(|| ModelError::Pixels(path.to_owned()))?;
                Ok(Self::Float(FloatModel::import(path, pixels)?))
            }
            Some("afm") => Ok(Self::Int8(open_file(path)?)),
            _ if path.exists() => Err(ModelError::Unknown(path.to_owned())),
            _ => Ok(Self::Int8(open_file(path)?)),
        }
    }

    /// Which model, for reports: an `.afm` file's id, or a run's name and step.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Float(float) => float.id.clone(),
            Self::Int8(file) => file.view().id().to_string(),
        }
    }

    /// Width and height of the faces that it takes.
    #[must_use]
    pub fn input_size(&self) -> (usize, usize) {
        match self {
            Self::Float(float) => (float.graph.input.width, float.graph.input.height),
            Self::Int8(file) => {
                let shape = file.view().input().shape;
                (shape.width.into(), shape.height.into())
            }
        }
    }

    /// Whether the network gives one vector, and not maps or several outputs.
    ///
    /// # Errors
    /// A graph that is not sound.
    pub fn is_embedding(&self) -> Result<bool, GraphError> {
        match self {
            Self::Float(float) => float.is_embedding(),
            Self::Int8(file) => Ok(file.view().is_embedding()),
        }
    }

    /// Embeds `count` faces that `load` gives, on all threads; `done` is called after each.
    ///
    /// With `flip`, each embedding is the sum of the face's and its mirror image's. Papers report that; a door does not
    /// do it.
    ///
    /// # Errors
    /// The network gives no embedding; a face can't be loaded or has another size than the network takes.
    pub fn embed_all(
        &self,
        count: usize,
        flip: bool,
        load: impl Fn(usize) -> Result<FaceImage, DataError> + Sync,
        done: impl Fn() + Sync,
    ) -> Result<Embedded, ModelError> {
        self.check_embedding()?;
        let (width, height) = self.input_size();
        let load = |index: usize| load(index)?.of_size(width, height, || format!("image {index}"));
        let rows: Vec<(Vec<f32>, Duration)> = match self {
            Self::Float(float) => {
                let executor = Executor::new(&float.graph)?;
                let embed = |rgb: &[u8], (): &mut ()| Ok(executor.embed(rgb)?);
                embed_rows(count, flip, || (), embed, load, done)?
            }
            Self::Int8(file) => {
                let engine = Engine::new(file.view());
                let embed = |rgb: &[u8], arena: &mut Vec<u8>| {
                    let output = engine.run(rgb, arena)?;
                    let mut embedding = vec![0.0; output.len()];
                    output.embedding(&mut embedding)?;
                    Ok(embedding)
                };
                embed_rows(count, flip, || vec![0; engine.arena_bytes()], embed, load, done)?
            }
        };
        let total: Duration = rows.iter().map(|(_, time)| *time).sum();
        Ok(Embedded {
            ms_per_image: total.as_secs_f64() * 1e3 / count.max(1) as f64,
            embeddings: rows.into_iter().map(|(embedding, _)| embedding).collect(),
        })
    }

    fn check_embedding(&self) -> Result<(), ModelError> {
        match self {
            Self::Float(float) => float.check_embedding(),
            Self::Int8(file) => embedding_or(file.view().is_embedding(), || {
                file.view().outputs().map(|output| output.name.to_owned()).collect()
            }),
        }
    }

    /// Embeddings in the form in which this model's are compared.
    ///
    /// # Errors
    /// An embedding is zero or not finite.
    pub fn gallery(&self, embeddings: &[Vec<f32>]) -> Result<Gallery, ModelError> {
        match self {
            Self::Float(_) => {
                let length = embeddings.first().map_or(1, Vec::len);
                Ok(Gallery::Float(UnitRows::new(embeddings.concat(), length)?))
            }
            Self::Int8(file) => {
                let templates = embeddings.iter().enumerate().map(|(index, embedding)| {
                    template(embedding).map_err(|source| ModelError::Template { index, source })
                });
                let templates = templates.collect::<Result<_, _>>()?;
                Ok(Gallery::Int8 { templates, model: file.view().id() })
            }
        }
    }
}

impl FloatModel {
    /// The last checkpoint of a run's folder, and the run's settings.
    ///
    /// # Errors
    /// The folder holds no run, or its files are damaged or do not fit each other.
    pub fn open(path: &Path) -> Result<(Self, RunConfig), ModelError> {
        let (folder, config) = RunFolder::open(path)?;
        let checkpoint = folder.checkpoint()?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let imported = config.imported.as_deref();
        let model = FaceModel::new(&config.train, imported, config.classes, &Device::flex())?;
        let model = with_parameters(model, &checkpoint.finished())?;
        let id = format!("{name}, step {}", checkpoint.step);
        Ok((Self::from_trained(&model, &config, id)?, config))
    }

    /// The network of an ONNX file.
    ///
    /// # Errors
    /// [`ModelError::Onnx`].
    pub fn import(path: &Path, pixels: Normalisation) -> Result<Self, ModelError> {
        Self::import_of_size(path, pixels, None)
    }

    /// As [`Self::import`], for images of another size than the file says: height, width.
    ///
    /// # Errors
    /// [`ModelError::Onnx`].
    pub fn import_of_size(
        path: &Path,
        pixels: Normalisation,
        size: Option<[usize; 2]>,
    ) -> Result<Self, ModelError> {
        let graph = from_onnx_of_size(path, pixels, size).map_err(|source| ModelError::Onnx {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(Self { graph: fold(&graph)?, id: name.into_owned() })
    }

    /// Whether the network gives one vector, and not maps or several outputs.
    ///
    /// # Errors
    /// The graph is not sound.
    pub fn is_embedding(&self) -> Result<bool, GraphError> {
        Ok(self.graph.is_embedding(&self.graph.check()?))
    }

    /// Refuses a network that does not.
    ///
    /// # Errors
    /// [`ModelError::NoEmbedding`], or the graph is not sound.
    pub fn check_embedding(&self) -> Result<(), ModelError> {
        let names = || self.graph.outputs.iter().map(|output| output.name.clone()).collect();
        embedding_or(self.is_embedding()?, names)
    }

    /// The float form of a trained model.
    ///
    /// # Errors
    /// Its graph does not fold, which a network that has trained does not meet.
    pub fn from_trained(
        model: &FaceModel,
        config: &RunConfig,
        id: String,
    ) -> Result<Self, ModelError> {
        let graph = fold(&model.network.graph(&config.train.network))?;
        Ok(Self { graph, id })
    }
}

fn embedding_or(embeds: bool, names: impl Fn() -> Vec<String>) -> Result<(), ModelError> {
    if embeds { Ok(()) } else { Err(ModelError::NoEmbedding(names().join(", "))) }
}

/// Reads and checks an `.afm` file.
///
/// # Errors
/// It can't be read, or is no usable model file.
pub fn open_file(path: &Path) -> Result<ModelFile, ModelError> {
    ModelFile::from_bytes(files::read(path)?)
        .map_err(|source| ModelError::Format { path: path.to_owned(), source })
}

fn embed_rows<S>(
    count: usize,
    flip: bool,
    scratch: impl Fn() -> S + Sync + Send,
    embed: impl Fn(&[u8], &mut S) -> Result<Vec<f32>, ModelError> + Sync,
    load: impl Fn(usize) -> Result<FaceImage, DataError> + Sync,
    done: impl Fn() + Sync,
) -> Result<Vec<(Vec<f32>, Duration)>, ModelError> {
    let row = |scratch: &mut S, index: usize| {
        let mut face = load(index)?;
        let start = Instant::now();
        let mut embedding = embed(&face.rgb, scratch)?;
        let time = start.elapsed();
        if flip {
            augment::flip(&mut face.rgb, face.width);
            for (sum, value) in embedding.iter_mut().zip(embed(&face.rgb, scratch)?) {
                *sum += value;
            }
        }
        done();
        Ok((embedding, time))
    };
    (0..count).into_par_iter().map_init(scratch, row).collect()
}

/// The int8 template of an embedding, as a door stores it.
///
/// # Errors
/// The embedding is zero or not finite.
pub fn template(embedding: &[f32]) -> Result<Vec<i8>, TemplateError> {
    let mut values = vec![0; embedding.len()];
    matching::quantize(embedding, &mut values)?;
    Ok(values)
}

/// The template that a door compares with in place of these.
fn mean(group: &[usize], templates: &[Vec<i8>], model: ModelId) -> Result<Vec<i8>, ModelError> {
    let refused = |source| ModelError::Template { index: group[0], source };
    let mut rows: Vec<i8> = group.iter().flat_map(|&face| &templates[face]).copied().collect();
    let len = rows.len() / group.len();
    let norms = rows.chunks_exact(len).map(|row| {
        TemplateRef::from_values(row, model).map(|row| row.inverse_norm().get()).map_err(refused)
    });
    let mut norms: Vec<f32> = norms.collect::<Result<_, _>>()?;
    let left = matching::merge(len, &mut rows, &mut norms, &mut vec![0; group.len()])
        .expect("the norms are those of the rows");
    if left > 1 {
        return Err(refused(TemplateError::Zero { largest: 0.0 }));
    }
    rows.truncate(len);
    Ok(rows)
}

/// Embeddings that can be compared with each other.
pub enum Gallery {
    /// Float directions.
    Float(UnitRows),
    /// The templates that a door would hold.
    Int8 {
        /// One a face.
        templates: Vec<Vec<i8>>,
        /// Whose they are.
        model: ModelId,
    },
}

impl Gallery {
    /// What is compared of each face, in their order.
    pub fn rows(&self) -> Box<dyn Iterator<Item = Vec<f32>> + '_> {
        match self {
            Self::Float(rows) => Box::new(rows.rows().map(<[f32]>::to_vec)),
            Self::Int8 { templates, .. } => {
                Box::new(templates.iter().map(|row| row.iter().copied().map(f32::from).collect()))
            }
        }
    }

    /// The same faces, and behind them the mean of each group of them, which `groups` lists by their places: at most
    /// [`MERGED`](matching::MERGED) in one.
    ///
    /// # Errors
    /// The faces of a group cancel each other out.
    pub fn with_means(&self, groups: &[Vec<usize>]) -> Result<Self, ModelError> {
        match self {
            Self::Float(rows) => {
                let faces: Vec<&[f32]> = rows.rows().collect();
                let mut values = faces.concat();
                for group in groups {
                    let sum = |at: usize| group.iter().map(|&face| faces[face][at]).sum::<f32>();
                    values.extend((0..faces[group[0]].len()).map(sum));
                }
                Ok(Self::Float(UnitRows::new(values, faces[0].len())?))
            }
            Self::Int8 { templates, model } => {
                let mut all = templates.clone();
                for group in groups {
                    all.push(mean(group, templates, *model)?);
                }
                Ok(Self::Int8 { templates: all, model: *model })
            }
        }
    }

    /// The cosine of two of its faces, as a function of their places.
    ///
    /// # Errors
    /// A template is zero, which [`Model::gallery`] never makes.
    pub fn cosine(&self) -> Result<Box<dyn Fn(usize, usize) -> f32 + Sync + '_>, ModelError> {
        match self {
            Self::Float(rows) => Ok(Box::new(|a, b| rows.cosine(a, b))),
            Self::Int8 { templates, model } => {
                let views = templates.iter().enumerate().map(|(index, values)| {
                    TemplateRef::from_values(values, *model)
                        .map_err(|source| ModelError::Template { index, source })
                });
                let views: Vec<TemplateRef<'_>> = views.collect::<Result<_, _>>()?;
                Ok(Box::new(move |a, b| {
                    matching::cosine(views[a], views[b])
                        .expect("templates of one model and length compare")
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{NodeId, random};

    #[test]
    fn means_stand_behind_the_faces() {
        let model = ModelId([1; 16]);
        let faces = [[127, 0, 0], [0, 64, 0], [0, 0, 9], [-127, 0, 0]];
        let int8 = Gallery::Int8 { templates: faces.map(Vec::from).to_vec(), model };
        let float = faces.as_flattened().iter().map(|&value: &i8| value.into()).collect();
        let float = Gallery::Float(UnitRows::new(float, 3).unwrap());
        for gallery in [&int8, &float] {
            let means = gallery.with_means(&[vec![0, 1], vec![0, 1, 2]]).unwrap();
            let cosine = means.cosine().unwrap();
            // (1, 1, 0) and (1, 1, 1), each with the first.
            assert!((cosine(0, 4) - 0.5_f32.sqrt()).abs() < 1e-6);
            assert!((cosine(0, 5) - (1.0_f32 / 3.0).sqrt()).abs() < 1e-6);
            assert_eq!(cosine(0, 1), 0.0);
            assert!(gallery.with_means(&[vec![0, 3]]).is_err(), "no direction");
        }
    }

    #[test]
    fn what_gives_no_embedding_is_refused_by_its_outputs() {
        let mut builder = random::Builder::new(6, 6, 1);
        let map = builder.conv(NodeId(0), 4, 3, 1, 1);
        builder.graph.outputs[0].name = "scores".to_owned();
        assert_eq!(builder.graph.output(), map);
        let model = Model::Float(FloatModel { graph: builder.graph, id: String::new() });
        let face = |_| unreachable!("nothing is loaded");
        let error = model.embed_all(1, false, face, || ()).err().unwrap();
        assert!(matches!(&error, ModelError::NoEmbedding(names) if names == "scores"), "{error}");
    }
}
