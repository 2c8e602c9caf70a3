//! What the float computations on the CPU share: kept buffers, vectors of channels, matrix products.

pub(crate) mod buffers;
pub(crate) mod lanes;
pub(crate) mod matrix;
