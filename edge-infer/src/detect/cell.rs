//! One cell's guess: from values in cells to pixels.
//!
//! ```text
//! centre   = (cell + offset) * stride          landmark = (cell + offset) * stride
//! size     = e^value * stride
//! ```

use super::Face;
use crate::float::exp;

/// A place on one of the grids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) row: usize,
    pub(super) column: usize,
    /// Pixels a cell.
    pub(super) stride: u16,
}

impl Cell {
    /// The face that the cell's outputs stand for.
    pub(super) fn face(
        self,
        score: f32,
        [x, y, width, height]: [f32; 4],
        points: [f32; 10],
    ) -> Face {
        let stride = f32::from(self.stride);
        let across = |offset: f32| (self.column as f32 + offset) * stride;
        let down = |offset: f32| (self.row as f32 + offset) * stride;
        let (width, height) = (exp(width) * stride, exp(height) * stride);
        let mut landmarks = [[0.0; 2]; 5];
        let (pairs, _) = points.as_chunks();
        for (landmark, &[x, y]) in landmarks.iter_mut().zip(pairs) {
            *landmark = [across(x), down(y)];
        }
        Face {
            x: across(x) - width / 2.0,
            y: down(y) - height / 2.0,
            width,
            height,
            landmarks,
            score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_by_hand() {
        let cell = Cell { row: 2, column: 3, stride: 16 };
        let ln_2 = core::f32::consts::LN_2;
        let points = [0.0, 0.0, 1.0, 0.0, 0.5, 0.5, -1.0, 2.0, 0.25, -0.25];
        let face = cell.face(0.75, [0.5, -0.25, ln_2, 0.0], points);
        // Centre (3.5, 1.75) * 16 = (56, 28), size 32 x 16.
        assert_eq!((face.x, face.y, face.width, face.height), (40.0, 20.0, 32.0, 16.0));
        let expected = [[48.0, 32.0], [64.0, 32.0], [56.0, 40.0], [32.0, 64.0], [52.0, 28.0]];
        assert_eq!((face.landmarks, face.score), (expected, 0.75));
    }
}
