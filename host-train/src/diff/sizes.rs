//! By what factor each channel of an int8 tensor is larger than the float network's.
//!
//! The quantizer enlarges channels (`quantize::equalise`): a layer makes channel `c` larger by `f[c] >= 1`, and the one layer
//! that reads the tensor has its weights of that channel divided by as much. A file does not say by how much. There are two
//! witnesses: what the maker makes, beside the float tensor (a fit, see `int8`), and the reader's weights, here. They agree
//! unless one of the two layers is broken. Of the two, the likelier is that whose least factor is 1, for equalisation
//! leaves the channel that is largest already as it is.

use super::layers::Layer;

/// By tensor, by channel.
pub(super) type Sizes = Vec<Vec<f64>>;

/// No channel is enlarged.
pub(super) fn ones(layers: &[Layer]) -> Sizes {
    let of = |layer: &Layer| vec![1.0; layer.shape.channels];
    core::iter::once(vec![1.0; 3]).chain(layers.iter().map(of)).collect()
}

/// The linear layer that alone reads a tensor that a convolution makes: only there can channels have other sizes.
pub(super) fn reader(layers: &[Layer], tensor: usize) -> Option<usize> {
    let maker = layers.get(tensor.checked_sub(1)?)?;
    let mut readers = layers.iter().enumerate().filter(|(_, layer)| layer.reads.contains(&tensor));
    let (at, reader) = readers.next().filter(|_| readers.next().is_none())?;
    let convolves = matches!(maker.op, "conv2d" | "depthwise_conv2d") && maker.reads.len() == 1;
    let alone = reader.filters.is_some() && reader.reads[0] == tensor;
    let once = reader.reads.iter().filter(|read| **read == tensor).count() == 1;
    (convolves && alone && once).then_some(at)
}

/// The sizes that readers undo: from the last layer back, for each channel the factor `f` with which the subject's weights
/// `s` come nearest to the reference's `r`, given that the reader's own outputs are larger by `g`:
///
/// `f[c] = argmin sum over o (f[c] s[o][c] - g[o] r[o][c])^2`
pub(super) fn undone(reference: &[Layer], subject: &[Layer]) -> Sizes {
    let mut sizes = ones(subject);
    for (at, (reference, layer)) in reference.iter().zip(subject).enumerate().rev() {
        let tensor = layer.reads[0];
        let (Some(r), Some(s)) = (&reference.filters, &layer.filters) else { continue };
        if reader(subject, tensor) != Some(at) || r.weight.len() != s.weight.len() {
            continue;
        }
        let mut sums = vec![(0.0, 0.0); sizes[tensor].len()];
        for (i, (r, weight)) in r.weight.iter().zip(&s.weight).enumerate() {
            let row = i / s.depth();
            let (product, square) = &mut sums[s.channel(row, i % s.depth())];
            *product += weight * sizes[at + 1][row] * r;
            *square += weight * weight;
        }
        sizes[tensor] =
            sums.into_iter().map(|(product, square)| factor(product / square)).collect();
    }
    sizes
}

/// A factor that a channel can have; 1 where nothing sensible came out.
pub(super) fn factor(fitted: f64) -> f64 {
    if fitted.is_finite() && fitted > 0.0 { fitted } else { 1.0 }
}

/// How far the least factor is from 1, as a logarithm.
pub(super) fn strangeness(sizes: &[f64]) -> f64 {
    sizes.iter().copied().fold(f64::INFINITY, f64::min).ln().abs()
}
