//! A GPU against the CPU. Ignored where it is not asked for, for most machines have none:
//!
//! ```text
//! cargo test --release -p host-train --features gpu device_tests -- --ignored
//! ```
//!
//! A software Vulkan driver runs the operations alone (`-- --ignored operations`): the one of Mesa 22.3 crashes on matrix
//! products.
#![allow(clippy::unwrap_used)]

use super::distillation::tests::teacher;
use super::trainer::tests::{config, run};
use super::*;
use crate::device::{Choice, Place};
use crate::loss::LossConfig;
use crate::net::{ConvKind, convolved_on, normalized_on};
use burn::tensor::Device;

fn gpu() -> Device {
    let place = Place::open(Choice::Auto).unwrap();
    let place =
        if place.device == Device::flex() { Place::open(Choice::Vulkan).unwrap() } else { place };
    println!("{place}");
    place.device
}

fn relative(got: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let square = |v: &mut dyn Iterator<Item = f32>| v.map(|x| f64::from(x).powi(2)).sum::<f64>();
    let apart = square(&mut got.iter().zip(expected).map(|(a, b)| a - b));
    (apart / square(&mut expected.iter().copied())).sqrt()
}

/// Value, and gradients of input and weights.
fn assert_convolution(kind: ConvKind, shape: [usize; 4], out: usize) {
    let numbers = |device| convolved_on(device, kind, shape, out);
    for (i, (got, expected)) in numbers(&gpu()).iter().zip(numbers(&Device::flex())).enumerate() {
        let apart = relative(got, &expected);
        println!("{kind:?}, {}: {apart:.1e}", ["value", "input", "weights"][i]);
        assert!(apart < 1e-5, "{kind:?} {i}: {apart}");
    }
}

#[test]
#[ignore = "needs a GPU"]
fn pointwise_equals_the_cpus() {
    assert_convolution(ConvKind::Pointwise, [3, 14, 14, 64], 48);
}

#[test]
#[ignore = "needs a Vulkan driver"]
fn operations_depthwise() {
    assert_convolution(ConvKind::Depthwise { stride: 1 }, [2, 7, 9, 32], 32);
    assert_convolution(ConvKind::Depthwise { stride: 2 }, [2, 14, 15, 32], 32);
}

#[test]
#[ignore = "needs a Vulkan driver"]
fn operations_global_depthwise() {
    assert_convolution(ConvKind::GlobalDepthwise { side: 7 }, [3, 7, 7, 32], 32);
}

#[test]
#[ignore = "needs a GPU"]
fn full_convolution_equals_the_cpus() {
    assert_convolution(ConvKind::Full { size: 3, stride: 2 }, [2, 16, 16, 3], 32);
}

/// Value, moments, and gradients of input and parameters.
#[test]
#[ignore = "needs a Vulkan driver"]
fn operations_normalization() {
    for prelu in [false, true] {
        let numbers = |device| normalized_on(device, [3, 9, 11, 48], prelu);
        for (i, (got, expected)) in numbers(&gpu()).iter().zip(numbers(&Device::flex())).enumerate()
        {
            let apart = relative(got, &expected);
            println!("normalization {i}, PReLU {prelu}: {apart:.1e}");
            assert!(apart < 1e-5, "normalization {i}: {apart}");
        }
    }
}

/// Steps with margin loss and teacher: the same reports and weights as the CPU's, but for the order of sums.
#[test]
#[ignore = "needs a GPU"]
fn steps_equal_the_cpus() {
    let loss = LossConfig::Arcface { m: 0.5, scale: 16.0 };
    let config = TrainConfig { loss, learning_rate: 0.2, average: 0.9, ..config() };
    let learn = |device: &Device| {
        let trainer = Trainer::on(device, config.clone(), 2).unwrap();
        let mut trainer = trainer.taught_by(teacher(1.0));
        let reports = run(&mut trainer, 0..3);
        (reports, trainer.checkpoint())
    };
    let ((reports, got), (expected_reports, expected)) = (learn(&gpu()), learn(&Device::flex()));
    for (got, expected) in reports.iter().zip(&expected_reports) {
        let (got, expected) = (got.loss.unwrap(), expected.loss.unwrap());
        println!("loss {got} for {expected}");
        assert!((got - expected).abs() < 1e-3 * expected);
    }
    let all = |values: &std::collections::BTreeMap<String, Values>| -> Vec<f32> {
        values.values().flat_map(|v| v.numbers.clone()).collect()
    };
    for (name, got, expected) in [
        ("parameters", &got.parameters, &expected.parameters),
        ("velocities", &got.velocity, &expected.velocity),
        ("average", &got.average, &expected.average),
    ] {
        let apart = relative(&all(got), &all(expected));
        println!("{name}: {apart:.1e}");
        assert!(apart < 2e-3, "{name}: {apart}");
    }
}

/// A run begun on the CPU goes on on a GPU.
#[test]
#[ignore = "needs a GPU"]
fn a_run_changes_devices() {
    let mut first = Trainer::new(config(), 2).unwrap();
    run(&mut first, 0..3);
    let stored = first.checkpoint();
    let mut second = Trainer::on(&gpu(), config(), 2).unwrap().resumed(&stored).unwrap();
    assert_eq!(second.checkpoint(), stored);
    let loss = |trainer: &mut Trainer| run(trainer, 3..4)[0].loss.unwrap();
    let (expected, got) = (loss(&mut first), loss(&mut second));
    assert!((got - expected).abs() < 1e-3 * expected, "{got} {expected}");
}
