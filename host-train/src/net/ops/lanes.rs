//! Sixteen f32 lanes, and the one place that picks the machine's vector width.
//!
//! Kernels are written over `[f32; 16]` blocks of channels (activations are NHWC, so channels are contiguous) and run
//! inside [`vectorized`], which compiles their bodies for AVX-512, AVX2 and the baseline and picks at run time.
//! Bodies must be `#[inline(always)]` functions, or they keep the baseline's instructions.

use core::array;

/// Channels handled together; every channel count of the networks is a multiple.
pub(crate) const LANES: usize = 16;

/// One block of channels.
pub(crate) type Lane = [f32; LANES];

/// All lanes zero.
pub(crate) const ZERO: Lane = [0.0; LANES];

/// Runs `body` with the widest vector instructions of this machine.
pub(crate) fn vectorized<R>(body: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(body)
}

/// A slice as blocks of channels. Lengths are multiples of [`LANES`] by the network's construction.
#[inline(always)]
pub(crate) fn lanes(values: &[f32]) -> &[Lane] {
    let (blocks, rest) = values.as_chunks::<LANES>();
    debug_assert!(rest.is_empty(), "channel count is not a multiple of 16");
    blocks
}

/// As [`lanes`], writable.
#[inline(always)]
pub(crate) fn lanes_mut(values: &mut [f32]) -> &mut [Lane] {
    let (blocks, rest) = values.as_chunks_mut::<LANES>();
    debug_assert!(rest.is_empty(), "channel count is not a multiple of 16");
    blocks
}

/// `a * b + c` a lane.
#[inline(always)]
pub(crate) fn multiply_add(a: &Lane, b: &Lane, c: &Lane) -> Lane {
    array::from_fn(|i| a[i].mul_add(b[i], c[i]))
}

/// `a + b` a lane.
#[inline(always)]
pub(crate) fn add(a: &Lane, b: &Lane) -> Lane {
    array::from_fn(|i| a[i] + b[i])
}

/// `a * b` a lane.
#[inline(always)]
pub(crate) fn multiply(a: &Lane, b: &Lane) -> Lane {
    array::from_fn(|i| a[i] * b[i])
}

/// `positive` where `sign > 0`, else `other`.
#[inline(always)]
pub(crate) fn where_positive(sign: &Lane, positive: &Lane, other: &Lane) -> Lane {
    array::from_fn(|i| if sign[i] > 0.0 { positive[i] } else { other[i] })
}
