//! The reference tier: plain Rust, weights read in place, sums in the order of the channels.
//!
//! Sums wrap modulo 2^32. Parsing refuses a model with a layer whose worst case leaves `i32`, so in
//! the engine no sum ever wraps; for any other numbers the result is still the same on every target
//! and in every order of summation.

use super::{BLOCK, Epilogue, Primitives, Strip, Sums, Weights, elementwise};

/// Any processor runs this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar;

impl Primitives for Scalar {
    /// 1 KiB: a weight that is read from flash serves four pixels.
    type Buffer = [Sums; 4];
    const BUFFER: Self::Buffer = [Sums::ZERO; 4];

    type Panel<'w> = Weights<'w>;

    fn panel<'w>(self) -> Weights<'w> {
        Weights::NONE
    }

    fn pack<'w>(self, weights: Weights<'w>, panel: &mut Weights<'w>) {
        *panel = weights;
    }

    fn multiply(
        self,
        panel: &mut Weights<'_>,
        strips: &[Strip<'_>],
        len: usize,
        sums: &mut [Sums],
    ) {
        panel.start(0, sums);
        for (channel, row) in panel.rows().take(panel.channels).enumerate() {
            for (pixel, sums) in sums.iter_mut().enumerate() {
                let Some(sum) = sums.0.get_mut(channel) else {
                    return;
                };
                let mut row = row;
                for strip in strips {
                    let weights = row.split_off(..len).unwrap_or_default();
                    *sum = sum.wrapping_add(dot(strip.of(pixel, len), weights));
                }
            }
        }
    }

    type Taps<'w> = Weights<'w>;

    fn taps<'w>(self) -> Weights<'w> {
        Weights::NONE
    }

    fn pack_taps<'w>(self, weights: Weights<'w>, taps: &mut Weights<'w>) {
        *taps = weights;
    }

    fn multiply_taps(self, taps: &Weights<'_>, strips: &[Strip<'_>], sums: &mut [Sums]) {
        multiply_taps(0, taps, strips, sums);
    }

    fn requantize(self, sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
        requantize(0, sums, epilogue, output);
    }

    fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        dot(a, b)
    }
}

#[inline(always)]
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).fold(0_i32, |sum, (&a, &b)| sum.wrapping_add(i32::from(a) * i32::from(b)))
}

#[inline(always)]
fn multiply_accumulate(sums: &mut [i32], input: &[i8], weights: &[i8]) {
    for ((sum, &input), &weight) in sums.iter_mut().zip(input).zip(weights) {
        *sum = sum.wrapping_add(i32::from(input) * i32::from(weight));
    }
}

/// Filters the channels from `first` on.
pub(super) fn multiply_taps(
    first: usize,
    taps: &Weights<'_>,
    strips: &[Strip<'_>],
    sums: &mut [Sums],
) {
    taps.start(first, sums);
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let sums = sums.0.get_mut(first..taps.channels).unwrap_or_default();
        for (strip, weights) in strips.iter().zip(taps.rows().take(taps.depth)) {
            let input = strip.of(pixel, BLOCK).get(first..).unwrap_or_default();
            multiply_accumulate(sums, input, weights.get(first..).unwrap_or_default());
        }
    }
}

/// Rounds the channels from `first` on.
pub(super) fn requantize(first: usize, sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let Epilogue { zero_point, residual, step, .. } = *epilogue;
    let positive = epilogue.positive.get(first..).unwrap_or_default();
    let negative = epilogue.negative.get(first..).unwrap_or_default();
    for (pixel, sums) in sums.iter().enumerate() {
        let at = pixel * step + first;
        let sums = sums.0.get(first..).unwrap_or_default();
        let output = output.get_mut(at..).unwrap_or_default();
        match residual.map(|residual| residual.skip(at)) {
            None => elementwise::requantize(sums, positive, negative, zero_point, output),
            Some(residual) => elementwise::requantize_with_residual(
                sums, positive, negative, residual, zero_point, output,
            ),
        }
    }
}
