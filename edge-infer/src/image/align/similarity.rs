//! The least-squares similarity between two sets of five points, in closed form.
//!
//! A similarity without reflection has four parameters:
//!
//! ```text
//! | u |   | a  -b | | x |   | tx |
//! | v | = | b   a | | y | + | ty |        scale² = a² + b²  =  determinant  > 0
//! ```
//!
//! With both sets centred on their means, the sum of squared distances is smallest for
//!
//! ```text
//! a = Σ (x u + y v) / Σ (x² + y²)        b = Σ (x v - y u) / Σ (x² + y²)
//! ```
//!
//! and `t` maps mean to mean. That is Umeyama's solution (IEEE PAMI 13(4), 1991) in two dimensions
//! with its sign correction built in: a reflection cannot be written in these parameters, so
//! mirrored points get the best rotation.

use super::{AlignError, Landmarks};

/// Points whose spread is below this share of their squared distance from the origin are one point
/// in `f32`.
const COINCIDENT: f64 = 1e-12;

/// A fit that explains less of the spread than this is rounding noise.
const UNEXPLAINED: f64 = 1e-9;

/// A rotation, a uniform scale and a shift, from source pixels to template pixels. Never a
/// reflection, always invertible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    a: f64,
    b: f64,
    tx: f64,
    ty: f64,
}

impl Similarity {
    /// The upper two rows of the matrix: `[[a, -b, tx], [b, a, ty]]`.
    pub fn matrix(&self) -> [[f64; 3]; 2] {
        let Self { a, b, tx, ty } = *self;
        [[a, -b, tx], [b, a, ty]]
    }

    /// Where a source point lands.
    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let Self { a, b, tx, ty } = *self;
        [a * x - b * y + tx, b * x + a * y + ty]
    }

    /// The transform back, from template pixels to source pixels.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let Self { a, b, tx, ty } = *self;
        let determinant = a * a + b * b;
        let (a, b) = (a / determinant, -b / determinant);
        Self { a, b, tx: b * ty - a * tx, ty: -b * tx - a * ty }
    }
}

/// The similarity that takes `from` closest to `to` in least squares.
///
/// # Errors
/// [`AlignError::NotFinite`], [`AlignError::Coincident`] or [`AlignError::NoRotation`] when the
/// points determine no similarity. Collinear points do determine one.
pub fn similarity(from: &Landmarks, to: &Landmarks) -> Result<Similarity, AlignError> {
    let source = Centred::new("source", from)?;
    let target = Centred::new("template", to)?;
    let (mut along, mut across) = (0.0, 0.0);
    for ([x, y], [u, v]) in source.offsets().zip(target.offsets()) {
        along += x * u + y * v;
        across += x * v - y * u;
    }
    // Divided one after the other, so that no product of two spreads can overflow or vanish.
    let explained = (along / source.spread) * (along / target.spread)
        + (across / source.spread) * (across / target.spread);
    if explained < UNEXPLAINED {
        return Err(AlignError::NoRotation { explained });
    }
    let (a, b) = (along / source.spread, across / source.spread);
    let ([x, y], [u, v]) = (source.mean, target.mean);
    Ok(Similarity { a, b, tx: u - (a * x - b * y), ty: v - (b * x + a * y) })
}

/// Points, their mean and the sum of their squared distances from it.
struct Centred<'a> {
    points: &'a Landmarks,
    mean: [f64; 2],
    spread: f64,
}

impl<'a> Centred<'a> {
    fn new(set: &'static str, points: &'a Landmarks) -> Result<Self, AlignError> {
        let mut mean = [0.0; 2];
        let mut from_origin = 0.0;
        for (point, &[x, y]) in points.iter().enumerate() {
            if !(x.is_finite() && y.is_finite()) {
                return Err(AlignError::NotFinite { set, point, x, y });
            }
            let [x, y] = [f64::from(x), f64::from(y)];
            mean = [mean[0] + x, mean[1] + y];
            from_origin += x * x + y * y;
        }
        let [x, y] = mean.map(|sum| sum / points.len() as f64);
        let mut centred = Self { points, mean: [x, y], spread: 0.0 };
        centred.spread = centred.offsets().map(|[x, y]| x * x + y * y).sum();
        if centred.spread <= COINCIDENT * from_origin {
            return Err(AlignError::Coincident { set, x, y });
        }
        Ok(centred)
    }

    fn offsets(&self) -> impl Iterator<Item = [f64; 2]> {
        let [mean_x, mean_y] = self.mean;
        let offset = move |&[x, y]: &[f32; 2]| [f64::from(x) - mean_x, f64::from(y) - mean_y];
        self.points.iter().map(offset)
    }
}
