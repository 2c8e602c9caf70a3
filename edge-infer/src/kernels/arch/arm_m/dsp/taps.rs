//! Depthwise filters: the inputs of four channels are widened tap by tap, the weights once a block.
//!
//! ```text
//! b0 b1 b2 b3   ──>   b0 │ b2,  b1 │ b3       `smlabb`, `smlatt`: one product for each channel's sum
//! ```

use core::arch::asm;

use super::super::super::{BLOCK, STRIPS, Strip, Sums, Weights, scalar};
use super::halves::{Pair, widen_few};

/// Channels that are worked on at a time.
const FOUR: usize = 4;
/// Taps of a turn of the innermost loop: what a 3x3 window has three times.
const TURN: usize = 3;
/// Taps that there is room for, in whole turns.
const TAPS: usize = STRIPS.next_multiple_of(TURN);

/// The taps of a block.
pub(crate) struct Taps<'w> {
    weights: Weights<'w>,
    /// Four channels after the other, tap by tap, and zeros behind the last tap.
    wide: [[[Pair; 2]; TAPS]; BLOCK / FOUR],
}

impl<'w> Taps<'w> {
    pub(super) const NONE: Self =
        Self { weights: Weights::NONE, wide: [[[0; 2]; TAPS]; BLOCK / FOUR] };

    /// Replaces the content.
    pub(super) fn pack(&mut self, weights: Weights<'w>) {
        self.weights = weights;
        for (four, first) in self.wide.iter_mut().zip((0..).step_by(FOUR)) {
            let mut rows = weights.rows().take(weights.depth);
            for to in four {
                let row = rows.next().unwrap_or_default();
                *to = widen_few(row.get(first..).unwrap_or_default());
            }
        }
    }
}

pub(super) fn multiply_taps(taps: &Taps<'_>, strips: &[Strip<'_>], sums: &mut [Sums]) {
    let Taps { weights, wide } = taps;
    let strips = strips.get(..STRIPS).unwrap_or(strips);
    let fours = wide.get(..weights.channels / FOUR).unwrap_or(wide);
    let last = sums.len().saturating_sub(1);
    let end = |step| last.saturating_mul(step).saturating_add(fours.len() * FOUR);
    let whole = |strip: &Strip<'_>| strip.values.len() >= end(strip.step);
    let enough = weights.bias.is_none_or(|bias| bias.len() >= fours.len() * FOUR);
    let done = if enough && strips.iter().all(whole) && !strips.is_empty() {
        // SAFETY: all strips hold the fours of all pixels, and the bias, if there is one, holds
        // them too.
        unsafe {
            match (strips.len(), weights.bias) {
                (0..=3, Some(bias)) => filter::<1, 1>(fours, bias, strips, sums),
                (0..=3, None) => filter::<1, 0>(fours, &[], strips, sums),
                (4..=9, Some(bias)) => filter::<3, 1>(fours, bias, strips, sums),
                (4..=9, None) => filter::<3, 0>(fours, &[], strips, sums),
                (_, Some(bias)) => filter::<6, 1>(fours, bias, strips, sums),
                (_, None) => filter::<6, 0>(fours, &[], strips, sums),
            }
        }
        fours.len() * FOUR
    } else {
        0
    };
    if done < weights.channels {
        scalar::multiply_taps(done, weights, strips, sums);
    }
}

/// Tap `tap` of turn `turn`.
macro_rules! tap {
    ($turn:literal, $tap:literal) => {
        concat!(
            "ldr {even}, [{from}, #12 * ",
            $turn,
            " + 4 * ",
            $tap,
            "]\n",
            "ldrd {v}, {w}, [{weights}, #24 * ",
            $turn,
            " + 8 * ",
            $tap,
            "]\n",
            "ldr {odd}, [{even}, {first}]\n",
            "sxtb16 {even}, {odd}\n",
            "sxtb16 {odd}, {odd}, ror #8\n",
            "smlabb {a}, {even}, {v}, {a}\n",
            "smlabb {b}, {odd}, {w}, {b}\n",
            "smlatt {c}, {even}, {v}, {c}\n",
            "smlatt {d}, {odd}, {w}, {d}\n",
        )
    };
}

/// Three taps of four channels.
macro_rules! turn {
    ($turn:literal) => {
        concat!(tap!($turn, 0), tap!($turn, 1), tap!($turn, 2))
    };
}

/// Filters four channels after the other by the taps of so many turns: of the bias, if `START` is
/// 1, or of the sums.
///
/// # Safety
/// There are strips, at most the taps of so many turns. Each holds the fours of every pixel, and so
/// does the bias, if `START` is 1.
#[inline(never)]
unsafe fn filter<const TURNS: usize, const START: u8>(
    fours: &[[[Pair; 2]; TAPS]],
    bias: &[i32],
    strips: &[Strip<'_>],
    sums: &mut [Sums],
) {
    // The weights of missing taps are zero: any strip will do.
    let mut from = [strips.first().map_or(core::ptr::null(), |any| any.values.as_ptr()); TAPS];
    for (from, strip) in from.iter_mut().zip(strips) {
        *from = strip.values.as_ptr();
    }
    for sums in sums {
        let sums = sums.0.as_chunks_mut::<FOUR>().0;
        for (four, (weights, sums)) in fours.iter().zip(sums).enumerate() {
            let first = four * FOUR;
            // SAFETY: the caller has bias and strips hold these four channels, and the pointers are
            // at this pixel; there are pointers and weights of so many taps.
            unsafe {
                asm!(
                    ".if {start}",
                    "ldrd {c}, {d}, [{a}, #8]",
                    "ldrd {a}, {b}, [{a}]",
                    ".else",
                    "ldrd {a}, {b}, [{sums}]",
                    "ldrd {c}, {d}, [{sums}, #8]",
                    ".endif",
                    turn!(0),
                    ".if {turns} > 1",
                    turn!(1),
                    turn!(2),
                    ".endif",
                    ".if {turns} > 3",
                    turn!(3),
                    turn!(4),
                    turn!(5),
                    ".endif",
                    "strd {a}, {b}, [{sums}]",
                    "strd {c}, {d}, [{sums}, #8]",
                    start = const START,
                    turns = const TURNS,
                    from = in(reg) from.as_ptr(),
                    weights = in(reg) weights.as_ptr(),
                    first = in(reg) first,
                    sums = in(reg) sums.as_mut_ptr(),
                    a = inout(reg) bias.as_ptr().wrapping_add(first) => _,
                    b = out(reg) _,
                    c = out(reg) _,
                    d = out(reg) _,
                    v = out(reg) _,
                    w = out(reg) _,
                    even = out(reg) _,
                    odd = out(reg) _,
                    options(nostack),
                );
            }
        }
        for (from, strip) in from.iter_mut().zip(strips) {
            *from = from.wrapping_add(strip.step);
        }
    }
}
