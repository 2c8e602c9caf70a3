//! `smlad`: two products of 16 bits added to a sum, on every Armv7E-M and on Armv8-M with DSP.
//!
//! Bytes must be widened first. A pixel's inputs are widened once a block of channels, a channel's
//! weights once a buffer of pixels. Two rows lie together, so that one load brings pairs of
//! both:
//!
//! ```text
//! pixels p, p + 1     x[p] pair │ x[p+1] pair │ next pairs ..      an `ldm` and two `ldrd` for
//! channels c, c + 1   w[c] pair │ w[c+1] pair │ next pairs ..      eight `smlad`: sixteen products
//! ```

mod halves;
#[cfg(target_abi = "eabihf")]
mod requantize;
mod taps;

use core::arch::asm;

use super::piece::{Piece, SHORT};
use super::{Epilogue, Primitives, Strip, Sums, Weights, of_pair, row_pairs};
use halves::{Pair, widen, widen_few};
use taps::{Taps, multiply_taps};

/// The DSP extension: Cortex-M4, M7, M33 and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dsp;

/// Pixels whose sums are held at a time, and with them their inputs: 4.5 KiB of stack.
const PIXELS: usize = 12;
/// Inputs of a pixel, or weights of a channel, that are widened at a time.
const DEPTH: usize = 64;
/// Inputs of a turn of the innermost loops, which divides [`DEPTH`].
const TURN: usize = 16;

/// Two rows side by side: of every two numbers a pair, of one row and of the other.
type Rows = [[Pair; 2]; DEPTH / 2];
const ROWS: Rows = [[0; 2]; DEPTH / 2];

impl Primitives for Dsp {
    type Buffer = [Sums; PIXELS];
    const BUFFER: Self::Buffer = [Sums::ZERO; PIXELS];

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
        if strips.is_empty() || len == 0 {
            panel.start(0, sums);
        }
        let mut inputs = [ROWS; PIXELS / 2];
        let mut weights = ROWS;
        let [mut a, mut b] = [[0; SHORT]; 2];
        for (sums, first) in sums.chunks_mut(PIXELS).zip((0..).step_by(PIXELS)) {
            let mut rest = *panel;
            for piece in Piece::all::<DEPTH>(strips, len) {
                let depth = piece.depth();
                let turns = depth.div_ceil(TURN);
                let pairs = (first..first + sums.len()).step_by(2);
                for (rows, pixel) in inputs.iter_mut().zip(pairs) {
                    // Behind the last pixel the same one again, whose second products go nowhere.
                    let next = (pixel + 1).min(first + sums.len() - 1);
                    widen_rows([piece.row(pixel, &mut a), piece.row(next, &mut b)], turns, rows);
                }
                multiply_rows(&Weights { depth, ..rest }, turns, &inputs, &mut weights, sums);
                rest = rest.skip(depth);
            }
        }
    }

    type Taps<'w> = Taps<'w>;

    fn taps<'w>(self) -> Taps<'w> {
        Taps::NONE
    }

    fn pack_taps<'w>(self, weights: Weights<'w>, taps: &mut Taps<'w>) {
        taps.pack(weights);
    }

    fn multiply_taps(self, taps: &Taps<'_>, strips: &[Strip<'_>], sums: &mut [Sums]) {
        multiply_taps(taps, strips, sums);
    }

    fn requantize(self, sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
        #[cfg(target_abi = "eabihf")]
        requantize::requantize(sums, epilogue, output);
        // Floating point may be functions.
        #[cfg(not(target_abi = "eabihf"))]
        super::scalar::requantize(0, sums, epilogue, output);
    }

    fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        halves::dot(a, b)
    }
}

/// Four numbers of two rows. Written out as often as it runs: the compiler must see how long the
/// code is.
macro_rules! widen_four {
    () => {
        concat!(
            "ldr {a_even}, [{a}], #4\n",
            "ldr {b_even}, [{b}], #4\n",
            "sxtb16 {a_odd}, {a_even}, ror #8\n",
            "sxtb16 {b_odd}, {b_even}, ror #8\n",
            "sxtb16 {a_even}, {a_even}\n",
            "sxtb16 {b_even}, {b_even}\n",
            "strd {a_even}, {b_even}, [{to}], #8\n",
            "strd {a_odd}, {b_odd}, [{to}], #8\n",
        )
    };
}

/// The same of a turn.
macro_rules! widen_turn {
    () => {
        concat!(widen_four!(), widen_four!(), widen_four!(), widen_four!())
    };
}

/// Widens two rows of one length, with zeros up to `turns` turns.
#[inline(always)]
fn widen_rows([a, b]: [&[i8]; 2], turns: usize, to: &mut Rows) {
    match (a.first_chunk::<DEPTH>(), b.first_chunk::<DEPTH>()) {
        (Some(a), Some(b)) => widen_whole(a, b, to),
        _ => widen_short([a, b], turns, to),
    }
}

#[inline(always)]
fn widen_whole(a: &[i8; DEPTH], b: &[i8; DEPTH], to: &mut Rows) {
    const { assert!(DEPTH == 4 * TURN) };
    // SAFETY: four turns of both rows are read, which is all of them, and as many pairs are
    // written.
    unsafe {
        asm!(
            widen_turn!(),
            widen_turn!(),
            widen_turn!(),
            widen_turn!(),
            a = inout(reg) a.as_ptr() => _,
            b = inout(reg) b.as_ptr() => _,
            to = inout(reg) to.as_mut_ptr() => _,
            a_even = out(reg) _,
            a_odd = out(reg) _,
            b_even = out(reg) _,
            b_odd = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// Widens rows that are shorter than [`DEPTH`].
#[inline(never)]
fn widen_short([a, b]: [&[i8]; 2], turns: usize, to: &mut Rows) {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    let mut fours = to.as_chunks_mut::<2>().0.iter_mut().take(turns * TURN / 4);
    let side_by_side =
        |[a_even, a_odd]: [Pair; 2], [b_even, b_odd]: [Pair; 2]| [[a_even, b_even], [a_odd, b_odd]];
    for ((&a, &b), to) in a.iter().zip(b).zip(&mut fours) {
        *to = side_by_side(widen(a), widen(b));
    }
    if let Some(to) = fours.next() {
        *to = side_by_side(widen_few(a_rest), widen_few(b_rest));
    }
    for to in fours {
        *to = [[0; 2]; 2];
    }
}

/// Adds the products of `turns` turns of each pixel's inputs with the weights of each channel,
/// which are widened into `rows`. Not inlined, as it needs all registers for itself.
#[inline(never)]
fn multiply_rows(
    weights: &Weights<'_>,
    turns: usize,
    inputs: &[Rows],
    rows: &mut Rows,
    sums: &mut [Sums],
) {
    for (pair, row_pair) in row_pairs(weights).enumerate() {
        widen_rows(row_pair, turns, rows);
        match weights.bias.map(|bias| bias.get(2 * pair..).unwrap_or_default()) {
            None => multiply_pixels::<0>(inputs, rows, turns, &[0; 2], pair, sums),
            Some(&[a, b, ..]) => multiply_pixels::<1>(inputs, rows, turns, &[a, b], pair, sums),
            Some(rest) => {
                let bias = [rest.first().copied().unwrap_or_default(), 0];
                multiply_pixels::<1>(inputs, rows, turns, &bias, pair, sums);
            }
        }
    }
}

/// The products of every pixel's inputs with the weights of two channels, added to the bias, if
/// `START` is 1, or to the sums.
#[inline(never)]
fn multiply_pixels<const START: u8>(
    inputs: &[Rows],
    weights: &Rows,
    turns: usize,
    bias: &[i32; 2],
    pair: usize,
    sums: &mut [Sums],
) {
    let (twos, single) = sums.as_chunks_mut::<2>();
    let mut inputs = inputs.iter();
    for ([first, second], inputs) in twos.iter_mut().zip(&mut inputs) {
        let sums = [of_pair(first, pair), of_pair(second, pair)];
        if turns == DEPTH / TURN {
            multiply_pairs::<{ DEPTH / 2 }, START>(inputs, weights, bias, sums);
        } else {
            multiply_turns::<START>(inputs, weights, turns, bias, sums);
        }
    }
    if let ([only], Some(inputs)) = (single, inputs.next()) {
        let sums = [of_pair(only, pair), &mut [0; 2]];
        multiply_turns::<START>(inputs, weights, turns, bias, sums);
    }
}

/// Turn after turn, for pieces that are shorter than others.
#[inline(never)]
fn multiply_turns<const START: u8>(
    inputs: &Rows,
    weights: &Rows,
    turns: usize,
    bias: &[i32; 2],
    [first, second]: [&mut [i32; 2]; 2],
) {
    let (inputs, weights) = (inputs.as_chunks().0, weights.as_chunks().0);
    let mut turns = inputs.iter().zip(weights).take(turns);
    if let Some((inputs, weights)) = turns.next() {
        multiply_pairs::<{ TURN / 2 }, START>(inputs, weights, bias, [first, second]);
    }
    for (inputs, weights) in turns {
        multiply_pairs::<{ TURN / 2 }, 0>(inputs, weights, bias, [first, second]);
    }
}

/// Of two pixels and two channels the products of pairs `2 * two` and the next one of turn `turn`.
macro_rules! multiply_two {
    ($turn:literal, $two:literal) => {
        concat!(
            "ldrd {v}, {w}, [{weights}, #64 * ",
            $turn,
            " + 16 * ",
            $two,
            "]\n",
            "ldm {inputs}!, {{r0, r1, r2, r3}}\n",
            "smlad {a}, r0, {v}, {a}\n",
            "smlad {b}, r0, {w}, {b}\n",
            "smlad {c}, r1, {v}, {c}\n",
            "smlad {d}, r1, {w}, {d}\n",
            "ldrd {v}, {w}, [{weights}, #64 * ",
            $turn,
            " + 16 * ",
            $two,
            " + 8]\n",
            "smlad {a}, r2, {v}, {a}\n",
            "smlad {b}, r2, {w}, {b}\n",
            "smlad {c}, r3, {v}, {c}\n",
            "smlad {d}, r3, {w}, {d}\n",
        )
    };
}

/// The same of a whole turn.
macro_rules! multiply_turn {
    ($turn:literal) => {
        concat!(
            multiply_two!($turn, 0),
            multiply_two!($turn, 1),
            multiply_two!($turn, 2),
            multiply_two!($turn, 3),
        )
    };
}

/// The products of all pairs of two pixels and two channels, added to the bias, if `START` is 1, or
/// to the sums. The pairs are those of one turn or of all.
#[inline(always)]
fn multiply_pairs<const PAIRS: usize, const START: u8>(
    inputs: &[[Pair; 2]; PAIRS],
    weights: &[[Pair; 2]; PAIRS],
    bias: &[i32; 2],
    [first, second]: [&mut [i32; 2]; 2],
) {
    const { assert!(PAIRS == TURN / 2 || PAIRS == DEPTH / 2 && DEPTH == 4 * TURN) };
    // SAFETY: of the rows so many pairs are read, and of bias and sums the two that there are. The
    // registers with the addresses of the sums are needed meanwhile: the stack keeps them, and is
    // as before at the end.
    unsafe {
        asm!(
            ".if {start}",
            "ldrd {c}, {d}, [{a}]",
            "ldrd {a}, {b}, [{a}]",
            ".else",
            "ldrd {a}, {b}, [r0]",
            "ldrd {c}, {d}, [r1]",
            ".endif",
            "push {{r0, r1}}",
            multiply_turn!(0),
            ".if {pairs} > 8",
            multiply_turn!(1),
            multiply_turn!(2),
            multiply_turn!(3),
            ".endif",
            "pop {{r0, r1}}",
            "strd {a}, {b}, [r0]",
            "strd {c}, {d}, [r1]",
            start = const START,
            pairs = const PAIRS,
            inputs = inout(reg) inputs.as_ptr() => _,
            weights = in(reg) weights.as_ptr(),
            inout("r0") first.as_mut_ptr() => _,
            inout("r1") second.as_mut_ptr() => _,
            a = inout(reg) bias.as_ptr() => _,
            b = out(reg) _,
            c = out(reg) _,
            d = out(reg) _,
            v = out(reg) _,
            w = out(reg) _,
            out("r2") _,
            out("r3") _,
        );
    }
}
