//! How alike two tensors are: cosine and signal-to-noise ratio, from sums that add up over images.

/// Sums over pairs of values, of a reference and of what is compared with it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    product: f64,
    reference: f64,
    other: f64,
    difference: f64,
    largest: f64,
}

impl Likeness {
    /// That of two tensors of one shape.
    pub fn of(reference: &[f32], other: &[f32]) -> Self {
        let mut likeness = Self::default();
        for (&a, &b) in reference.iter().zip(other) {
            likeness.see(a.into(), b.into());
        }
        likeness
    }

    /// One pair of values more.
    pub fn see(&mut self, reference: f64, other: f64) {
        self.product += reference * other;
        self.reference += reference * reference;
        self.other += other * other;
        self.difference += (reference - other).powi(2);
        self.largest = self.largest.max((reference - other).abs());
    }

    /// Both, as one tensor after the other.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            product: self.product + more.product,
            reference: self.reference + more.reference,
            other: self.other + more.other,
            difference: self.difference + more.difference,
            largest: self.largest.max(more.largest),
        }
    }

    /// Sum of the reference's squares.
    pub fn signal(&self) -> f64 {
        self.reference
    }

    /// Sum of the differences' squares.
    pub fn noise(&self) -> f64 {
        self.difference
    }

    /// The largest difference of two values.
    pub fn largest_difference(&self) -> f64 {
        self.largest
    }

    /// Cosine of the angle between both; 1 of two silent tensors, 0 when one alone is silent.
    pub fn cosine(&self) -> f64 {
        match self.reference * self.other {
            0.0 => f64::from(u8::from(self.reference == self.other)),
            size => self.product / size.sqrt(),
        }
    }

    /// The reference's power over that of the difference, decibels; infinite when both are equal.
    pub fn sqnr_db(&self) -> f64 {
        match self.difference {
            0.0 => f64::INFINITY,
            noise => 10.0 * (self.reference / noise).log10(),
        }
    }
}

/// Mean and least cosine of the pairs.
pub fn cosines(pairs: &[Likeness]) -> (f64, f64) {
    let cosines = pairs.iter().map(Likeness::cosine);
    let mean = cosines.clone().sum::<f64>() / pairs.len().max(1) as f64;
    (mean, cosines.fold(f64::INFINITY, f64::min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_known_tensors() {
        let likeness = Likeness::of(&[3.0, 4.0], &[3.0, 3.0]);
        assert!((likeness.cosine() - 21.0 / (5.0 * 18.0_f64.sqrt())).abs() < 1e-12);
        assert!((likeness.sqnr_db() - 10.0 * 25.0_f64.log10()).abs() < 1e-12);
        assert_eq!(likeness.largest_difference(), 1.0);
        // The parts in any order are the whole.
        let parts = Likeness::of(&[4.0], &[3.0]).and(Likeness::of(&[3.0], &[3.0]));
        assert_eq!(parts, likeness);
    }

    #[test]
    fn silence_is_like_silence_alone() {
        let zero = Likeness::of(&[0.0; 3], &[0.0; 3]);
        assert_eq!((zero.cosine(), zero.sqnr_db()), (1.0, f64::INFINITY));
        assert_eq!(Likeness::of(&[0.0; 3], &[0.0, 1.0, 0.0]).cosine(), 0.0);
        let pairs = [zero, Likeness::of(&[1.0, 0.0], &[0.0, 1.0])];
        assert_eq!(cosines(&pairs), (0.5, 0.0));
    }
}
