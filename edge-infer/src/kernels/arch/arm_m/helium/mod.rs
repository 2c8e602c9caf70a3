//! `vmladava`: sixteen products of bytes added to a sum in a general register, on Armv8.1-M with
//! Helium.
//!
//! Inputs and weights are read where they lie. Two pixels by two channels share their loads; the
//! tail of a row is predicated:
//!
//! ```text
//! 16 inputs of p, of p + 1   x   16 weights of c, of c + 1      four `vldrb`, four `vmladava`: 64 products
//! ```

mod requantize;
mod taps;

use core::arch::asm;

use super::piece::{Piece, SHORT};
use super::{DEPTH, Epilogue, Primitives, Strip, Sums, Weights, of_pair, row_pairs};

/// Helium with floating point: Cortex-M52, M55, M85.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Helium;

/// Pixels whose sums are held at a time, and with them the copies of their inputs: 2.5 KiB of
/// stack.
const PIXELS: usize = 8;

impl Primitives for Helium {
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
        panel.start(0, sums);
        let mut copies = [[0; SHORT]; PIXELS];
        for (sums, first) in sums.chunks_mut(PIXELS).zip((0..).step_by(PIXELS)) {
            let mut rest = *panel;
            for piece in Piece::all::<DEPTH>(strips, len) {
                let mut rows = [&[][..]; PIXELS];
                for ((row, copy), pixel) in rows.iter_mut().zip(&mut copies).zip(first..) {
                    *row = piece.row(pixel, copy);
                }
                let depth = piece.depth();
                multiply_rows(&Weights { depth, ..rest }, &rows, sums);
                rest = rest.skip(depth);
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
        taps::multiply_taps(taps, strips, sums);
    }

    fn requantize(self, sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
        requantize::requantize(sums, epilogue, output);
    }

    fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        dot(a, b)
    }
}

/// Adds the products of each pixel's inputs with the weights of each channel to the sums.
fn multiply_rows(weights: &Weights<'_>, inputs: &[&[i8]; PIXELS], sums: &mut [Sums]) {
    let shortest = |len: usize, row: &&[i8]| len.min(row.len());
    let len = inputs.iter().take(sums.len()).fold(weights.depth, shortest);
    for (pair, [first, second]) in row_pairs(weights).enumerate() {
        let len = len.min(first.len()).min(second.len());
        let (twos, single) = sums.as_chunks_mut::<2>();
        for ([a, b], [x, y]) in twos.iter_mut().zip(inputs.as_chunks().0) {
            // SAFETY: no row is shorter than `len`.
            unsafe {
                multiply_pairs([x, y], [first, second], len, [a, b].map(|sums| of_pair(sums, pair)))
            }
        }
        if let ([only], Some(row)) = (single, inputs.get(2 * twos.len())) {
            // SAFETY: no row is shorter than `len`.
            unsafe {
                multiply_pairs([row, row], [first, second], len, [of_pair(only, pair), &mut [0; 2]])
            }
        }
    }
}

/// Adds the products of two pixels with two channels to their sums.
///
/// # Safety
/// All four rows are at least `len` long.
#[inline(always)]
unsafe fn multiply_pairs(
    [x, y]: [&[i8]; 2],
    [v, w]: [&[i8]; 2],
    len: usize,
    [first, second]: [&mut [i32; 2]; 2],
) {
    // SAFETY: the loop reads the rows' first `len` bytes: the last turn's loads leave out what is
    // behind. Of the sums it reads and writes the two that there are. A sum's register must be an
    // even one.
    unsafe {
        asm!(
            "ldrd r0, r2, [{first}]",
            "ldrd r4, r8, [{second}]",
            "wlstp.8 lr, {len}, 3f",
            "2:",
            "vldrb.s8 q0, [{x}], #16",
            "vldrb.s8 q1, [{v}], #16",
            "vmladava.s8 r0, q0, q1",
            "vldrb.s8 q2, [{w}], #16",
            "vmladava.s8 r2, q0, q2",
            "vldrb.s8 q3, [{y}], #16",
            "vmladava.s8 r4, q3, q1",
            "vmladava.s8 r8, q3, q2",
            "letp lr, 2b",
            "3:",
            "strd r0, r2, [{first}]",
            "strd r4, r8, [{second}]",
            first = in(reg) first.as_mut_ptr(),
            second = in(reg) second.as_mut_ptr(),
            len = in(reg) len,
            x = inout(reg) x.as_ptr() => _,
            y = inout(reg) y.as_ptr() => _,
            v = inout(reg) v.as_ptr() => _,
            w = inout(reg) w.as_ptr() => _,
            out("r0") _, out("r2") _, out("r4") _, out("r8") _, out("lr") _,
            out("q0") _, out("q1") _, out("q2") _, out("q3") _,
            options(nostack),
        );
    }
}

fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let mut sum = 0;
    // SAFETY: the loop reads the first `len` bytes of both: the last turn's loads leave out what is
    // behind. A sum's register must be an even one.
    unsafe {
        asm!(
            "wlstp.8 lr, {len}, 3f",
            "2:",
            "vldrb.s8 q0, [{a}], #16",
            "vldrb.s8 q1, [{b}], #16",
            "vmladava.s8 r0, q0, q1",
            "letp lr, 2b",
            "3:",
            len = in(reg) len,
            a = inout(reg) a.as_ptr() => _,
            b = inout(reg) b.as_ptr() => _,
            inout("r0") sum,
            out("lr") _,
            out("q0") _, out("q1") _,
            options(pure, readonly, nostack),
        );
    }
    sum
}
