//! Values kept between two limits. No gradient passes where a limit holds; what is no number stays none.
//!
//! ```text
//! y = low where x < low, high where x > high, else x        dx = dy where y = x, else 0
//! ```

use crate::cpu::buffers::take;
use crate::cpu::lanes::vectorized;
use rayon::prelude::*;

/// Values of a thread's share.
const AT_ONCE: usize = 1 << 16;

pub(super) fn forward(x: &[f32], limits: [f32; 2]) -> Vec<f32> {
    let mut y = take(x.len());
    y.par_chunks_mut(AT_ONCE).zip(x.par_chunks(AT_ONCE)).for_each(|(y, x)| clip(x, y, limits));
    y
}

/// The gradient by `x` from `dy`.
pub(super) fn backward(x: &[f32], dy: &[f32], limits: [f32; 2]) -> Vec<f32> {
    let mut dx = take(x.len());
    dx.par_chunks_mut(AT_ONCE)
        .zip(x.par_chunks(AT_ONCE))
        .zip(dy.par_chunks(AT_ONCE))
        .for_each(|((dx, x), dy)| pass(x, dy, dx, limits));
    dx
}

vectorized! {
    fn clip<'a>(simd; x: &'a [f32], y: &'a mut [f32], limits: [f32; 2]) {
        let [low, high] = limits;
        for (y, &x) in y.iter_mut().zip(x) {
            let raised = if x < low { low } else { x };
            *y = if raised > high { high } else { raised };
        }
    }
}

vectorized! {
    fn pass<'a>(simd; x: &'a [f32], dy: &'a [f32], dx: &'a mut [f32], limits: [f32; 2]) {
        let [low, high] = limits;
        for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
            let above = if x < low { 0.0 } else { dy };
            *dx = if x > high { 0.0 } else { above };
        }
    }
}
