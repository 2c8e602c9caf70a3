//! Adam (Kingma and Ba, arXiv 1412.6980) on numbers of very different sizes: each moves in units of its own.
//!
//! ```text
//! m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
//! x = x - rate unit (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
//! ```

use burn::tensor::{Device, Gradients, Tensor};

const MEAN_DECAY: f64 = 0.9;
const SQUARE_DECAY: f64 = 0.99;

/// Far below any gradient that matters: losses near an int8 network's own error are small.
const EPSILON: f64 = 1e-12;

/// Numbers that learn.
#[derive(Debug)]
pub(super) struct Learned {
    value: Tensor<1>,
    /// What a step of rate 1 is worth, each number for itself.
    unit: Tensor<1>,
    mean: Tensor<1>,
    square: Tensor<1>,
    /// Steps taken.
    steps: i32,
}

impl Learned {
    pub(super) fn new(values: &[f32], units: &[f32], device: &Device) -> Self {
        let value = Tensor::<1>::from_floats(values, device).require_grad();
        let unit = Tensor::<1>::from_floats(units, device).inner();
        let (mean, square) = (unit.zeros_like(), unit.zeros_like());
        Self { value, unit, mean, square, steps: 0 }
    }

    /// As they are.
    pub(super) fn value(&self) -> Tensor<1> {
        self.value.clone()
    }

    /// The nearest whole numbers within limits, ties to even; the gradient passes them by.
    pub(super) fn rounded(&self, low: f32, high: f32) -> Tensor<1> {
        let value = self.value.clone();
        let whole = value.clone().detach().round().clamp(low, high);
        // Exact: a number and its rounding are so near that their difference has no rounding of its own.
        value.clone() + (whole - value.detach())
    }

    /// On the host.
    pub(super) fn numbers(&self) -> Vec<f32> {
        self.value.clone().into_data().try_to_vec().expect("they were made of f32")
    }

    /// A step; numbers that had no part in the loss stay.
    pub(super) fn step(&mut self, gradients: &mut Gradients, rate: f64) {
        let Some(gradient) = self.value.grad_remove(gradients) else { return };
        self.steps += 1;
        let towards = |old: &Tensor<1>, new: Tensor<1>, decay: f64| {
            old.clone().mul_scalar(decay) + new.mul_scalar(1.0 - decay)
        };
        self.mean = towards(&self.mean, gradient.clone(), MEAN_DECAY);
        self.square = towards(&self.square, gradient.powi_scalar(2), SQUARE_DECAY);
        let unbiased = |moment: &Tensor<1>, decay: f64| {
            moment.clone().div_scalar(1.0 - decay.powi(self.steps))
        };
        let size = unbiased(&self.square, SQUARE_DECAY).sqrt().add_scalar(EPSILON);
        let direction = unbiased(&self.mean, MEAN_DECAY) / size;
        let moved = self.value.clone().inner() - (direction * self.unit.clone()).mul_scalar(rate);
        self.value = Tensor::from_inner(moved).require_grad();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The first step is one unit times the rate, whatever the gradient's size; the second by hand.
    #[test]
    fn moves_in_units() {
        let device = Device::flex().autodiff();
        let mut learned = Learned::new(&[1.0, 1.0], &[1.0, 0.5], &device);
        // Second: m = (0.9 * 0.1 - 0.1 * 3) 1e-3 / 0.19, v = (0.99 * 0.01 + 0.01 * 9) 1e-6 / 0.0199: -0.493298 units.
        for (factor, expected) in [(1e-3, [0.9, 0.95]), (-3e-3, [0.949_330, 0.974_665])] {
            let mut gradients = learned.value().mul_scalar(factor).sum().backward();
            learned.step(&mut gradients, 0.1);
            for (got, expected) in learned.numbers().iter().zip(expected) {
                assert!((got - expected).abs() < 2e-6, "{got}, {expected}");
            }
        }
    }

    #[test]
    fn rounds_in_the_forward_alone() {
        let device = Device::flex().autodiff();
        let values = [0.5, 1.5, -2.5, 0.49, 130.2, 1e-7];
        let learned = Learned::new(&values, &[1.0; 6], &device);
        let rounded = learned.rounded(-127.0, 127.0);
        let mut gradients = rounded.clone().powi_scalar(2).sum().backward();
        let whole = [0.0, 2.0, -2.0, 0.0, 127.0, 0.0];
        let got: Vec<f32> = rounded.into_data().try_to_vec().unwrap();
        assert_eq!(got, whole);
        let gradient = learned.value.grad_remove(&mut gradients).unwrap();
        let gradient: Vec<f32> = gradient.into_data().try_to_vec().unwrap();
        assert_eq!(gradient, whole.map(|v| 2.0 * v));
    }
}
