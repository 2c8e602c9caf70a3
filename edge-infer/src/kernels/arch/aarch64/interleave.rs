//! Vectors of four rows, stored in one instruction: one after the other, or in turn their bytes, words or halves.
//!
//! ```text
//! rows           a │ b │ c │ d      sixteen bytes of each
//! in_order       a a a .. │ b b b .. │ c c c .. │ d d d ..
//! by_bytes       a b c d a b c d ..                            st4 of 8, 32 or 64 bits
//! by_words       aaaa bbbb cccc dddd aaaa ..
//! by_halves      aaaaaaaa bbbbbbbb cccccccc dddddddd aaaaaaaa ..
//! ```

use core::arch::asm;

use super::BYTES;

/// Four vectors.
pub(super) type Four = [[i8; BYTES]; 4];

/// Writes as often as told, at each step of the rows and of the memory.
///
/// # Safety
/// The rows have a vector at each step, and the memory has room for four.
pub(super) type Interleave =
    unsafe fn(rows: ([*const i8; 4], [usize; 4]), to: (*mut Four, usize), count: usize);

macro_rules! interleave {
    ($name:ident, $store:literal, $lanes:literal) => {
        #[doc = concat!("By `", $store, "` of `", $lanes, "`.")]
        ///
        /// # Safety
        /// As [`Interleave`].
        #[target_feature(enable = "neon")]
        pub(super) unsafe fn $name(
            ([a, b, c, d], [i, j, k, l]): ([*const i8; 4], [usize; 4]),
            (to, step): (*mut Four, usize),
            count: usize,
        ) {
            // SAFETY: the loop reads a vector of each row and writes four, as often as the caller has seen to.
            unsafe {
                asm!(
                    "cbz {count}, 3f",
                    "2:",
                    "ld1 {{v0.16b}}, [{a}], {i}",
                    "ld1 {{v1.16b}}, [{b}], {j}",
                    "ld1 {{v2.16b}}, [{c}], {k}",
                    "ld1 {{v3.16b}}, [{d}], {l}",
                    "sub {count}, {count}, #1",
                    concat!(
                        $store, " {{v0", $lanes, ", v1", $lanes, ", v2", $lanes, ", v3", $lanes,
                        "}}, [{to}], {step}"
                    ),
                    "cbnz {count}, 2b",
                    "3:",
                    a = inout(reg) a => _, b = inout(reg) b => _,
                    c = inout(reg) c => _, d = inout(reg) d => _,
                    i = in(reg) i, j = in(reg) j, k = in(reg) k, l = in(reg) l,
                    to = inout(reg) to => _,
                    step = in(reg) step,
                    count = inout(reg) count => _,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

interleave!(in_order, "st1", ".16b");
interleave!(by_bytes, "st4", ".16b");
interleave!(by_words, "st4", ".4s");
interleave!(by_halves, "st4", ".2d");
