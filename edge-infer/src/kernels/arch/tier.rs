//! Which instructions run: found once, or forced by a caller that compares them.

#[cfg(target_arch = "aarch64")]
use super::aarch64::{DotProd, I8mm, Neon};
#[cfg(arm_dsp)]
use super::arm_m::Dsp;
#[cfg(arm_helium)]
use super::arm_m::Helium;
use super::scalar::Scalar;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512Vnni};

/// A set of instructions that this processor has. All tiers give the same bits; they differ in
/// speed.
///
/// With feature `std` the processor is asked; without it a tier is there if the build was made for
/// its instructions (`-C target-feature=..` or `target-cpu=..`). On Cortex-M that is so in any
/// case: Armv7E-M has `dsp`, and Armv8-M what `-C target-cpu=cortex-m33` or `cortex-m55` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier(pub(crate) Kind);

/// The proof that comes with a [`Tier`]; see [`Primitives`](super::Primitives).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar(Scalar),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    #[cfg(target_arch = "aarch64")]
    DotProd(DotProd),
    #[cfg(target_arch = "aarch64")]
    I8mm(I8mm),
    #[cfg(arm_dsp)]
    Dsp(Dsp),
    #[cfg(arm_helium)]
    Helium(Helium),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
}

impl Tier {
    /// The reference in plain Rust, which every processor has.
    pub const SCALAR: Self = Self(Kind::Scalar(Scalar));

    /// The fastest tier of this processor.
    pub fn detect() -> Self {
        Self::available().last().unwrap_or(Self::SCALAR)
    }

    /// The tiers of this processor, the slowest first; there is always the scalar one.
    pub fn available() -> impl Iterator<Item = Self> {
        let kinds = [
            Some(Kind::Scalar(Scalar)),
            #[cfg(target_arch = "aarch64")]
            Neon::new().map(Kind::Neon),
            #[cfg(target_arch = "aarch64")]
            DotProd::new().map(Kind::DotProd),
            #[cfg(target_arch = "aarch64")]
            I8mm::new().map(Kind::I8mm),
            #[cfg(arm_dsp)]
            Some(Kind::Dsp(Dsp)),
            #[cfg(arm_helium)]
            Some(Kind::Helium(Helium)),
            #[cfg(target_arch = "x86_64")]
            Avx2::new().map(Kind::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512Vnni::new().map(Kind::Avx512Vnni),
        ];
        kinds.into_iter().flatten().map(Self)
    }

    /// The tier of this name, if this processor has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|tier| tier.name() == name)
    }

    /// What reports call it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar(_) => "scalar",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
            #[cfg(target_arch = "aarch64")]
            Kind::DotProd(_) => "dotprod",
            #[cfg(target_arch = "aarch64")]
            Kind::I8mm(_) => "i8mm",
            #[cfg(arm_dsp)]
            Kind::Dsp(_) => "dsp",
            #[cfg(arm_helium)]
            Kind::Helium(_) => "helium",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vnni(_) => "avx512vnni",
        }
    }
}

/// Evaluates an expression with the tier's own type: `on_tier!(tier, primitives =>
/// kernel(primitives))`.
macro_rules! on_tier {
    ($tier:expr, $primitives:ident => $body:expr) => {
        match $tier.0 {
            $crate::kernels::arch::Kind::Scalar($primitives) => $body,
            #[cfg(target_arch = "aarch64")]
            $crate::kernels::arch::Kind::Neon($primitives) => $body,
            #[cfg(target_arch = "aarch64")]
            $crate::kernels::arch::Kind::DotProd($primitives) => $body,
            #[cfg(target_arch = "aarch64")]
            $crate::kernels::arch::Kind::I8mm($primitives) => $body,
            #[cfg(arm_dsp)]
            $crate::kernels::arch::Kind::Dsp($primitives) => $body,
            #[cfg(arm_helium)]
            $crate::kernels::arch::Kind::Helium($primitives) => $body,
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::arch::Kind::Avx2($primitives) => $body,
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::arch::Kind::Avx512Vnni($primitives) => $body,
        }
    };
}
pub(crate) use on_tier;
