//! Learning from a network that is good already: it sees exactly the images that the student sees, and the student's
//! embeddings are drawn to where the teacher's are.
//!
//! ```text
//! L = a L_c + b L_r + c L_margin        the first two as in `loss/agreement.rs`
//! ```
//!
//! Because the teacher is asked anew for every changed or blended image ("consistent teaching", arXiv 2106.05237), a few
//! thousand photographs teach far more than their number.

use crate::graph::{
    Executor, Graph, GraphError, GraphNetwork, Normalisation, OnnxError, fold, from_onnx,
};
use crate::loss::{self, unit_rows};
use crate::net::has_own_kernels;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The teacher and what its word is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distillation {
    /// An ONNX file.
    pub teacher: PathBuf,
    /// What the teacher's images must be.
    pub input: Normalisation,
    /// Factor `a` of the cosine term, at least 0.
    pub cosine: f64,
    /// Factor `b` of the relation term, at least 0.
    pub relation: f64,
    /// Factor `c` of the margin loss, at least 0; at 0 labels are not looked at.
    pub margin: f64,
}

/// A teacher that can't teach this student.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TeacherError {
    /// The file.
    #[error("teacher {path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<OnnxError>,
    },
    /// The network in it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Its images are of another size.
    #[error("teacher {path} takes images of {width}x{height}, the student learns from {student_width}x{student_height}: give the size of the one that is not fixed, or another teacher", path = path.display())]
    Size {
        /// Which teacher.
        path: PathBuf,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// The student's columns.
        student_width: usize,
        /// The student's rows.
        student_height: usize,
    },
    /// Cosines between embeddings of different lengths do not exist.
    #[error("teacher {path} has embeddings of {teacher} numbers, the student of {student}: give a teacher with {student}, or train a network with {teacher} or with a cosine weight of 0", path = path.display())]
    Length {
        /// Which teacher.
        path: PathBuf,
        /// The teacher's.
        teacher: usize,
        /// The student's.
        student: usize,
    },
}

/// A network that is asked, not trained.
#[derive(Debug)]
pub struct Teacher {
    graph: Graph,
    settings: Distillation,
    length: usize,
    /// Where it computes beside the student, on another device than the CPU.
    beside: Option<GraphNetwork>,
}

impl Teacher {
    /// Reads the teacher for a student that sees images of `size`, width and height, and makes embeddings of `student` numbers.
    ///
    /// # Errors
    /// What [`TeacherError`] lists.
    pub fn open(
        settings: &Distillation,
        size: (usize, usize),
        student: usize,
    ) -> Result<Self, TeacherError> {
        let path: &Path = &settings.teacher;
        let graph = from_onnx(path, settings.input).map_err(|source| TeacherError::File {
            path: path.to_owned(),
            source: source.into(),
        })?;
        Self::new(fold(&graph)?, settings, size, student)
    }

    fn new(
        graph: Graph,
        settings: &Distillation,
        size: (usize, usize),
        student: usize,
    ) -> Result<Self, TeacherError> {
        let path = || settings.teacher.clone();
        let length = graph.check()?[graph.output().0].elements();
        let (width, height) = (graph.input.width, graph.input.height);
        if (width, height) != size {
            let (student_width, student_height) = size;
            let path = path();
            return Err(TeacherError::Size { path, width, height, student_width, student_height });
        }
        if settings.cosine > 0.0 && length != student {
            return Err(TeacherError::Length { path: path(), teacher: length, student });
        }
        Ok(Self { graph, settings: settings.clone(), length, beside: None })
    }

    /// The network itself.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The teacher of a student that learns on `device`.
    #[must_use]
    pub(super) fn on(self, device: &Device) -> Self {
        let beside = (!has_own_kernels(device)).then(|| {
            GraphNetwork::new(&self.graph, device)
                .expect("the graph was checked when it was read")
                .no_grad()
        });
        Self { beside, ..self }
    }

    /// Unit embeddings `[batch, length]` of a batch's images: `images [batch, height, width, 3]` on the student's device, `pixels`
    /// here. The CPU's threads take an image each.
    pub(super) fn embed(&self, pixels: &[u8], images: Tensor<4>) -> Tensor<2> {
        let device = &images.device();
        if let Some(beside) = &self.beside {
            return unit_rows(beside.forward(images));
        }
        let input = &self.graph.input;
        let images: Vec<&[u8]> = pixels.chunks_exact(input.width * input.height * 3).collect();
        let embeddings = Executor::new(&self.graph)
            .and_then(|executor| executor.embed_batch(&images))
            .expect("the graph was checked when it was read, and batches hold images of its size");
        let shape = [images.len(), self.length];
        unit_rows(Tensor::from_data(TensorData::new(embeddings.concat(), shape), device))
    }

    /// `a L_c + b L_r` of a student's embeddings; also the mean angle to the teacher's, degrees, where
    /// the cosine term makes it exist.
    pub(super) fn loss(
        &self,
        embeddings: Tensor<2>,
        taught: Tensor<2>,
    ) -> (Tensor<1>, Option<f64>) {
        let Distillation { cosine, relation, .. } = self.settings;
        let student = unit_rows(embeddings);
        let loss = loss::relation(student.clone(), taught.clone()).mul_scalar(relation);
        if cosine == 0.0 {
            return (loss, None);
        }
        let agreement = loss::cosines(student, taught);
        let angles: Vec<f32> =
            agreement.clone().into_data().try_to_vec().expect("the network computes in f32");
        let degrees = |cosine: f32| f64::from(cosine.clamp(-1.0, 1.0)).acos().to_degrees();
        let angle = angles.iter().copied().map(degrees).sum::<f64>() / angles.len() as f64;
        let apart = agreement.mean().neg().add_scalar(1.0).mul_scalar(cosine);
        (loss + apart, Some(angle))
    }

    /// Factor of the margin loss.
    pub(super) fn margin(&self) -> f64 {
        self.settings.margin
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{NodeId, random};

    const SIDE: usize = 32;

    fn settings(cosine: f64, relation: f64) -> Distillation {
        let (teacher, input) = ("teacher.onnx".into(), Normalisation::default());
        Distillation { teacher, input, cosine, relation, margin: 0.0 }
    }

    /// A small random network for images of 32x32, with embeddings of 32 numbers.
    pub(crate) fn teacher(margin: f64) -> Teacher {
        let mut builder = random::Builder::new(SIDE, SIDE, 5);
        let x = builder.conv(NodeId(0), 8, 3, 2, 1);
        let x = builder.block(x);
        let x = builder.conv(x, 16, 3, 2, 1);
        builder.head(x, SIDE / 4, 32);
        let settings = Distillation { margin, ..settings(10.0, 10.0) };
        Teacher::new(builder.graph, &settings, (SIDE, SIDE), 32).unwrap()
    }

    fn loss(cosine: f64, relation: f64, student: [[f32; 2]; 3]) -> (f64, Option<f64>) {
        let teacher = Teacher { settings: settings(cosine, relation), ..teacher(0.0) };
        let device = Device::flex();
        let taught = Tensor::from_floats([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], &device);
        let (loss, angle) = teacher.loss(Tensor::from_floats(student, &device), taught);
        (f64::from(loss.into_scalar::<f32>()), angle)
    }

    #[test]
    fn the_teachers_own_embeddings_cost_nothing_at_any_length() {
        let (loss, angle) = loss(3.0, 5.0, [[2.0, 0.0], [0.0, 0.5], [3.0, 4.0]]);
        assert!(loss.abs() < 1e-6 && angle.unwrap() < 0.1);
    }

    #[test]
    fn terms_follow_their_equations() {
        // Cosines to the teacher 0, 1, 1: the mean of 1 - cosine is 1/3, of the angles 30 degrees.
        let turned = [[0.0, 1.0], [0.0, 1.0], [0.6, 0.8]];
        let (value, angle) = loss(3.0, 0.0, turned);
        assert!((value - 1.0).abs() < 1e-6, "{value}");
        assert!((angle.unwrap() - 30.0).abs() < 0.02, "{angle:?}");
        // Pairs 01, 02, 12: the student's cosines 1, 0.8, 0.8, the teacher's 0, 0.6, 0.8.
        let (value, angle) = loss(0.0, 1.0, turned);
        assert!((value - (1.0 + 0.04) / 3.0).abs() < 1e-6, "{value}");
        assert_eq!(angle, None);
    }

    /// Relations do not change when all embeddings turn together; the cosine term does.
    #[test]
    fn relations_are_blind_to_a_common_turn() {
        let turned = [[0.0, 1.0], [-1.0, 0.0], [-0.8, 0.6]];
        assert!(loss(0.0, 1.0, turned).0.abs() < 1e-6);
        assert!((loss(1.0, 0.0, turned).0 - 1.0).abs() < 1e-6);
    }

    /// From the CPU's threads, and from tensors as beside a student on a GPU.
    #[test]
    fn a_teacher_answers_as_its_graph() {
        let alone = teacher(0.0);
        let device = Device::flex();
        let executor = GraphNetwork::new(&alone.graph, &device).unwrap();
        let beside = Teacher { beside: Some(executor), ..teacher(0.0) };
        let images = random::images(3, SIDE, SIDE, 2);
        let pixels = images.concat();
        let numbers: Vec<f32> = pixels.iter().copied().map(f32::from).collect();
        let batch = TensorData::new(numbers, [3, SIDE, SIDE, 3]);
        for (teacher, bound) in [(alone, 1e-6), (beside, 1e-5)] {
            let embeddings =
                teacher.embed(&pixels, Tensor::from_data(batch.clone(), &device)).into_data();
            let got: Vec<f32> = embeddings.try_to_vec().unwrap();
            assert_eq!(got.len(), 3 * 32);
            for (image, got) in images.iter().zip(got.chunks_exact(32)) {
                let raw = Executor::new(&teacher.graph).unwrap().embed(image).unwrap();
                let length = raw.iter().map(|v| v * v).sum::<f32>().sqrt();
                assert!(raw.iter().zip(got).all(|(raw, got)| (raw / length - got).abs() < bound));
            }
        }
    }

    #[test]
    fn rejects_size() {
        let error = Teacher::new(random::small(5), &settings(1.0, 1.0), (112, 96), 16).unwrap_err();
        let expected = (112, 96);
        assert!(
            matches!(error, TeacherError::Size { student_width, student_height, .. } if (student_width, student_height) == expected)
        );
    }

    #[test]
    fn rejects_length_only_where_cosines_are_wanted() {
        let graph = || random::small(5);
        let size = (graph().input.width, graph().input.height);
        let error = Teacher::new(graph(), &settings(1.0, 1.0), size, 128).unwrap_err();
        assert!(matches!(error, TeacherError::Length { teacher: 16, student: 128, .. }));
        assert!(Teacher::new(graph(), &settings(0.0, 1.0), size, 128).is_ok());
    }

    #[test]
    fn rejects_file_and_graph() {
        let error = Teacher::open(&settings(1.0, 1.0), (112, 112), 128).unwrap_err();
        assert!(matches!(&error, TeacherError::File { .. }), "{error}");
        assert!(error.to_string().contains("teacher.onnx"));
        let mut graph = random::small(5);
        graph.input.scale = [0.0; 3];
        let error = Teacher::new(graph, &settings(1.0, 1.0), (112, 112), 16).unwrap_err();
        assert!(matches!(error, TeacherError::Graph(_)));
    }
}
