//! Cosines of float embeddings: rows scaled to length 1 once, so that each cosine is one dot product.
//!
//! Row-major, `n * len` values. The int8 side needs nothing of this: the engine compares its templates itself.

use super::error::EvaluateError;

/// Float embeddings scaled to length 1, so that a cosine is one dot product.
#[derive(Clone, Debug)]
pub struct UnitRows {
    values: Vec<f32>,
    len: usize,
}

impl UnitRows {
    /// Takes `n * len` values, one embedding after the other, and scales each to length 1 (computed in f64).
    ///
    /// # Errors
    /// - [`EvaluateError::RaggedRows`] when `len` is 0 or does not divide the number of values.
    /// - [`EvaluateError::NoDirection`] for an embedding that is zero or holds a NaN or infinity.
    pub fn new(mut values: Vec<f32>, len: usize) -> Result<Self, EvaluateError> {
        if len == 0 || !values.len().is_multiple_of(len) {
            return Err(EvaluateError::RaggedRows { values: values.len(), len });
        }
        for (row, embedding) in values.chunks_exact_mut(len).enumerate() {
            let norm = embedding.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            if !(norm > 0.0 && norm.is_finite()) {
                return Err(EvaluateError::NoDirection { row, norm });
            }
            for value in embedding {
                *value = (f64::from(*value) / norm) as f32;
            }
        }
        Ok(Self { values, len })
    }

    /// Cosine of two rows; [-1, 1] up to rounding.
    ///
    /// # Panics
    /// When a row does not exist.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        dot(self.row(a), self.row(b))
    }

    /// All embeddings, each of length 1.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.len)
    }

    /// One embedding, of length 1.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.len..(row + 1) * self.len]
    }
}

/// Sixteen running sums in a fixed order: the compiler may use vectors, and every machine rounds alike.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, b_chunks) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f32; 16];
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..16 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cosine_ignores_length_and_matches_f64() {
        let a: Vec<f32> = (0..131).map(|i| ((i * 29) % 17) as f32 - 8.0).collect();
        let b: Vec<f32> = (0..131).map(|i| ((i * 13) % 19) as f32 - 9.0).collect();
        let product = |x: &[f32], y: &[f32]| {
            x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>()
        };
        let expected = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
        let values = a.iter().map(|v| v * 1e-3).chain(b.iter().map(|v| v * 40.0)).collect();
        let rows = UnitRows::new(values, 131).unwrap();
        assert!((f64::from(rows.cosine(0, 1)) - expected).abs() < 1e-6);
        assert!((rows.cosine(0, 0) - 1.0).abs() < 1e-6);
    }

    /// deepinsight/insightface#2239: published thresholds such as 1.348 are squared distances of unit vectors, 2 - 2 cos.
    #[test]
    fn a_squared_distance_of_1_348_is_a_cosine_of_0_326() {
        let (a, b) = ([1.0_f32, 0.0], [0.326, (1.0 - 0.326_f32 * 0.326).sqrt()]);
        let square: f32 = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
        assert!((square - 1.348).abs() < 1e-6, "{square}");
        let rows = UnitRows::new([a, b].concat(), 2).unwrap();
        assert!((rows.cosine(0, 1) - (1.0 - square / 2.0)).abs() < 1e-6);
    }

    #[test]
    fn rejects_ragged_rows() {
        let refused = UnitRows::new(vec![1.0; 7], 3).unwrap_err();
        assert_eq!(refused, EvaluateError::RaggedRows { values: 7, len: 3 });
        assert!(UnitRows::new(vec![], 0).is_err());
    }

    #[test]
    fn rejects_embeddings_without_direction() {
        let refused = UnitRows::new(vec![1.0, 0.0, 0.0, 0.0], 2).unwrap_err();
        assert_eq!(refused, EvaluateError::NoDirection { row: 1, norm: 0.0 });
        assert!(matches!(
            UnitRows::new(vec![f32::NAN, 1.0], 2),
            Err(EvaluateError::NoDirection { row: 0, .. })
        ));
    }
}
