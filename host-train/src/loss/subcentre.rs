//! Sub-center ArcFace: K centres a class, of which the nearest counts (Deng et al., ECCV 2020, "Sub-center ArcFace",
//! equation 4).
//!
//! ```text
//! cos t[j] = max over k of  x . w[j][k] / (|x| |w[j][k]|)
//! ```
//!
//! Mislabelled and odd faces gather at a class's other centres and no longer pull at its dominant one. Only the nearest centre
//! of each class has a gradient.

use burn::tensor::Tensor;

/// Cosines to all centres `[batch, classes * centres]`, a class's side by side, to those of each class's nearest `[batch, classes]`.
pub(super) fn nearest(cosine: Tensor<2>, centres: usize) -> Tensor<2> {
    if centres == 1 {
        return cosine;
    }
    let [batch, rows] = cosine.dims();
    let classes = rows / centres;
    cosine.reshape([batch, classes, centres]).max_dim(2).reshape([batch, classes])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_nearest_centre_of_each_class_counts_and_alone_learns() {
        let device = Device::flex().autodiff();
        let cosine = [[0.1, 0.9, -0.5, -0.2], [0.3, 0.2, 0.8, -1.0]];
        let cosine = Tensor::<2>::from_floats(cosine, &device).require_grad();
        let best = nearest(cosine.clone(), 2);
        let gradient = cosine.grad(&best.clone().sum().backward()).unwrap();
        let numbers = |t: Tensor<2>| t.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(numbers(best), [0.9, -0.2, 0.3, 0.8]);
        assert_eq!(numbers(gradient), [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    }
}
