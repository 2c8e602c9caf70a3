//! What is stored of a face: its embedding's direction in int8.
//!
//! ```text
//! q[i] = round_ties_even(v[i] * (127 / max|v|))        in [-127, 127], at least one of them +-127
//! ```

use model_format::ModelId;

use super::{InverseNorm, MAX_LEN};
use crate::kernels::round_to_i8;

/// A face's template of `N` values, as one model made it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Template<const N: usize> {
    values: [i8; N],
    inverse_norm: InverseNorm,
    model: ModelId,
}

/// A borrowed template whose length is known only at run time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TemplateRef<'a> {
    values: &'a [i8],
    inverse_norm: InverseNorm,
    model: ModelId,
}

/// Why there is no template.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A value is NaN or infinite.
    #[error(
        "embedding value {index} is {value}, not a finite number; the face must be captured again"
    )]
    NotFinite {
        /// Which value.
        index: usize,
        /// As passed.
        value: f32,
    },
    /// Nothing is left of the direction: all values are zero, or too small to scale to int8.
    #[error(
        "the embedding's largest magnitude is {largest:e}, which leaves no direction; \
         the face must be captured again"
    )]
    Zero {
        /// The largest magnitude.
        largest: f32,
    },
    /// No model has embeddings of this length.
    #[error("a template has 1 to {MAX_LEN} values, not {len}")]
    Length {
        /// As passed.
        len: usize,
    },
    /// The buffer is not as long as the embedding.
    #[error("an embedding of {needed} values needs a template of as many, the buffer holds {got}")]
    OutputLength {
        /// Values of the embedding.
        needed: usize,
        /// Values of the buffer.
        got: usize,
    },
}

impl<const N: usize> Template<N> {
    /// Scales `embedding` to int8.
    ///
    /// # Errors
    /// As [`quantize`].
    pub fn from_embedding(embedding: &[f32; N], model: ModelId) -> Result<Self, TemplateError> {
        let mut values = [0; N];
        let inverse_norm = quantize(embedding, &mut values)?;
        Ok(Self { values, inverse_norm, model })
    }

    /// The int8 values, which a gallery stores.
    pub fn values(&self) -> &[i8; N] {
        &self.values
    }

    /// The inverse length of the values.
    pub fn inverse_norm(&self) -> InverseNorm {
        self.inverse_norm
    }

    /// The model that made it.
    pub fn model(&self) -> ModelId {
        self.model
    }

    /// A view of it.
    pub fn as_ref(&self) -> TemplateRef<'_> {
        TemplateRef { values: &self.values, inverse_norm: self.inverse_norm, model: self.model }
    }
}

impl<'a> TemplateRef<'a> {
    /// Views stored values as a template of `model`.
    ///
    /// # Errors
    /// [`TemplateError::Length`] or [`TemplateError::Zero`].
    pub fn from_values(values: &'a [i8], model: ModelId) -> Result<Self, TemplateError> {
        check_len(values.len())?;
        let inverse_norm = InverseNorm::of(values).ok_or(TemplateError::Zero { largest: 0.0 })?;
        Ok(Self { values, inverse_norm, model })
    }

    /// The int8 values.
    pub fn values(&self) -> &'a [i8] {
        self.values
    }

    /// The inverse length of the values.
    pub fn inverse_norm(&self) -> InverseNorm {
        self.inverse_norm
    }

    /// The model that made it.
    pub fn model(&self) -> ModelId {
        self.model
    }
}

/// Scales an embedding by its own largest magnitude into `values` and returns their inverse norm.
/// This is what [`Template`] holds; it stands alone for callers that know the length only at run
/// time.
///
/// # Errors
/// [`TemplateError`], and then `values` is not a template: a NaN or infinite value, no direction, a
/// length of zero or above [`MAX_LEN`], or two slices of different length.
pub fn quantize(embedding: &[f32], values: &mut [i8]) -> Result<InverseNorm, TemplateError> {
    check_len(embedding.len())?;
    if values.len() != embedding.len() {
        let (needed, got) = (embedding.len(), values.len());
        return Err(TemplateError::OutputLength { needed, got });
    }
    let mut largest = 0.0_f32;
    for (index, &value) in embedding.iter().enumerate() {
        if !value.is_finite() {
            return Err(TemplateError::NotFinite { index, value });
        }
        let magnitude = value.abs();
        if magnitude > largest {
            largest = magnitude;
        }
    }
    let scale = 127.0 / largest;
    if !scale.is_finite() {
        return Err(TemplateError::Zero { largest });
    }
    for (to, &value) in values.iter_mut().zip(embedding) {
        *to = round_to_i8(value * scale, 0);
    }
    // The largest value became +-127.
    InverseNorm::of(values).ok_or(TemplateError::Zero { largest })
}

fn check_len(len: usize) -> Result<(), TemplateError> {
    if (1..=MAX_LEN).contains(&len) { Ok(()) } else { Err(TemplateError::Length { len }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    const MODEL: ModelId = ModelId([3; 16]);

    #[test]
    fn the_largest_magnitude_becomes_127() {
        let template = Template::from_embedding(&[0.5, -2.0, 1.0, 0.0], MODEL).unwrap();
        // 31.75 rounds to 32, 63.5 is a tie and goes to the even 64.
        assert_eq!(template.values(), &[32, -127, 64, 0]);
        let norm = f64::from(32 * 32 + 127 * 127 + 64 * 64).sqrt();
        assert!((f64::from(template.inverse_norm().get()) * norm - 1.0).abs() < 1e-7);
        assert_eq!(template.model(), MODEL);
        assert_eq!(TemplateRef::from_values(template.values(), MODEL), Ok(template.as_ref()));
    }

    #[test]
    fn numbers_near_the_end_of_the_range_still_have_a_direction() {
        let huge = Template::from_embedding(&[f32::MAX, -f32::MAX / 4.0], MODEL).unwrap();
        assert_eq!(huge.values(), &[127, -32]);
        let small = Template::from_embedding(&[1e-36, 2.5e-37], MODEL).unwrap();
        assert_eq!(small.values(), &[127, 32]);
    }

    #[test]
    fn rejects_values_that_are_not_finite() {
        for value in [f32::INFINITY, f32::NEG_INFINITY] {
            let error = Template::from_embedding(&[1.0, value], MODEL).unwrap_err();
            assert_eq!(error, TemplateError::NotFinite { index: 1, value });
        }
        let error = Template::from_embedding(&[f32::NAN, 1.0], MODEL).unwrap_err();
        assert!(matches!(error, TemplateError::NotFinite { index: 0, value } if value.is_nan()));
    }

    #[test]
    fn rejects_an_embedding_without_direction() {
        let error = Template::from_embedding(&[0.0, -0.0], MODEL).unwrap_err();
        assert_eq!(error, TemplateError::Zero { largest: 0.0 });
        let error = Template::from_embedding(&[1e-40], MODEL).unwrap_err();
        assert_eq!(error, TemplateError::Zero { largest: 1e-40 });
        let error = TemplateRef::from_values(&[0; 4], MODEL).unwrap_err();
        assert_eq!(error, TemplateError::Zero { largest: 0.0 });
    }

    #[test]
    fn rejects_lengths_no_model_has() {
        let error = Template::from_embedding(&[], MODEL).unwrap_err();
        assert_eq!(error, TemplateError::Length { len: 0 });
        let long = vec![1; MAX_LEN + 1];
        let error = TemplateRef::from_values(&long, MODEL).unwrap_err();
        assert_eq!(error, TemplateError::Length { len: MAX_LEN + 1 });
    }

    #[test]
    fn rejects_a_buffer_of_another_length() {
        let error = quantize(&[1.0; 3], &mut [0; 2]).unwrap_err();
        assert_eq!(error, TemplateError::OutputLength { needed: 3, got: 2 });
    }

    proptest! {
        #[test]
        fn every_value_is_within_half_a_step(embedding in prop::array::uniform16(-1e3_f32..1e3)) {
            let template = Template::from_embedding(&embedding, MODEL).unwrap();
            let larger = |largest: f64, &value: &f32| largest.max(f64::from(value).abs());
            let largest = embedding.iter().fold(0.0, larger);
            for (&stored, &value) in template.values().iter().zip(&embedding) {
                let exact = f64::from(value) * 127.0 / largest;
                prop_assert!((f64::from(stored) - exact).abs() < 0.5001);
            }
            prop_assert!(template.values().iter().any(|value| value.abs() == 127));
        }

        #[test]
        fn doubling_changes_nothing(embedding in prop::array::uniform16(-1e3_f32..1e3)) {
            let doubled = Template::from_embedding(&embedding.map(|value| value * 2.0), MODEL);
            prop_assert_eq!(doubled, Template::from_embedding(&embedding, MODEL));
        }
    }
}
