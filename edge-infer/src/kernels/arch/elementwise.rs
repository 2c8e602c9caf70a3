//! Row operations in plain Rust that every tier shares, and the rounding that defines them all.
//!
//! Laid out so that the compiler vectorises their inner loops, for the instructions of the tier that they are inlined into
//! ([`compiled`](super::Primitives::compiled)). Slices of one call are walked in step and the shortest one ends the walk.

use crate::kernels::Addend;

/// 1.5 * 2^23. At this magnitude neighbouring `f32` values are 1 apart, so an addition rounds to an
/// integer, ties to even, by the processor's own IEEE rounding.
pub(super) const ROUNDING_SHIFT: f32 = 12_582_912.0;

/// Products are limited to this magnitude before rounding. Far outside int8, so the clamped result
/// cannot change; far inside 2^22, where [`ROUNDING_SHIFT`] is exact.
const ROUNDING_LIMIT: f32 = 4096.0;

/// `clamp(round_ties_even(value) + zero_point, -128, 127)`.
///
/// The integer is read from the low mantissa bits of `value + ROUNDING_SHIFT`, which costs no
/// conversion. Infinities saturate. NaN, which no checked model produces, gives what minus infinity
/// gives, so that even then every target agrees.
#[inline(always)]
pub(crate) fn round_to_i8(value: f32, zero_point: i8) -> i8 {
    // Written as comparisons, not `clamp`: NaN fails the first one and takes the limit, and each is
    // one instruction.
    let value = if value > -ROUNDING_LIMIT { value } else { -ROUNDING_LIMIT };
    let value = if value < ROUNDING_LIMIT { value } else { ROUNDING_LIMIT };
    let rounded = (value + ROUNDING_SHIFT).to_bits().wrapping_sub(ROUNDING_SHIFT.to_bits()) as i32;
    (rounded + i32::from(zero_point)).clamp(-128, 127) as i8
}

/// Adds `input[c]` to `accumulators[c]`.
#[inline(always)]
pub(crate) fn accumulate(accumulators: &mut [i32], input: &[i8]) {
    for (accumulator, &input) in accumulators.iter_mut().zip(input) {
        *accumulator = accumulator.wrapping_add(i32::from(input));
    }
}

/// Raises `largest[c]` to `input[c]` where that is larger.
#[inline(always)]
pub(crate) fn maximum(largest: &mut [i8], input: &[i8]) {
    // Rows are short: sixteen numbers by value are a vector, whatever the compiler would make of a longer loop.
    let (largest, last) = largest.as_chunks_mut::<16>();
    let (input, last_input) = input.as_chunks::<16>();
    for (largest, &input) in largest.iter_mut().zip(input) {
        let mut sixteen = *largest;
        for (largest, input) in sixteen.iter_mut().zip(input) {
            *largest = (*largest).max(input);
        }
        *largest = sixteen;
    }
    let last_input = input.get(largest.len()).map_or(last_input, |input| input.as_slice());
    for (largest, &input) in last.iter_mut().zip(last_input) {
        *largest = (*largest).max(input);
    }
}

/// Rounds a row of sums to int8: `round_to_i8(f32(sum) * m)` with `m` chosen by the sum's sign.
#[inline(always)]
pub(crate) fn requantize(
    sums: &[i32],
    positive: &[f32],
    negative: &[f32],
    zero_point: i8,
    output: &mut [i8],
) {
    for (((output, &sum), &positive), &negative) in
        output.iter_mut().zip(sums).zip(positive).zip(negative)
    {
        *output = round_to_i8(scale(sum, positive, negative), zero_point);
    }
}

/// As [`requantize`], with the residual's `f32(value - zero_point) * multiplier` added before
/// rounding.
#[inline(always)]
pub(crate) fn requantize_with_residual(
    sums: &[i32],
    positive: &[f32],
    negative: &[f32],
    residual: Addend<'_>,
    zero_point: i8,
    output: &mut [i8],
) {
    for ((((output, &sum), &positive), &negative), &value) in
        output.iter_mut().zip(sums).zip(positive).zip(negative).zip(residual.values)
    {
        *output = round_to_i8(scale(sum, positive, negative) + addend(value, residual), zero_point);
    }
}

/// Adds two rows of int8 values; a negative sum is multiplied by its channel's slope; then rounds.
#[inline(always)]
pub(crate) fn add(a: Addend<'_>, b: Addend<'_>, slopes: &[f32], zero_point: i8, output: &mut [i8]) {
    for (((output, &left), &right), &slope) in
        output.iter_mut().zip(a.values).zip(b.values).zip(slopes)
    {
        let sum = addend(left, a) + addend(right, b);
        *output = round_to_i8(if sum < 0.0 { sum * slope } else { sum }, zero_point);
    }
}

/// Multiplies a row of int8 values, each less its zero point, by a factor of its own; then rounds.
#[inline(always)]
pub(crate) fn scale_row(
    input: &[i8],
    input_zero_point: i8,
    factors: &[f32],
    zero_point: i8,
    output: &mut [i8],
) {
    for ((output, &value), &factor) in output.iter_mut().zip(input).zip(factors) {
        let distance = i32::from(value) - i32::from(input_zero_point);
        *output = round_to_i8(distance as f32 * factor, zero_point);
    }
}

#[inline(always)]
fn scale(sum: i32, positive: f32, negative: f32) -> f32 {
    sum as f32 * if sum < 0 { negative } else { positive }
}

#[inline(always)]
fn addend(value: i8, tensor: Addend<'_>) -> f32 {
    (i32::from(value) - i32::from(tensor.zero_point)) as f32 * tensor.multiplier
}
