//! The cosine of the angle between two templates.

use model_format::ModelId;

use super::TemplateRef;
use crate::kernels::Tier;

/// Why two templates cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// Their angles mean nothing to each other.
    #[error(
        "a template of model {probe} cannot be compared with one of model {enrolled}; \
         enrol again with the model in use"
    )]
    OtherModel {
        /// Model of the first template.
        probe: ModelId,
        /// Model of the second template or the gallery.
        enrolled: ModelId,
    },
    /// One model has one length, so one of the two is not what it says.
    #[error("a template of {probe} values cannot be compared with one of {enrolled}")]
    OtherLength {
        /// Length of the first template.
        probe: usize,
        /// Length of the second template or the gallery's rows.
        enrolled: usize,
    },
}

/// `(f32(Σ a[i] b[i]) * inverse_norm(a)) * inverse_norm(b)`, in this order.
///
/// Between -1 and 1 up to rounding: equal templates may give 1 + 2^-23. Swapping the two may change
/// the last bit.
///
/// # Errors
/// [`MatchError`] when the templates are of different models or lengths.
pub fn cosine(probe: TemplateRef<'_>, enrolled: TemplateRef<'_>) -> Result<f32, MatchError> {
    check(probe, enrolled.model(), enrolled.values().len())?;
    let dot = Tier::detect().dot(probe.values(), enrolled.values());
    Ok(scaled(dot, probe, enrolled.inverse_norm().get()))
}

pub(super) fn check(probe: TemplateRef<'_>, model: ModelId, len: usize) -> Result<(), MatchError> {
    if probe.model() != model {
        return Err(MatchError::OtherModel { probe: probe.model(), enrolled: model });
    }
    if probe.values().len() != len {
        return Err(MatchError::OtherLength { probe: probe.values().len(), enrolled: len });
    }
    Ok(())
}

/// The cosine of `probe` with a row, by their dot product.
#[inline(always)]
pub(super) fn scaled(dot: i32, probe: TemplateRef<'_>, row_inverse_norm: f32) -> f32 {
    dot as f32 * probe.inverse_norm().get() * row_inverse_norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Template;
    use proptest::prelude::*;

    const MODEL: ModelId = ModelId([1; 16]);

    fn template<const N: usize>(embedding: [f32; N]) -> Template<N> {
        Template::from_embedding(&embedding, MODEL).unwrap()
    }

    #[test]
    fn known_angles() {
        let of = |a, b| cosine(template(a).as_ref(), template(b).as_ref()).unwrap();
        assert_eq!(of([1.0, 0.0], [0.0, 1.0]), 0.0);
        assert!((of([1.0, 0.0], [1.0, 1.0]) - core::f32::consts::FRAC_1_SQRT_2).abs() < 1e-6);
        assert!((of([3.0, -1.0], [-3.0, 1.0]) + 1.0).abs() < 1e-6);
        assert!((of([0.2, 0.1], [4.0, 2.0]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn rejects_a_template_of_another_model() {
        let other = ModelId([2; 16]);
        let stranger = Template::from_embedding(&[1.0, 2.0], other).unwrap();
        let error = cosine(template([1.0, 2.0]).as_ref(), stranger.as_ref()).unwrap_err();
        assert_eq!(error, MatchError::OtherModel { probe: MODEL, enrolled: other });
    }

    #[test]
    fn rejects_a_template_of_another_length() {
        let error = cosine(template([1.0; 2]).as_ref(), template([1.0; 3]).as_ref()).unwrap_err();
        assert_eq!(error, MatchError::OtherLength { probe: 2, enrolled: 3 });
    }

    proptest! {
        #[test]
        fn a_template_matches_itself(embedding in prop::array::uniform32(-1.0_f32..1.0)) {
            let template = template(embedding);
            let itself = cosine(template.as_ref(), template.as_ref()).unwrap();
            prop_assert!((itself - 1.0).abs() < 1e-6);
        }

        #[test]
        fn it_is_the_float_cosine_and_symmetric(
            a in prop::array::uniform32(-1.0_f32..1.0), b in prop::array::uniform32(-1.0_f32..1.0),
        ) {
            let (a, b) = (template(a), template(b));
            let product = |(&x, &y): (&i8, &i8)| f64::from(x) * f64::from(y);
            let sum = |x: &[i8], y: &[i8]| x.iter().zip(y).map(product).sum::<f64>();
            let (x, y) = (a.values(), b.values());
            let exact = sum(x, y) / (sum(x, x) * sum(y, y)).sqrt();
            let there = cosine(a.as_ref(), b.as_ref()).unwrap();
            let back = cosine(b.as_ref(), a.as_ref()).unwrap();
            prop_assert!((f64::from(there) - exact).abs() < 2e-7);
            prop_assert!((there - back).abs() <= f32::EPSILON);
        }
    }
}
