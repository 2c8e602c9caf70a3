//! Every loss against a plain form in f64: value, and gradients by embeddings, centres and offsets against finite differences,
//! at random angles and within a tenth of a degree of both ends.
//!
//! `cargo test -p host-train --lib -- gradients_equal --nocapture` prints the table of the largest errors.
#![allow(clippy::unwrap_used)]

use super::*;
use burn::module::Param;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const CLASSES: usize = 5;
const LENGTH: usize = 6;

/// Angles to a centre of the own class, degrees. None is where a curve bends suddenly: a difference would straddle the bend.
const ANGLES: [f64; 12] =
    [0.1, 179.9, 0.5, 178.0, 30.0, 61.0, 91.0, 121.0, 151.0, 75.0, 44.0, 163.0];

/// Gradients shorter than this are compared with it: their own rounding is all that is left of them.
const SHORT: f64 = 1e-4;

type Rows = Vec<Vec<f64>>;

/// A batch and a head.
struct Case {
    loss: LossConfig,
    head: HeadConfig,
    step: u64,
    embeddings: Rows,
    labels: Vec<u32>,
    centres: Rows,
    bias: Rows,
}

/// Mean loss; gradients by embeddings, centres and offsets.
struct Gradients {
    loss: f64,
    embeddings: Rows,
    centres: Rows,
    bias: Rows,
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn scaled(v: &[f64], factor: f64) -> Vec<f64> {
    v.iter().map(|x| x * factor).collect()
}

fn unit(v: &[f64]) -> Vec<f64> {
    scaled(v, 1.0 / norm(v))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Exact at both ends, unlike the arc cosine of a rounded cosine.
fn angle(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (unit(a), unit(b));
    let combined = |sign: f64| a.iter().zip(&b).map(|(a, b)| a + sign * b).collect::<Vec<_>>();
    2.0 * norm(&combined(-1.0)).atan2(norm(&combined(1.0)))
}

impl Case {
    fn new(loss: LossConfig, head: HeadConfig, step: u64, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = move || f64::from(rng.next_u32()) / 4_294_967_296.0 - 0.5;
        let mut row = |length: f64| {
            let row: Vec<f64> = (0..LENGTH).map(|_| uniform()).collect();
            scaled(&unit(&row), length * (1.0 + 0.5 * uniform()))
        };
        let centres: Rows = (0..CLASSES * loss.centres()).map(|_| row(1.3)).collect();
        let mut embeddings = Rows::new();
        let mut labels = Vec::new();
        for (i, degrees) in ANGLES.into_iter().enumerate() {
            let label = i % CLASSES;
            let centre = unit(&centres[label * loss.centres() + i % loss.centres()]);
            let other = row(1.0);
            let along = dot(&other, &centre);
            let across: Vec<f64> = other.iter().zip(&centre).map(|(o, c)| o - along * c).collect();
            let (sin, cos) = degrees.to_radians().sin_cos();
            let turned: Vec<f64> =
                centre.iter().zip(unit(&across)).map(|(c, a)| cos * c + sin * a).collect();
            embeddings.push(scaled(&turned, norm(&row(9.0))));
            labels.push(label as u32);
        }
        let bias = (0..CLASSES).map(|_| vec![row(1.0)[0]]).collect();
        Self { loss, head, step, embeddings, labels, centres, bias }
    }

    /// Each image's curve; AdaFace's are held constant when the gradient is taken.
    fn curves(&self) -> Vec<TargetCurve> {
        let LossConfig::Adaface { m, concentration, .. } = self.loss else {
            return vec![self.loss.curve(self.step); self.labels.len()];
        };
        let lengths: Vec<f64> = self.embeddings.iter().map(|x| norm(x)).collect();
        let statistics = NormStatistics::default().after(&lengths);
        let quality = |length: &f64| statistics.quality(*length, concentration);
        lengths.iter().map(|length| image_curve(m, quality(length))).collect()
    }

    /// The angle of an image to the nearest centre of a class.
    fn angle(&self, image: usize, class: usize) -> f64 {
        let centres = self.centres.chunks(self.loss.centres()).nth(class).unwrap();
        let angles = centres.iter().map(|centre| angle(&self.embeddings[image], centre));
        angles.fold(f64::INFINITY, f64::min)
    }

    /// An image's loss, straight from the equations. `target` gives the true class's logit by image and angle.
    fn loss(&self, image: usize, target: &impl Fn(usize, f64) -> f64) -> f64 {
        let x = &self.embeddings[image];
        let label = self.labels[image] as usize;
        let logit = |j: usize| {
            if self.loss.has_bias() {
                return dot(x, &self.centres[j]) + self.bias[j][0];
            }
            let angle = self.angle(image, j);
            let cosine = if j == label { target(image, angle) } else { angle.cos() };
            self.loss.scale().unwrap_or(norm(x)) * cosine
        };
        let own = logit(label);
        let others = (0..CLASSES).filter(|j| *j != label);
        others.map(|j| (logit(j) - own).exp()).sum::<f64>().ln_1p()
    }

    /// Five-point differences of the mean loss by each number of the rows that `rows` picks; `step` is how far an image's loss
    /// is followed along a row, none when it does not depend on it.
    fn differences(
        &mut self,
        rows: fn(&mut Self) -> &mut Rows,
        step: impl Fn(&Self, usize, usize) -> Option<f64>,
        target: &impl Fn(usize, f64) -> f64,
    ) -> Rows {
        let images = self.labels.len();
        let mut differences: Rows = rows(self).iter().map(|row| vec![0.0; row.len()]).collect();
        for (i, row) in differences.iter_mut().enumerate() {
            for image in 0..images {
                let Some(h) = step(self, image, i) else { continue };
                for (j, difference) in row.iter_mut().enumerate() {
                    let kept = rows(self)[i][j];
                    let mut at = |by: f64| {
                        rows(self)[i][j] = kept + by;
                        self.loss(image, target)
                    };
                    let (near, far) = (at(h) - at(-h), at(2.0 * h) - at(-2.0 * h));
                    *difference += (8.0 * near - far) / (12.0 * h * images as f64);
                    rows(self)[i][j] = kept;
                }
            }
        }
        differences
    }

    fn expected(&mut self) -> Gradients {
        let images = self.labels.len();
        let curves = self.curves();
        let start: Vec<f64> = (0..images).map(|i| self.angle(i, self.labels[i] as usize)).collect();
        let through = self.head.margin_gradient == MarginGradient::StraightThrough;
        let target = |i: usize, angle: f64| {
            if through {
                curves[i].value(start[i]) + angle.cos() - start[i].cos()
            } else {
                curves[i].value(angle)
            }
        };
        let loss = (0..images).map(|i| self.loss(i, &target)).sum::<f64>() / images as f64;
        // Small beside the distance to either end, where curves bend most.
        let near = |angle: f64, length: f64| Some(2e-4 * angle.sin() * length);
        let along_embedding = |case: &Self, image: usize, row: usize| {
            if row == image { near(start[image], norm(&case.embeddings[row])) } else { None }
        };
        let along_centre = |case: &Self, image: usize, row: usize| {
            let centre = &case.centres[row];
            near(angle(&case.embeddings[image], centre), norm(centre))
        };
        Gradients {
            loss,
            embeddings: self.differences(|case| &mut case.embeddings, along_embedding, &target),
            centres: self.differences(|case| &mut case.centres, along_centre, &target),
            bias: self.differences(|case| &mut case.bias, |_, _, _| Some(1e-3), &target),
        }
    }

    /// What the head computes.
    fn computed(&self, kind: DType) -> Gradients {
        let device = Device::flex().autodiff();
        let tensor = |rows: &Rows| {
            let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
            Tensor::<2>::from_data(data, (&device, kind)).require_grad()
        };
        let size = [CLASSES, LENGTH];
        let mut head = Head::new(self.loss, self.head, size, Shard::WHOLE, 1, &device).unwrap();
        head.weight = Param::from_tensor(tensor(&self.centres));
        head.bias = head.bias.map(|_| Param::from_tensor(tensor(&self.bias)));
        let x = tensor(&self.embeddings);
        let output =
            head.part(&self.labels, self.step).unwrap().forward(x.clone(), &self.labels).unwrap();
        let gradients = output.loss.backward();
        let rows = |tensor: Tensor<2>| {
            let width = tensor.dims()[1];
            let numbers: Vec<f64> = tensor.into_data().iter().collect();
            numbers.chunks(width).map(<[f64]>::to_vec).collect::<Rows>()
        };
        Gradients {
            loss: output.loss.into_data().iter().next().unwrap(),
            embeddings: rows(x.grad(&gradients).unwrap()),
            centres: rows(head.weight.val().grad(&gradients).unwrap()),
            bias: head.bias.map_or(vec![vec![0.0]; CLASSES], |bias| {
                rows(bias.val().grad(&gradients).unwrap())
            }),
        }
    }
}

/// The largest difference of two rows beside the second's length.
fn largest(got: &Rows, expected: &Rows) -> f64 {
    assert_eq!(got.len(), expected.len());
    let error = |(got, expected): (&Vec<f64>, &Vec<f64>)| {
        let difference: Vec<f64> = got.iter().zip(expected).map(|(a, b)| a - b).collect();
        norm(&difference) / norm(expected).max(SHORT)
    };
    got.iter().zip(expected).map(error).fold(0.0, f64::max)
}

/// Every loss, and forms of them that the defaults do not show.
fn losses() -> Vec<(String, LossConfig, HeadConfig, u64)> {
    let exact = HeadConfig::default();
    let named = |loss: LossConfig| (loss.name().to_owned(), loss, exact, 3000);
    let mut all: Vec<_> = LossConfig::all().map(named).to_vec();
    let annealing = Annealing { start: 0.0, end: 0.0, rate: 0.0 };
    for m in 1..=4 {
        let loss = LossConfig::Sphereface { m, annealing };
        all.push((format!("sphereface, m {m}, pure"), loss, exact, 0));
    }
    let loss = LossConfig::Combined { m1: 1.5, m2: 3.0, m3: 1.0, scale: 64.0 };
    all.push(("combined 1.5, 3, 1".to_owned(), loss, exact, 0));
    let through = HeadConfig { margin_gradient: MarginGradient::StraightThrough, ..exact };
    let loss = LossConfig::default();
    all.push(("arcface, straight-through".to_owned(), loss, through, 0));
    all
}

/// unicom issue 11 and insightface issue 2255: a margin held constant is a choice, here an exact one beside it.
#[test]
fn gradients_equal_finite_differences() {
    println!("loss                         value  embeddings  centres     offsets     f32");
    for (name, loss, head, step) in losses() {
        let mut worst = [0.0_f64; 5];
        for seed in 0..4 {
            let mut case = Case::new(loss, head, step, seed);
            let (exact, single) = (case.computed(DType::F64), case.computed(DType::F32));
            let expected = case.expected();
            let errors = [
                (exact.loss - expected.loss).abs() / expected.loss,
                largest(&exact.embeddings, &expected.embeddings),
                largest(&exact.centres, &expected.centres),
                largest(&exact.bias, &expected.bias),
                largest(&single.embeddings, &expected.embeddings)
                    .max(largest(&single.centres, &expected.centres)),
            ];
            worst = core::array::from_fn(|i| worst[i].max(errors[i]));
        }
        let [value, embeddings, centres, offsets, single] = worst;
        println!(
            "{name:28} {value:.1e}  {embeddings:.1e}     {centres:.1e}     {offsets:.1e}     {single:.1e}"
        );
        assert!(value < 1e-9, "{name}: value {value:e}");
        assert!(embeddings < 1e-6, "{name}: embeddings {embeddings:e}");
        assert!(centres < 1e-6, "{name}: centres {centres:e}");
        assert!(offsets < 1e-6, "{name}: offsets {offsets:e}");
        // At 0.1 degrees an f32 cosine leaves the sine, by which the slope is divided, two hundredths open.
        assert!(single < 0.05, "{name}: f32 {single:e}");
    }
}
