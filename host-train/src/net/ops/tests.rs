//! Values and gradients of the operations against plain tensor operations, and the same bits for any number of threads.
#![allow(clippy::unwrap_used)]

use super::{ConvKind, Moments, convolution, plain};
use crate::ranks::Ranks;
use crate::ranks::tests::together;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

/// Numbers in `[-1, 1)`.
fn random<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product::<usize>();
    let values: Vec<f32> =
        (0..count).map(|_| rng.next_u32() as f32 / (u32::MAX as f32) * 2.0 - 1.0).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff()).require_grad()
}

/// `length` numbers within 0.1 of `centre`.
fn around(centre: f32, seed: u64, length: usize) -> Tensor<1> {
    let numbers: Vec<f32> =
        values(random(seed, [length])).into_iter().map(|v| 0.1f32.mul_add(v, centre)).collect();
    Tensor::from_floats(&numbers[..], &Device::flex().autodiff()).require_grad()
}

/// The same tensor as a parameter on another device.
#[cfg(any(feature = "gpu", feature = "cuda"))]
fn on<const D: usize>(device: &Device, tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_data(tensor.into_data(), &device.clone().autodiff()).require_grad()
}

/// A convolution of random numbers on a device: its value, then the gradients of input and weights.
#[cfg(any(feature = "gpu", feature = "cuda"))]
pub(crate) fn convolved_on(
    device: &Device,
    kind: ConvKind,
    shape: [usize; 4],
    out: usize,
) -> Vec<Vec<f32>> {
    let w = random(61, kind.weights(shape[3], out).0);
    let (x, w) = (on(device, random(60, shape)), on(device, w));
    let y = convolution(x.clone(), w.clone(), kind);
    let direction = on(device, random(62, y.dims())).detach();
    let gradients = (y.clone() * direction).mean().backward();
    vec![values(y), values(x.grad(&gradients).unwrap()), values(w.grad(&gradients).unwrap())]
}

/// A normalization of random numbers on a device: value, moments, and the gradients of input and parameters.
#[cfg(any(feature = "gpu", feature = "cuda"))]
pub(crate) fn normalized_on(device: &Device, shape: [usize; 4], prelu: bool) -> Vec<Vec<f32>> {
    let row = |seed| on(device, random(seed, [shape[3]]));
    let (x, gamma, beta, slope) = (on(device, random(70, shape)), row(71), row(72), row(73));
    let given = prelu.then(|| slope.clone());
    let (y, moments) = super::batch_norm(x.clone(), gamma.clone(), beta.clone(), given, own());
    let direction = on(device, random(74, shape)).detach();
    let gradients = (y.clone() * direction).mean().backward();
    let mut all = vec![values(y), values(moments), values(x.grad(&gradients).unwrap())];
    let parameters = [gamma, beta].into_iter().chain(prelu.then_some(slope));
    all.extend(parameters.map(|p| values(p.grad(&gradients).unwrap())));
    all
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_close(name: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{name}");
    let norm =
        |v: &mut dyn Iterator<Item = f32>| v.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    let error = norm(&mut got.iter().zip(expected).map(|(a, b)| a - b));
    assert!(size > 0.0 && error / size < 2e-6, "{name}: relative error {}", error / size);
}

/// Compares the value and the gradients of `sum(y * direction)` for one input and its weights.
fn compare<const D: usize>(
    name: &str,
    x: Tensor<4>,
    parameters: Vec<Tensor<D>>,
    fast: impl Fn(Tensor<4>, Vec<Tensor<D>>) -> Tensor<4>,
    slow: impl Fn(Tensor<4>, Vec<Tensor<D>>) -> Tensor<4>,
) {
    let (y, expected) = (fast(x.clone(), parameters.clone()), slow(x.clone(), parameters.clone()));
    assert_eq!(y.dims(), expected.dims(), "{name}");
    assert_close(&format!("{name} forward"), &values(y.clone()), &values(expected.clone()));
    let direction = random(99, y.dims()).detach();
    let got = (y * direction.clone()).sum().backward();
    let want = (expected * direction).sum().backward();
    for (i, parameter) in parameters.iter().enumerate() {
        let (got, want) = (parameter.grad(&got).unwrap(), parameter.grad(&want).unwrap());
        assert_close(&format!("{name} parameter {i}"), &values(got), &values(want));
    }
    let (got, want) = (x.grad(&got).unwrap(), x.grad(&want).unwrap());
    assert_close(&format!("{name} input"), &values(got), &values(want));
}

fn first<const D: usize>(mut parameters: Vec<Tensor<D>>) -> Tensor<D> {
    parameters.remove(0)
}

#[test]
fn pointwise_equals_plain() {
    for (batch, side, inputs, outputs) in [(1, 3, 16, 48), (3, 14, 64, 32), (2, 28, 32, 64)] {
        compare(
            &format!("pointwise {inputs} to {outputs} at {side}"),
            random(1, [batch, side, side, inputs]),
            vec![random(2, [outputs, inputs])],
            |x, w| convolution(x, first(w), ConvKind::Pointwise),
            |x, w| plain::convolution(x, first(w), ConvKind::Pointwise),
        );
    }
}

#[test]
fn depthwise_equals_plain() {
    for stride in [1, 2] {
        for (batch, height, width, channels) in
            [(1, 1, 1, 16), (2, 2, 2, 16), (2, 7, 5, 48), (3, 8, 8, 32), (1, 9, 12, 16)]
        {
            compare(
                &format!("depthwise {height}x{width}x{channels} stride {stride}"),
                random(3, [batch, height, width, channels]),
                vec![random(4, [9, channels])],
                |x, w| convolution(x, first(w), ConvKind::Depthwise { stride }),
                |x, w| plain::convolution(x, first(w), ConvKind::Depthwise { stride }),
            );
        }
    }
}

#[test]
fn global_depthwise_equals_plain() {
    compare(
        "global depthwise",
        random(5, [3, 7, 7, 32]),
        vec![random(6, [49, 32])],
        |x, w| convolution(x, first(w), ConvKind::GlobalDepthwise { side: 7 }),
        |x, w| plain::convolution(x, first(w), ConvKind::GlobalDepthwise { side: 7 }),
    );
}

#[test]
fn full_equals_plain() {
    for (size, stride, [batch, height, width, inputs, outputs]) in [
        (3, 2, [2, 16, 16, 3, 32]),
        (3, 2, [2, 2, 2, 3, 32]),
        (7, 2, [1, 38, 21, 3, 16]),
        (3, 1, [3, 7, 9, 16, 32]),
        (3, 1, [1, 1, 1, 16, 16]),
        (3, 2, [9, 7, 6, 16, 48]),
        (1, 2, [2, 7, 8, 32, 16]),
        (5, 3, [2, 11, 4, 5, 7]),
    ] {
        compare(
            &format!("full {size}x{size} stride {stride}, {height}x{width}, {inputs} to {outputs}"),
            random(7, [batch, height, width, inputs]),
            vec![random(8, [outputs, size * size * inputs])],
            |x, w| convolution(x, first(w), ConvKind::Full { size, stride }),
            |x, w| plain::convolution(x, first(w), ConvKind::Full { size, stride }),
        );
    }
}

/// `L = sum(y^2) / 2` is quadratic in each number, so central differences are its derivative but for rounding.
#[test]
fn full_gradients_equal_finite_differences() {
    let kind = ConvKind::Full { size: 3, stride: 2 };
    let (x, w) = (random(25, [2, 5, 4, 3]), random(26, [4, 27]));
    let loss = |x: Tensor<4>, w: Tensor<2>| -> f64 {
        let y = values(convolution(x, w, kind));
        y.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 2.0
    };
    let y = convolution(x.clone(), w.clone(), kind);
    let gradients = y.powi_scalar(2).sum().mul_scalar(0.5).backward();
    const STEP: f32 = 1.0 / 64.0;
    let moved = |numbers: &[f32], i: usize, by: f32| {
        let mut numbers = numbers.to_vec();
        numbers[i] += by;
        numbers
    };
    let check = |numbers: Vec<f32>, gradient: Vec<f32>, loss: &dyn Fn(Vec<f32>) -> f64| {
        for (i, got) in gradient.iter().enumerate() {
            let rise = loss(moved(&numbers, i, STEP)) - loss(moved(&numbers, i, -STEP));
            let expected = rise / f64::from(2.0 * STEP);
            let error = (f64::from(*got) - expected).abs();
            assert!(error < 1e-3, "number {i}: {got} for {expected}");
        }
    };
    let device = x.device();
    check(values(x.clone()), values(x.grad(&gradients).unwrap()), &|numbers| {
        loss(Tensor::from_data(TensorData::new(numbers, x.dims()), &device), w.clone())
    });
    check(values(w.clone()), values(w.grad(&gradients).unwrap()), &|numbers| {
        loss(x.clone(), Tensor::from_data(TensorData::new(numbers, w.dims()), &device))
    });
}

/// More windows than a block holds, so that blocks begin in the middle of images.
#[test]
fn blocks_of_full_windows_join() {
    compare(
        "full of two blocks an image",
        random(22, [2, 24, 24, 48]),
        vec![random(23, [16, 9 * 48])],
        |x, w| convolution(x, first(w), ConvKind::Full { size: 3, stride: 1 }),
        |x, w| plain::convolution(x, first(w), ConvKind::Full { size: 3, stride: 1 }),
    );
}

#[test]
fn an_image_without_gradient_changes_no_weight_gradient() {
    let kind = ConvKind::Full { size: 3, stride: 2 };
    let w = random(8, [32, 27]);
    let gradient = |x: Tensor<4>| {
        let gradients = convolution(x, w.clone(), kind).powi_scalar(2).sum().backward();
        values(w.grad(&gradients).unwrap())
    };
    let x = random(7, [2, 16, 16, 3]);
    assert_eq!(gradient(x.clone().detach()), gradient(x));
}

/// The batch's own moments.
fn own() -> Moments {
    Moments::Batch(Ranks::alone())
}

/// Slopes down to 0.25 are compared: a difference at the kink would show here, whatever its size.
#[test]
fn batch_norm_equals_plain() {
    for slope in [None, Some(0.25), Some(1.0), Some(-0.5)] {
        let mut parameters = vec![random(10, [32]), random(11, [32])];
        if let Some(slope) = slope {
            parameters.push(around(slope, 12, 32));
        }
        let split = |mut p: Vec<Tensor<1>>| (p.remove(0), p.remove(0), p.pop());
        compare(
            &format!("batch norm, slope {slope:?}"),
            random(9, [4, 13, 29, 32]),
            parameters,
            |x, p| {
                let (gamma, beta, slope) = split(p);
                super::batch_norm(x, gamma, beta, slope, own()).0
            },
            |x, p| {
                let (gamma, beta, slope) = split(p);
                plain::batch_norm(x, gamma, beta, slope, own()).0
            },
        );
    }
}

/// With given moments the layer is a line through each number, in value and gradient.
#[test]
fn batch_norm_by_given_moments_equals_plain() {
    let given = || Moments::Given {
        mean: values(around(0.3, 30, 32)),
        variance: values(around(0.8, 40, 32)),
    };
    for slope in [None, Some(0.25)] {
        let mut parameters = vec![random(10, [32]), random(11, [32])];
        if let Some(slope) = slope {
            parameters.push(around(slope, 12, 32));
        }
        let split = |mut p: Vec<Tensor<1>>| (p.remove(0), p.remove(0), p.pop());
        compare(
            &format!("batch norm by given moments, slope {slope:?}"),
            random(9, [4, 13, 29, 32]),
            parameters,
            |x, p| {
                let (gamma, beta, slope) = split(p);
                super::batch_norm(x, gamma, beta, slope, given()).0
            },
            |x, p| {
                let (gamma, beta, slope) = split(p);
                plain::batch_norm(x, gamma, beta, slope, given()).0
            },
        );
    }
}

/// Two ranks with half of a batch each have the values, the moments and the input's gradient of one with the whole; their
/// parameters' gradients add up to its.
#[test]
fn batch_norm_over_ranks_equals_the_whole_batch() {
    let (x, gamma, beta) = (random(50, [6, 5, 7, 16]), random(51, [16]), random(52, [16]));
    let direction = random(53, [6, 5, 7, 16]);
    let numbers = |part: core::ops::Range<usize>, ranks: Arc<Ranks>| {
        let leaf = |tensor: &Tensor<1>| tensor.clone().detach().require_grad();
        let (gamma, beta, slope) = (leaf(&gamma), leaf(&beta), around(0.25, 54, 16));
        let part = |whole: &Tensor<4>| whole.clone().slice([part.clone()]).detach();
        let x = part(&x).require_grad();
        let (y, moments) = super::batch_norm(
            x.clone(),
            gamma.clone(),
            beta.clone(),
            Some(slope.clone()),
            Moments::Batch(ranks),
        );
        let gradients = (y.clone() * part(&direction)).sum().backward();
        let images = [values(y), values(x.grad(&gradients).unwrap())];
        let sums = [gamma, beta, slope].map(|p| values(p.grad(&gradients).unwrap()));
        (images, values(moments), sums)
    };
    let (images, moments, sums) = numbers(0..6, Ranks::alone());
    let halves = together(2, |ranks| numbers(3 * ranks.rank()..3 * ranks.rank() + 3, ranks));
    for (i, whole) in images.iter().enumerate() {
        let both = [&halves[0].0[i][..], &halves[1].0[i]].concat();
        assert_close("values and gradients of images", &both, whole);
    }
    for (i, whole) in sums.iter().enumerate() {
        let (a, b) = (&halves[0].2[i], &halves[1].2[i]);
        let both: Vec<f32> = a.iter().zip(b).map(|(a, b)| a + b).collect();
        assert_close("gradients of parameters", &both, whole);
    }
    assert_close("moments", &halves[0].1, &moments);
    assert_eq!(halves[0].1, halves[1].1);
}

#[test]
fn batch_norm_reports_mean_and_biased_variance() {
    let x = random(13, [3, 5, 7, 16]);
    let (gamma, beta) = (random(14, [16]), random(15, [16]));
    let (_, moments) = super::batch_norm(x.clone(), gamma, beta, None, own());
    let (moments, x) = (values(moments), values(x));
    for c in 0..16 {
        let column: Vec<f64> = x.iter().skip(c).step_by(16).map(|&v| f64::from(v)).collect();
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / column.len() as f64;
        assert!((f64::from(moments[c]) - mean).abs() < 1e-6);
        assert!((f64::from(moments[16 + c]) - variance).abs() < 1e-6);
    }
}

#[test]
fn thread_count_changes_no_bit() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (x, f) = (random(16, [19, 14, 14, 32]), random(24, [32, 9 * 32]));
            let (w, d) = (random(17, [64, 32]), random(18, [9, 64]));
            let y = convolution(x.clone(), f.clone(), ConvKind::Full { size: 3, stride: 1 });
            let y = convolution(y, w.clone(), ConvKind::Pointwise);
            let y = convolution(y, d.clone(), ConvKind::Depthwise { stride: 2 });
            let (gamma, beta, slope) = (random(19, [64]), random(20, [64]), random(21, [64]));
            let (y, _) = super::batch_norm(y, gamma, beta, Some(slope), own());
            let gradients = y.powi_scalar(2).sum().backward();
            [
                values(x.grad(&gradients).unwrap()),
                values(f.grad(&gradients).unwrap()),
                values(w.grad(&gradients).unwrap()),
                values(d.grad(&gradients).unwrap()),
            ]
        })
    };
    assert_eq!(run(1), run(3));
}

/// Whole numbers up to `largest` on either side.
fn whole(largest: f32, seed: u64, shape: [usize; 4]) -> Tensor<4> {
    let values = values(random(seed, shape)).into_iter().map(|v| (v * largest).round());
    let data = TensorData::new(values.collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, &Device::flex().autodiff()).require_grad()
}

/// As `requantize.rs` states it, of tensor operations.
fn stepped(
    sums: Tensor<4>,
    [bias, positive, negative]: [Tensor<1>; 3],
    residual: Option<(Tensor<4>, f32)>,
    [low, high]: [f32; 2],
) -> Tensor<4> {
    let s = sums + bias.unsqueeze();
    let below = s.clone().lower_elem(0.0);
    let t = (s.clone() * positive.unsqueeze()).mask_where(below, s * negative.unsqueeze());
    let t = match residual {
        Some((r, factor)) => t + r.mul_scalar(factor),
        None => t,
    };
    let t = t.clamp(low, high);
    t.clone() + (t.clone().detach().round() - t.detach())
}

#[test]
fn requantize_equals_plain() {
    // More rows than one partial sum, and channels that are no multiple of a vector.
    for (shape, with_residual) in [
        ([2, 30, 20, 16], true),
        ([2, 30, 20, 16], false),
        ([1, 5, 3, 7], true),
        ([3, 1, 1, 1], false),
    ] {
        let name = format!("requantize {shape:?}, residual {with_residual}");
        let (sums, residual) = (whole(4000.0, 80, shape), whole(100.0, 81, shape));
        let channels = shape[3];
        let bias = values(random::<1>(82, [channels])).into_iter().map(|v| (v * 500.0).round());
        let bias: Vec<f32> = bias.collect();
        let bias = Tensor::<1>::from_floats(&bias[..], &Device::flex().autodiff()).require_grad();
        let rows = [bias, around(0.05, 83, channels), around(-0.02, 84, channels)];
        let range = [-100.0, 155.0];
        let other = || with_residual.then(|| (residual.clone(), 0.7));
        let multipliers = [rows[1].clone(), rows[2].clone()];
        let y = super::requantize(sums.clone(), rows[0].clone(), multipliers, other(), range);
        let expected = stepped(sums.clone(), rows.clone(), other(), range);
        // The same roundings of the same products, so the same bits.
        assert_eq!(values(y.clone()), values(expected.clone()), "{name}");
        let cut = values(y.clone()).iter().filter(|y| range.contains(y)).count();
        assert!(cut > 0 || shape[1] == 1, "{name}: nothing reached the limits");
        let direction = random(85, shape).detach();
        let got = (y * direction.clone()).sum().backward();
        let want = (expected * direction).sum().backward();
        for (i, row) in rows.iter().enumerate() {
            let (got, want) = (row.grad(&got).unwrap(), row.grad(&want).unwrap());
            let (got, want) = (values(got), values(want));
            if want.iter().any(|g| *g != 0.0) {
                assert_close(&format!("{name}, row {i}"), &got, &want);
            }
        }
        let tensors = [Some(&sums), with_residual.then_some(&residual)];
        for (i, tensor) in tensors.into_iter().flatten().enumerate() {
            let (got, want) = (tensor.grad(&got).unwrap(), tensor.grad(&want).unwrap());
            assert_close(&format!("{name}, tensor {i}"), &values(got), &values(want));
        }
    }
}

/// In whole vectors of channels or not; and the gradients are those of the plain operations.
#[test]
fn affine_multiplies_and_adds_to_the_bit() {
    for channels in [32, 5] {
        let x = random(80, [2, 3, 3, channels]);
        let (factor, offset) = (random(81, [channels]), random(82, [channels]));
        let slope = random(83, [channels]);
        let (ones, zeros) = (factor.ones_like(), factor.zeros_like());
        let product = values(super::affine(x.clone(), factor.clone(), zeros, None));
        let sum = values(super::affine(x.clone(), ones, offset.clone(), None));
        let numbers = [values(x.clone()), values(factor.clone()), values(offset.clone())];
        for (i, x) in numbers[0].iter().enumerate() {
            assert_eq!(product[i], x * numbers[1][i % channels]);
            assert_eq!(sum[i], x + numbers[2][i % channels]);
        }
        let gradients = |affine: fn(_, _, _, _) -> Tensor<4>| {
            let given = [&factor, &offset, &slope].map(Clone::clone);
            let [a, b, c] = given.clone();
            let y = affine(x.clone(), a, b, Some(c));
            let direction = random(84, y.dims()).detach();
            let all = (y * direction).sum().backward();
            let of = given.map(|row| values(row.grad(&all).unwrap()));
            [of.concat(), values(x.grad(&all).unwrap())].concat()
        };
        let (own, plain) = (gradients(super::affine), gradients(plain::affine));
        let apart = own.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{apart}");
    }
}

/// By hand: below, at and above each limit, and what is no number.
#[test]
fn clip_lets_gradients_through_between_its_limits() {
    let device = Device::flex().autodiff();
    let numbers = [-2.0, -1.0, -0.5, 0.0, 3.0, 6.0, 6.5, f32::NAN];
    let x = Tensor::<1>::from_floats(numbers, &device).reshape([1, 2, 2, 2]).require_grad();
    let pull = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &device);
    let y = super::clip(x.clone(), [-1.0, 6.0]);
    let gradients = (y.clone() * pull.reshape([1, 2, 2, 2])).sum().backward();
    let (y, dx) = (values(y), values(x.grad(&gradients).unwrap()));
    assert_eq!(y[..7], [-1.0, -1.0, -0.5, 0.0, 3.0, 6.0, 6.0]);
    assert!(y[7].is_nan());
    assert_eq!(dx, [0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 8.0]);
}
