//! How far a network's embeddings are from those of one that it learns from.
//!
//! ```text
//! cosine    L_c = mean_i (1 - u_i . t_i)                         u, t: unit embeddings of student and teacher
//! relation  L_r = mean_{i != j} (u_i . u_j - t_i . t_j)^2        (relational distillation, arXiv 1904.05068, on cosines)
//! ```

use burn::tensor::Tensor;

/// Cosines of each image's two embeddings, `[batch, 1]`, of unit embeddings `[batch, length]`.
pub(crate) fn cosines(student: Tensor<2>, taught: Tensor<2>) -> Tensor<2> {
    (student * taught).sum_dim(1)
}

/// `L_r` of unit embeddings, `[batch, length]` and `[batch, any length]`; at least two images.
pub(crate) fn relation(student: Tensor<2>, taught: Tensor<2>) -> Tensor<1> {
    let count = student.dims()[0] as f64;
    // The diagonal is 1 in both, so it adds nothing.
    let apart = (all_pairs(student) - all_pairs(taught)).powi_scalar(2).sum();
    apart.div_scalar(count * (count - 1.0))
}

/// Cosines of all pairs, `[batch, batch]`.
fn all_pairs(unit: Tensor<2>) -> Tensor<2> {
    unit.clone().matmul(unit.transpose())
}
