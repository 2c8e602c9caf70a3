//! Vectors from slices and back, and what a block's sums start from.

use core::arch::{aarch64::*, asm};

use super::super::{BLOCK, Sums, Weights};
use super::BYTES;

/// Sums, or other numbers of 32 bits, of sixteen channels.
pub(super) type Numbers = [int32x4_t; 4];

/// What a block's sums start from.
pub(super) struct Start {
    bias: Sums,
    /// Whether sums are there already.
    pub(super) continues: bool,
    /// Sixteens of channels.
    pub(super) parts: usize,
}

impl Start {
    pub(super) const ZERO: Self = Self { bias: Sums::ZERO, continues: false, parts: 0 };

    pub(super) fn of(weights: &Weights<'_>) -> Self {
        let parts = weights.channels.min(BLOCK).div_ceil(BYTES);
        let mut start = Self { parts, continues: weights.bias.is_none(), ..Self::ZERO };
        copy(weights.bias.unwrap_or_default(), &mut start.bias.0);
        start
    }

    /// The bias of each sixteen channels; zeros where sums are there already.
    #[inline(always)]
    pub(super) fn bias(&self) -> &[[i32; BYTES]] {
        self.bias.0.as_chunks().0
    }

    /// What the products of a pixel are added to.
    #[inline(always)]
    pub(super) fn before<'s>(&'s self, there: &'s Sums) -> &'s Sums {
        if self.continues { there } else { &self.bias }
    }
}

/// The sums of the sixteen channels `part` of a pixel.
#[inline(always)]
pub(super) fn part(sums: &Sums, part: usize) -> &[i32; BYTES] {
    let parts = sums.0.as_chunks().0;
    // SAFETY: a block has four parts, and no remainder is ever 4.
    unsafe { parts.get_unchecked(part % (BLOCK / BYTES)) }
}

/// As [`part`], to be written.
#[inline(always)]
pub(super) fn part_mut(sums: &mut Sums, part: usize) -> &mut [i32; BYTES] {
    let parts = sums.0.as_chunks_mut().0;
    // SAFETY: a block has four parts, and no remainder is ever 4.
    unsafe { parts.get_unchecked_mut(part % (BLOCK / BYTES)) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load(numbers: &[i32; BYTES]) -> Numbers {
    let mut vectors = [vdupq_n_s32(0); 4];
    for (vector, numbers) in vectors.iter_mut().zip(numbers.as_chunks::<4>().0) {
        // SAFETY: the array holds one vector.
        *vector = unsafe { vld1q_s32(numbers.as_ptr()) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store(numbers: Numbers, to: &mut [i32; BYTES]) {
    for (to, vector) in to.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
        // SAFETY: the array holds one vector.
        unsafe { vst1q_s32(to.as_mut_ptr(), vector) }
    }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn add(mut a: Numbers, b: Numbers) -> Numbers {
    for (a, b) in a.iter_mut().zip(b) {
        *a = vaddq_s32(*a, b);
    }
    a
}

/// Products of the lower halves.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn multiply_low(a: int8x16_t, b: int8x16_t) -> int16x8_t {
    vmull_s8(vget_low_s8(a), vget_low_s8(b))
}

/// Adds the products of the lower halves.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn add_low(sums: int16x8_t, a: int8x16_t, b: int8x16_t) -> int16x8_t {
    vmlal_s8(sums, vget_low_s8(a), vget_low_s8(b))
}

/// Products of the upper halves. As assembly: of the intrinsic the compiler extracts a half that does
/// not change in a loop, and then must extract the other one in every turn.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn multiply_high(a: int8x16_t, b: int8x16_t) -> int16x8_t {
    let products;
    // SAFETY: the instruction reads and writes these registers only.
    unsafe {
        asm!(
            "smull2 {products:v}.8h, {a:v}.16b, {b:v}.16b",
            products = lateout(vreg) products,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    products
}

/// Adds the products of the upper halves.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn add_high(mut sums: int16x8_t, a: int8x16_t, b: int8x16_t) -> int16x8_t {
    // SAFETY: the instruction reads and writes these registers only.
    unsafe {
        asm!(
            "smlal2 {sums:v}.8h, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_vector(bytes: &[i8; BYTES]) -> int8x16_t {
    // SAFETY: the array holds one vector.
    unsafe { vld1q_s8(bytes.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_vector(vector: int8x16_t, to: &mut [i8; BYTES]) {
    // SAFETY: the array holds one vector.
    unsafe { vst1q_s8(to.as_mut_ptr(), vector) }
}

/// The first 16 bytes, or all there are and then zeros.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_bytes(bytes: &[i8]) -> int8x16_t {
    match bytes.first_chunk() {
        Some(all) => load_vector(all),
        None => {
            let mut few = [0; BYTES];
            copy(bytes, &mut few);
            load_vector(&few)
        }
    }
}

/// Takes the first 16 bytes off a row, or all there are and then zeros.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn take(row: &mut &[i8]) -> int8x16_t {
    let vector = load_bytes(row);
    *row = row.get(BYTES..).unwrap_or_default();
    vector
}

/// Writes 16 bytes, or as many as there is room for.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_bytes(vector: int8x16_t, output: &mut [i8]) {
    match output.first_chunk_mut::<BYTES>() {
        Some(all) => store_vector(vector, all),
        None => {
            let mut bytes = [0; BYTES];
            store_vector(vector, &mut bytes);
            copy(&bytes, output);
        }
    }
}

/// As many as both hold.
#[inline(always)]
pub(super) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}
