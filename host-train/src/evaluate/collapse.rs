//! The collapse alarm: a network that maps every face to one point.
//!
//! Such a network has a falling loss and an LFW accuracy of exactly 0.50000, which reads like a plain bad result. The
//! scores tell it apart at once, because they hardly differ from each other.

/// Scores whose range (highest minus lowest cosine) stays below this belong to a collapsed network.
///
/// Rounding alone spreads equal embeddings by about 1e-6 in float and by nothing in int8; an untrained network with random
/// weights already spreads real photographs by more than 1e-2.
pub const COLLAPSED_SPREAD: f32 = 1e-3;

/// Whether these cosines, of many different pairs, come from embeddings that no longer differ.
///
/// A score that is NaN or infinite counts as collapse too: such a network recognises nobody. No scores are no evidence:
/// `false`, and so is a single finite score.
pub fn is_collapsed(scores: &[f32]) -> bool {
    if scores.iter().any(|score| !score.is_finite()) {
        return true;
    }
    let lowest = scores.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.len() > 1 && highest - lowest < COLLAPSED_SPREAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_a_collapse() {
        assert!(is_collapsed(&[1.0; 6000]));
        assert!(is_collapsed(&[0.999_999, 1.0, 0.999_998]));
    }

    #[test]
    fn scores_that_are_not_numbers_are_a_collapse() {
        assert!(is_collapsed(&[0.1, f32::NAN, 0.9]));
        assert!(is_collapsed(&[f32::INFINITY]));
    }

    #[test]
    fn a_poor_network_is_not_a_collapsed_one() {
        assert!(!is_collapsed(&[0.97, 0.98, 0.99]));
    }

    #[test]
    fn too_few_scores_prove_nothing() {
        assert!(!is_collapsed(&[]));
        assert!(!is_collapsed(&[1.0]));
    }
}
