//! The step from a tier to its code: the proof that a processor can run it, and the calls that need
//! the proof. Written once for all tiers with vector instructions; their modules bring the names of
//! [`Primitives`](super::Primitives) into scope.

/// Whether this processor has the features: asked at run time with `std`, at compile time without.
macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        let has = true $(&& std::is_x86_feature_detected!($feature))+;
        #[cfg(all(feature = "std", target_arch = "aarch64"))]
        let has = true $(&& std::arch::is_aarch64_feature_detected!($feature))+;
        #[cfg(not(feature = "std"))]
        let has = true $(&& cfg!(target_feature = $feature))+;
        has
    }};
}

/// The longest rows that a tier takes many at a time.
pub(super) const LONGEST_ROW: usize = 512;

/// A tier whose primitives are the functions of one module, compiled for some features: its type, the module, the pixels that it likes
/// to work on at a time, its lanes, the features; then, in braces, the primitives that only some tiers have.
macro_rules! tier {
    ($(#[$doc:meta])* $tier:ident, $module:ident, $pixels:expr, $lanes:expr, $($feature:tt),+ $(; { $($more:tt)* })?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $tier(());

        impl $tier {
            /// The proof, if this processor has the features.
            pub(crate) fn new() -> Option<Self> {
                has!($($feature),+).then_some(Self(()))
            }

            /// Whole groups of rows side by side, the rest one by one.
            fn dots_of<const N: usize>(self, probe: &[i8; N], rows: &[i8], sums: &mut [i32]) {
                // Whole vectors on every tier; what lies beyond would be left out without a word.
                const { assert!(N <= LONGEST_ROW && N.is_multiple_of(64)) }
                let (rows, last_rows) = rows.as_chunks::<N>().0.as_chunks();
                let (sums, last_sums) = sums.as_chunks_mut();
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::dots(probe, rows, sums) }
                one_by_one(self, probe, last_rows.as_flattened(), last_sums);
            }
        }

        impl Primitives for $tier {
            type Buffer = [Sums; $pixels];
            const BUFFER: Self::Buffer = [Sums::ZERO; $pixels];
            const LANES: usize = $lanes;
            type Panel<'w> = $module::Panel;
            type Taps<'w> = $module::Taps;

            fn panel<'w>(self) -> Self::Panel<'w> {
                $module::Panel::empty()
            }

            fn taps<'w>(self) -> Self::Taps<'w> {
                $module::Taps::EMPTY
            }

            fn pack<'w>(self, weights: Weights<'w>, panel: &mut Self::Panel<'w>) {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::pack(weights, panel) }
            }

            fn multiply(
                self,
                panel: &mut Self::Panel<'_>,
                strips: &[Strip<'_>],
                len: usize,
                sums: &mut [Sums],
            ) {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::multiply(panel, strips, len, sums) }
            }

            fn pack_taps<'w>(self, weights: Weights<'w>, taps: &mut Self::Taps<'w>) {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::pack_taps(weights, taps) }
            }

            fn multiply_taps(
                self,
                taps: &Self::Taps<'_>,
                strips: &[Strip<'_>],
                sums: &mut [Sums],
            ) {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::multiply_taps(taps, strips, sums) }
            }

            fn requantize(self, sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::requantize(sums, epilogue, output) }
            }

            fn compiled(self, work: impl Plain) {
                #[target_feature($(enable = $feature),+)]
                fn compiled(work: impl Plain) {
                    work.run();
                }
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { compiled(work) }
            }

            fn dot(self, a: &[i8], b: &[i8]) -> i32 {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::dot(a, b) }
            }

            fn dots(self, probe: &[i8], rows: &[i8], sums: &mut [i32]) {
                // The lengths that embeddings have. To know them when compiling keeps the probe in
                // registers and every row free of remainders.
                if let Ok(probe) = probe.try_into() {
                    self.dots_of::<128>(probe, rows, sums);
                } else if let Ok(probe) = probe.try_into() {
                    self.dots_of::<256>(probe, rows, sums);
                } else if let Ok(probe) = probe.try_into() {
                    self.dots_of::<LONGEST_ROW>(probe, rows, sums);
                } else {
                    one_by_one(self, probe, rows, sums);
                }
            }

            fn saturate(self, turns: u32) -> u64 {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::saturate(turns) }
            }

            $($($more)*)?
        }
    };
}
pub(crate) use {has, tier};
