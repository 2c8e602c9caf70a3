//! A function of one stored value, as a table of its 256 results.
//!
//! ```text
//! y[i] = table[input[i] + 128]
//! ```
//!
//! The table holds the function and both scales, so a sigmoid costs what a copy costs.

use super::LengthError;
use super::geometry::check;

/// Entries of the table.
const VALUES: usize = 256;

/// Arguments of [`lookup`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lookup<'a> {
    /// Stored values.
    pub input: &'a [i8],
    /// 256 results, that of stored value `x` at `x + 128`.
    pub table: &'a [i8],
}

/// Writes the results into `output`.
///
/// # Errors
/// Input and output are not equally long, or the table has not 256 entries. `output` is then
/// untouched.
pub fn lookup(layer: &Lookup<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    check("input", layer.input, output.len())?;
    check("table", layer.table, VALUES)?;
    for (output, &input) in output.iter_mut().zip(layer.input) {
        // From 0 to 255, as -128 is the least value.
        let entry = layer.table.get((i32::from(input) + 128) as usize);
        *output = entry.copied().unwrap_or_default();
    }
    Ok(())
}
