//! Losses that train a classifier whose embedding is then used alone.
//!
//! All are softmax cross-entropy over logits of one form, computed in one place (`logits`):
//!
//! ```text
//! logit[j] = r cos t[j]              classes that the face is not of
//! logit[y] = r f(t[y])               its own; f is the loss's TargetCurve
//! t[j]     the angle between the embedding and the centre of class j
//! r        the scale s, or the embedding's own length |x|
//! ```
//!
//! | loss | f(t) | r | file |
//! |---|---|---|---|
//! | softmax | cos t; centres keep their length, a bias a class | \|x\| | `softmax` |
//! | weight-normalised softmax | cos t | \|x\| | `softmax` |
//! | SphereFace | (l cos t + psi(m t)) / (1 + l), l falls with the step | \|x\| | `sphereface` |
//! | feature-normalised SphereFace | the same | s | `sphereface` |
//! | CosFace | cos t - m | s | `margin` |
//! | ArcFace | cos(t + m) | s | `margin` |
//! | combined | cos(m1 t + m2) - m3 | s | `margin` |
//! | sub-center ArcFace | cos(t + m), t to the nearest of K centres | s | `subcentre` |
//! | AdaFace | cos(t + m2) - m3, both by the embedding's length | s | `adaface` |
//!
//! `agreement` has what a network learns from another one's embeddings instead. Which classes take part in a step, and which of them a rank holds, is `partial_fc`'s to say.

mod adaface;
mod agreement;
mod config;
#[cfg(test)]
mod gradient_tests;
mod head;
#[cfg(test)]
mod head_tests;
mod logits;
mod margin;
mod partial_fc;
mod softmax;
mod sphereface;
mod subcentre;

pub use adaface::{NormStatistics, image_curve};
pub(crate) use agreement::{cosines, relation};
pub use config::{LossConfig, LossError};
pub use head::{Head, HeadConfig, LabelError, MarginGradient, SampledRows};
pub(crate) use logits::unit_rows;
pub use logits::{HeadOutput, Logits, Part};
pub use margin::TargetCurve;
pub use partial_fc::Shard;
pub use softmax::SoftmaxSums;
pub use sphereface::Annealing;
