//! Vectors of channels, and the one place that picks the machine's vector width.
//!
//! Activations are NHWC, so neighbouring numbers are neighbouring channels; kernels walk them in vectors of 16 (AVX-512),
//! 8 (AVX2), 4 (NEON) or 1. Lanes never mix, and products are fused where the machine can, so that all widths but the
//! last give the same bits.

/// Every channel count is a multiple of this, the widest vector: no kernel has a remainder to treat.
pub(crate) const LANES: usize = 16;

/// Defines a function whose body is compiled for each vector width of the machine and picked at run time.
///
/// In the body, `$simd` is the instruction set and `S` its type. What the body calls must be `#[inline(always)]`. A body may
/// leave `$simd` alone and be plain loops over slices: the compiler makes them as wide.
macro_rules! vectorized {
    (
        $(#[$doc:meta])*
        $visibility:vis fn $name:ident<$l:lifetime>($simd:ident; $($argument:ident: $type:ty),* $(,)?) $body:block
    ) => {
        $(#[$doc])*
        $visibility fn $name<$l>($($argument: $type),*) {
            struct Call<$l> {
                $($argument: $type),*
            }
            impl pulp::WithSimd for Call<'_> {
                type Output = ();
                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, $simd: S) {
                    let Self { $($argument),* } = self;
                    let _ = $simd;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Call { $($argument),* });
        }
    };
}
pub(crate) use vectorized;

/// A slice as vectors.
#[inline(always)]
pub(crate) fn vectors<S: pulp::Simd>(values: &[f32]) -> &[S::f32s] {
    let (vectors, rest) = S::as_simd_f32s(values);
    debug_assert!(rest.is_empty(), "channel count is not a multiple of {LANES}");
    vectors
}

/// As [`vectors`], writable.
#[inline(always)]
pub(crate) fn vectors_mut<S: pulp::Simd>(values: &mut [f32]) -> &mut [S::f32s] {
    let (vectors, rest) = S::as_mut_simd_f32s(values);
    debug_assert!(rest.is_empty(), "channel count is not a multiple of {LANES}");
    vectors
}
