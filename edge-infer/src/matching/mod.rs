//! From an embedding to a decision's number: int8 template, cosine, closest people of a gallery.
//!
//! ```text
//! embedding, f32 ── scale by 127 / max|v|, round ──> template: int8 values, inverse norm, model id
//! cosine(a, b) = (f32(Σ a[i] b[i]) * inverse_norm(a)) * inverse_norm(b)
//! ```
//!
//! The dot product is an exact integer and the two multiplications round as IEEE says, so every
//! target gives the same bits. A template or gallery that exists has a direction: zero, NaN and
//! infinite ones cannot be built. A template of another model never matches. Thresholds and policy
//! are left to the door, pixels to the engine.

mod cosine;
mod gallery;
mod merge;
mod norm;
mod scan;
mod template;
#[cfg(feature = "std")]
mod threads;
mod top;

pub use cosine::{MatchError, cosine};
pub use gallery::{Best, GalleryError, GalleryView};
pub use merge::{MERGED, merge};
pub use norm::InverseNorm;
pub use template::{Template, TemplateError, TemplateRef, quantize};
pub use top::{Match, Top};

/// Longest template. Its worst dot product, 65535 * 128 * 128, still fits `i32`.
pub const MAX_LEN: usize = u16::MAX as usize;
