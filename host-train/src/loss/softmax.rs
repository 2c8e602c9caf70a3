//! Softmax cross-entropy in two halves, so that the classes may lie on several ranks.
//!
//! ```text
//! of a rank's logits l:   most = max l,   sum = sum exp(l - most),   target = l[y] where y is here, else 0
//! of two ranks:           most = max of both,   sum = sum1 exp(most1 - most) + sum2 exp(most2 - most),   target1 + target2
//! of all:                 loss = mean over images of (most + ln sum - target)
//! gradient:               d loss / d l[j] = (exp(l[j] - most) / sum - [j = y]) / batch
//! ```
//!
//! The logarithm is that of a sum which is at least 1, never of a probability, so no probability is too small for it and
//! nothing is clamped. With one rank this is log-softmax. Plain softmax has logits `w[j] . x + b[j]`, weight-normalised softmax
//! `|x| cos t[j]` (Liu et al., arXiv 1704.08063, section 3.1); the margins change `l[y]`.

use burn::tensor::Tensor;

/// What a rank's logits come to for each image of the batch: columns `[batch, 1]` without gradient.
#[derive(Clone, Debug)]
pub struct SoftmaxSums {
    /// The greatest logit.
    pub most: Tensor<2>,
    /// Sum of `exp(logit - most)`.
    pub sum: Tensor<2>,
    /// The true class's logit, 0 where another rank holds that class.
    pub target: Tensor<2>,
}

impl SoftmaxSums {
    /// Of `logits [batch, classes]` and the true classes' `target [batch, 1]`.
    pub(super) fn of(logits: &Tensor<2>, target: &Tensor<2>) -> Self {
        let logits = logits.clone().detach();
        let most = logits.clone().max_dim(1);
        let sum = (logits - most.clone()).exp().sum_dim(1);
        Self { most, sum, target: target.clone().detach() }
    }

    /// Of both ranks' classes together.
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        let most = self.most.clone().max_pair(other.most.clone());
        let part = |sums: &Self| sums.sum.clone() * (sums.most.clone() - most.clone()).exp();
        let sum = part(&self) + part(&other);
        Self { sum, target: self.target + other.target, most }
    }

    /// Mean cross-entropy over the batch, `[1]`, without gradient.
    fn loss(&self) -> Tensor<1> {
        (self.most.clone() + self.sum.clone().log() - self.target.clone()).mean()
    }
}

/// The loss `[1]` over all ranks' classes, `whole`, with the gradient of a rank's own `logits [batch, classes]` and `target
/// [batch, 1]`.
pub(super) fn cross_entropy(
    logits: Tensor<2>,
    target: Tensor<2>,
    whole: &SoftmaxSums,
) -> Tensor<1> {
    let probability = (logits.clone().detach() - whole.most.clone()).exp() / whole.sum.clone();
    // Linear in the logits with the loss's own slope; its value is then replaced by the loss's.
    let slope = ((probability * logits).sum_dim(1) - target).mean();
    whole.loss() + (slope.clone() - slope.detach())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::tensor::activation::log_softmax;
    use burn::tensor::{Device, Int};

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn equals_log_softmax_in_value_and_gradient() {
        let device = Device::flex().autodiff();
        let logits = [[3.0, -2.0, 0.5], [-60.0, 60.0, 59.0]];
        let columns = Tensor::<2, Int>::from_ints([[2], [0]], &device);
        let run = |loss: fn(Tensor<2>, Tensor<2, Int>) -> Tensor<1>| {
            let logits = Tensor::<2>::from_floats(logits, &device).require_grad();
            let loss = loss(logits.clone(), columns.clone());
            let gradient = logits.grad(&loss.backward()).unwrap();
            (numbers(loss)[0], numbers(gradient))
        };
        let (loss, gradient) = run(|logits, columns| {
            let target = logits.clone().gather(1, columns);
            let whole = SoftmaxSums::of(&logits, &target);
            cross_entropy(logits, target, &whole)
        });
        let (expected, expected_gradient) =
            run(|logits, columns| log_softmax(logits, 1).gather(1, columns).mean().neg());
        assert!((loss - expected).abs() < 1e-5, "{loss}, {expected}");
        for (a, b) in gradient.iter().zip(&expected_gradient) {
            assert!((a - b).abs() < 1e-6, "{gradient:?}, {expected_gradient:?}");
        }
    }

    /// insightface issue 1437: a probability clamped at 1e-30 gives 69.0776 whatever the logits, and no gradient.
    #[test]
    fn loss_of_a_hopeless_face_is_not_stuck_at_69() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::from_floats([[-100.0, 100.0]], &device).require_grad();
        let target = logits.clone().slice([0..1, 0..1]);
        let whole = SoftmaxSums::of(&logits, &target);
        let loss = cross_entropy(logits.clone(), target, &whole);
        assert_eq!(numbers(logits.grad(&loss.backward()).unwrap()), [-1.0, 1.0]);
        assert_eq!(numbers(loss), [200.0]);
    }
}
