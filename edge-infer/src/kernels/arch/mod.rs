//! Primitives over rows of numbers: the only layer that a processor's vector instructions replace.
//!
//! A tier is one set of instructions and implements [`Primitives`]; the kernels above are written
//! once, over that trait. A primitive sees slices and a few numbers: no layer, no geometry, no
//! model. The scalar tier is always built and is the reference: every other one equals it bit for
//! bit, on any numbers, weights of -128 excepted: no model has them. That is possible because integer
//! sums are exact in any order and every `f32` operation rounds by itself.
//!
//! | tier | dense product | depthwise | requantize | dot, and how many rows at a time |
//! |---|---|---|---|---|
//! | `scalar` | weights in place | weights in place | `elementwise` | one by one |
//! | `neon` | `smull`, `smlal2`, `sadalp`, 4 pixels x 4 channels | `smull`, `smlal`, 2 taps | 16 channels | `smull`, `sadalp`, 8 |
//! | `dotprod` | `sdot`, 4 pixels x 16 channels | 3x3: `sdot`, 3 taps | as `neon` | `sdot`, 8 |
//! | `i8mm` | `smmla`, 4 pixels x 16 channels | as `dotprod` | as `neon` | `sdot`, 8: half of an `smmla` would be for a second probe |
//! | `dsp` | `smlad`, 2 pixels x 2 channels | `smlabb`, `smlatt` | 4 channels | `smlad` |
//! | `helium` | `vmladava`, 2 pixels x 2 channels | `vmullb`, `vmullt` | 4 channels | `vmladava` |
//! | `avx2` | `vpmaddwd`, 6 pixels x 16 channels | `vpmaddwd`, 2 taps | 16 channels | `vpmaddwd`, 8 |
//! | `avx512vnni` | `vpdpbusd`, 6 pixels x 64 channels, 12 x 32 or 12 x 16 | `vpdpbusd`, 4 taps | 64 channels, of 1, 2 or 4 pixels | `vpdpbusd`, 16 |
//!
//! What multiplies no weights is not worth instructions of a tier's own: the row operations in `elementwise` serve all of them, each
//! compiled for the tier's instructions.
//!
//! ```text
//! weights ── pack ──> Panel ─┐
//! input ──── strips ─────────┴─ multiply ──> sums of pixels x BLOCK channels ── requantize ──> int8
//! ```
//!
//! No primitive can read out of bounds or panic, whatever the lengths of its slices: too short a
//! one gives wrong numbers. The kernels check the lengths once and hand over fitting ones.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(arm_dsp)]
mod arm_m;
mod elementwise;
mod scalar;
mod tier;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vector_tier;
#[cfg(target_arch = "x86_64")]
mod x86;

use core::hint::black_box;

use super::Addend;

pub(crate) use elementwise::{accumulate, add, maximum, requantize, round_to_i8, scale_row};
pub use tier::Tier;
pub(crate) use tier::{Kind, on_tier};

/// Output channels whose sums are held at a time: a whole number of vectors on every target.
pub(crate) const BLOCK: usize = 64;

/// Inputs of an output channel that a panel holds at a time: a 3x3 window over 64 channels.
pub(crate) const DEPTH: usize = 576;

/// What is rounded up to here is an int16, with a zero point added.
pub(crate) const NEAR: f32 = 32_000.0;

/// Strips of a window that are worked on at a time.
pub(crate) const STRIPS: usize = 16;

/// Windows that slide along a row at a time.
pub(crate) const WINDOWS: usize = 48;

/// The sums of one pixel. Which place a channel has is the tier's own affair: it writes them in
/// `multiply` and reads them in `requantize`. Aligned, so that no vector lies in two cache lines.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Sums([i32; BLOCK]);

impl Sums {
    const ZERO: Self = Self([0; BLOCK]);
}

/// Weights of at most [`BLOCK`] output channels, in the order of the model file.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'w> {
    /// Dense: row `o` holds the weights of channel `o`. Taps: row `t` holds those of all channels
    /// for tap `t`.
    pub(crate) values: &'w [i8],
    /// From one row to the next.
    pub(crate) row_len: usize,
    /// Inputs of a channel, at most [`DEPTH`]; or taps, at most [`STRIPS`].
    pub(crate) depth: usize,
    /// Number of channels.
    pub(crate) channels: usize,
    /// What each channel's sum starts from; `None` continues sums that are there.
    pub(crate) bias: Option<&'w [i32]>,
}

impl<'w> Weights<'w> {
    /// Those of no channel.
    const NONE: Self = Self { values: &[], row_len: 0, depth: 0, channels: 0, bias: Some(&[]) };

    /// Sets each pixel's sums from channel `first` on to the bias, where there is one.
    fn start(&self, first: usize, sums: &mut [Sums]) {
        if let Some(bias) = self.bias.and_then(|bias| bias.get(first..)) {
            for sums in sums {
                for (sum, &bias) in sums.0.iter_mut().skip(first).zip(bias) {
                    *sum = bias;
                }
            }
        }
    }

    /// Without the first `inputs` inputs, which sums then hold already.
    #[cfg(arm_dsp)]
    fn skip(self, inputs: usize) -> Self {
        let values = self.values.get(inputs..).unwrap_or_default();
        Self { values, depth: self.depth.saturating_sub(inputs), bias: None, ..self }
    }

    /// The rows from the first on, each from its start to the end of all values.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = &'w [i8]> + use<'w> {
        let (values, row_len) = (self.values, self.row_len);
        (0_usize..).map_while(move |row| values.get(row * row_len..))
    }

    /// The dense weights of a channel, those of the first `skip` inputs left out; none of a channel
    /// that is not there.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[inline(always)]
    fn of_channel(&self, channel: usize, skip: usize) -> &'w [i8] {
        let row = if channel < self.channels { channel * self.row_len } else { usize::MAX };
        let from_here = self.values.get(row..).unwrap_or_default();
        let row = from_here.get(..self.depth).unwrap_or(from_here);
        row.get(skip..).unwrap_or_default()
    }
}

/// One contiguous piece of a window for neighbouring pixels: that of pixel `p` starts at
/// `values[p * step]`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Strip<'a> {
    /// The first pixel's piece and what follows.
    pub(crate) values: &'a [i8],
    /// From one pixel to the next; 0 where all read the same padding.
    pub(crate) step: usize,
}

impl<'a> Strip<'a> {
    /// The piece of `pixel`, `len` long or cut short by the end of the values.
    #[inline(always)]
    fn of(self, pixel: usize, len: usize) -> &'a [i8] {
        let from_here = self.values.get(pixel * self.step..).unwrap_or_default();
        from_here.get(..len).unwrap_or(from_here)
    }
}

/// Input rows under 3x3 windows that slide along a row of the output, or along two rows next to each other at once.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "aarch64"), expect(dead_code, reason = "no other tier slides"))]
pub(crate) struct Lines<'a> {
    /// Each row from the first column on that is not padding; its step is one column. That of a row of padding is 0. The first
    /// three are under the upper windows, the last three under the lower ones.
    pub(crate) rows: [Strip<'a>; 4],
    /// From a result of the upper windows to that of the lower ones, where these are asked for.
    pub(crate) below: Option<usize>,
    /// Columns of padding before that one.
    pub(crate) before: usize,
    /// Columns of input; behind them there is padding again.
    pub(crate) inside: usize,
    /// What padding reads.
    pub(crate) padding: i8,
    /// Columns from one window to the next, 1 or 2.
    pub(crate) stride: usize,
    /// Windows of a row, at most [`WINDOWS`].
    pub(crate) windows: usize,
}

/// The type of [`Primitives::FINISH`]: of strips, each so long, the windows of so many pixels.
pub(crate) type Finish<T> = for<'w> fn(
    T,
    &mut <T as Primitives>::Panel<'w>,
    (&[Strip<'_>], usize),
    usize,
    &Epilogue<'_>,
    &mut [i8],
);

/// The type of [`Primitives::SLIDE`].
pub(crate) type Slide<T> =
    for<'w> fn(T, &mut <T as Primitives>::Taps<'w>, &Lines<'_>, &Epilogue<'_>, &mut [i8]);

/// How the sums of at most [`BLOCK`] channels become int8; every slice starts at the first of them.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    /// Multipliers of sums that are not negative, one a channel. Their number is the channels'.
    pub(crate) positive: &'a [f32],
    /// Multipliers of negative sums.
    pub(crate) negative: &'a [f32],
    /// Zero point of the output.
    pub(crate) zero_point: i8,
    /// What is added before rounding; laid out as the output is.
    pub(crate) residual: Option<Addend<'a>>,
    /// From one pixel of the output, and of the residual, to the next.
    pub(crate) step: usize,
    /// Nothing that is rounded is larger in magnitude; infinite for a tier that does not finish, and that or NaN if multipliers are.
    #[cfg_attr(
        not(target_arch = "aarch64"),
        expect(dead_code, reason = "others round any number alike")
    )]
    pub(crate) reach: f32,
}

/// Plain code over rows of numbers, of which each tier has a copy of its own. A closure would not do: tiers share its code.
pub(crate) trait Plain {
    /// Does the work. To be `#[inline(always)]`, with all it calls.
    fn run(self);
}

/// What a tier implements. A value of the type is the proof that the processor can run it.
pub(crate) trait Primitives: Copy {
    /// Memory for the sums of as many pixels as the tier likes to work on at a time.
    type Buffer: AsMut<[Sums]>;
    /// Such memory; the content does not matter.
    const BUFFER: Self::Buffer;
    /// Channels whose taps the tier multiplies at a time, whether there are as many or not.
    const LANES: usize = 1;

    /// Dense weights as [`multiply`](Self::multiply) wants them, or a reference to them, and memory that it works in.
    type Panel<'w>;
    /// A panel of nothing.
    fn panel<'w>(self) -> Self::Panel<'w>;
    /// Replaces the panel's content by `weights`.
    fn pack<'w>(self, weights: Weights<'w>, panel: &mut Self::Panel<'w>);
    /// For each pixel and channel, the sum of the products of the strips, each `len` long and one
    /// after the other, with the channel's weights.
    fn multiply(
        self,
        panel: &mut Self::Panel<'_>,
        strips: &[Strip<'_>],
        len: usize,
        sums: &mut [Sums],
    );

    /// Of a tier that has it: [`multiply`](Self::multiply) and [`requantize`](Self::requantize) of whole windows for any number of
    /// pixels, without sums in memory. Only such a tier learns [`Epilogue::reach`].
    const FINISH: Option<Finish<Self>> = None;

    /// Depthwise weights as [`multiply_taps`](Self::multiply_taps) wants them.
    type Taps<'w>;
    /// Taps of nothing.
    fn taps<'w>(self) -> Self::Taps<'w>;
    /// Replaces the taps by `weights`.
    fn pack_taps<'w>(self, weights: Weights<'w>, taps: &mut Self::Taps<'w>);
    /// For each pixel and channel `c`, the sum over the taps of the tap's `strip[c]` with its
    /// weight. There is one strip a tap.
    fn multiply_taps(self, taps: &Self::Taps<'_>, strips: &[Strip<'_>], sums: &mut [Sums]);

    /// Of a tier that has it: [`multiply_taps`](Self::multiply_taps) and [`requantize`](Self::requantize) of 3x3 windows along
    /// a row, or two. There is no residual, and nothing reaches further than [`NEAR`].
    const SLIDE: Option<Slide<Self>> = None;

    /// `round_to_i8(f32(sum) * m + residual)` for each pixel, with `m` chosen by the sum's sign.
    fn requantize(self, sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]);

    /// Does `work`, compiled for the tier's instructions.
    fn compiled(self, work: impl Plain) {
        work.run();
    }

    /// Exact sum of `a[i] * b[i]`; the shorter slice ends it.
    fn dot(self, a: &[i8], b: &[i8]) -> i32;

    /// For each of the rows, which lie one after the other and are as long as `probe`, its
    /// [`dot`](Self::dot) with `probe`. There are as many sums as rows.
    fn dots(self, probe: &[i8], rows: &[i8], sums: &mut [i32]) {
        one_by_one(self, probe, rows, sums);
    }

    /// [`Tier::saturate`]. A tier without its own multiplies rows that the nearest cache holds.
    fn saturate(self, turns: u32) -> u64 {
        const ROW: usize = 1024;
        let (a, b) = ([1; ROW], [1; ROW]);
        for _ in 0..turns {
            black_box(self.dot(black_box(&a), black_box(&b)));
        }
        u64::from(turns) * ROW as u64
    }
}

/// [`Primitives::dots`] of any length, and of a tier without registers for many rows: on Cortex-M,
/// where galleries are small.
fn one_by_one(tier: impl Primitives, probe: &[i8], mut rows: &[i8], sums: &mut [i32]) {
    for sum in sums {
        *sum = tier.dot(probe, rows.split_off(..probe.len()).unwrap_or_default());
    }
}
