//! Row-major matrix products on slices, one thread each: the callers split rows over threads so that blocks stay in L2.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

/// A borrowed row-major matrix, or its transpose.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a>(MatRef<'a, f32>);

impl<'a> Matrix<'a> {
    /// `values` holds `rows * columns` numbers, row by row.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self(MatRef::from_row_major_slice(values, rows, columns))
    }

    /// The same numbers read as columns.
    pub(crate) fn transposed(self) -> Self {
        Self(self.0.transpose())
    }
}

/// What happens to the numbers that the output holds already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// They are replaced.
    Replace,
    /// The product is added to them.
    Add,
}

/// `out (+)= a b`, where `out` is row-major `a.rows * b.columns`.
pub(crate) fn multiply(out: &mut [f32], write: Write, a: Matrix<'_>, b: Matrix<'_>) {
    let accum = match write {
        Write::Replace => Accum::Replace,
        Write::Add => Accum::Add,
    };
    let out = MatMut::from_row_major_slice_mut(out, a.0.nrows(), b.0.ncols());
    matmul(out, accum, a.0, b.0, 1.0, Par::Seq);
}

/// Rows of a block whose inputs and outputs (`width` f32 a row together) stay in a core's L2 cache.
pub(crate) fn rows_in_cache(width: usize) -> usize {
    const L2_FLOATS: usize = 96 * 1024;
    (L2_FLOATS / width.max(1)).clamp(64, 2048)
}

/// Adds up partial results in their order, so that the sum does not depend on the thread count.
pub(crate) fn sum_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        for (sum, value) in total.iter_mut().zip(part) {
            *sum += value;
        }
    }
    total
}
