//! Bytes widened to pairs of 16 bits, and the products of such pairs.
//!
//! ```text
//! four bytes  b0 b1 b2 b3   ──>   even pair  b0 │ b2     odd pair  b1 │ b3
//! ```
//!
//! Which inputs a pair holds does not matter to a sum of products, as long as its weights lie
//! alike.

use core::arch::asm;

/// Two signed numbers of 16 bits.
pub(super) type Pair = u32;

/// The even and the odd pair of four bytes.
#[inline(always)]
pub(super) fn widen(bytes: [i8; 4]) -> [Pair; 2] {
    let word = u32::from_le_bytes(bytes.map(i8::cast_unsigned));
    let (even, odd);
    // SAFETY: the instructions read and write these registers only.
    unsafe {
        asm!(
            "sxtb16 {even}, {word}",
            "sxtb16 {odd}, {word}, ror #8",
            word = in(reg) word,
            even = out(reg) even,
            odd = lateout(reg) odd,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [even, odd]
}

/// The pairs of up to four bytes and then zeros.
#[inline(always)]
pub(super) fn widen_few(bytes: &[i8]) -> [Pair; 2] {
    let byte = |at| bytes.get(at).copied().unwrap_or_default();
    widen([byte(0), byte(1), byte(2), byte(3)])
}

/// Adds both products of two pairs to a sum, modulo 2^32.
#[inline(always)]
fn multiply(mut sum: i32, a: Pair, b: Pair) -> i32 {
    // SAFETY: the instruction reads and writes these registers and the flags only.
    unsafe {
        asm!(
            "smlad {sum}, {a}, {b}, {sum}",
            sum = inout(reg) sum,
            a = in(reg) a,
            b = in(reg) b,
            options(pure, nomem, nostack),
        );
    }
    sum
}

/// Exact sum of `a[i] * b[i]`; the shorter slice ends it.
pub(super) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (a, a_rest) = a.get(..len).unwrap_or(a).as_chunks();
    let (b, b_rest) = b.get(..len).unwrap_or(b).as_chunks();
    let add = |sum, [a, c]: [Pair; 2], [b, d]: [Pair; 2]| multiply(multiply(sum, a, b), c, d);
    let sum = a.iter().zip(b).fold(0, |sum, (&a, &b)| add(sum, widen(a), widen(b)));
    add(sum, widen_few(a_rest), widen_few(b_rest))
}
