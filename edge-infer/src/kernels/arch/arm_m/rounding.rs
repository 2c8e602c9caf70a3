//! When rounding by the processor's own instruction gives what the contract says.

use super::Epilogue;

/// Whether multipliers, output and residual, if there is one, hold these channels of all pixels,
/// and every product is a finite number: of NaN the instruction makes 0. It is where multipliers
/// are less than 2 in magnitude, as those of trained networks are; the second highest bit tells.
pub(super) fn is_plain(
    channels: usize,
    pixels: usize,
    epilogue: &Epilogue<'_>,
    output: &[i8],
) -> bool {
    let Epilogue { positive, negative, residual, step, .. } = *epilogue;
    let end = pixels.saturating_sub(1).saturating_mul(step).saturating_add(channels);
    let room = residual.map_or(output.len(), |residual| residual.values.len().min(output.len()));
    let (Some(positive), Some(negative)) = (positive.get(..channels), negative.get(..channels))
    else {
        return false;
    };
    let residual = residual.map_or(0.0, |residual| residual.multiplier);
    let all = positive.iter().chain(negative).fold(residual.to_bits(), |all, m| all | m.to_bits());
    room >= end && all & (1 << 30) == 0
}
