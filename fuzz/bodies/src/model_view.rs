//! The target `model_view`: a valid file, some edits, the checksum made right again or not; then parse. A file that is
//! accepted must keep every promise of the view, whatever the edits were.

use arbitrary::{Result, Unstructured};
use model_format::ModelFile;
use model_format::writer::reseal;

use crate::{Outcome, edit, oracle, plan};

/// Runs one case.
///
/// # Panics
/// On a finding: a valid model refused, or a promise of an accepted one broken.
pub fn model_view(data: &[u8]) -> Outcome {
    run(&mut Unstructured::new(data)).unwrap_or(Outcome::Starved)
}

fn run(input: &mut Unstructured<'_>) -> Result<Outcome> {
    let mut file = plan::arbitrary(input)?;
    let edits = input.int_in_range(0..=6)?;
    for _ in 0..edits {
        edit::arbitrary(input, &mut file)?;
    }
    if input.arbitrary()? {
        reseal(&mut file);
    }
    match ModelFile::from_bytes(&file) {
        Ok(file) => {
            oracle::check(&file.view());
            Ok(Outcome::Accepted)
        }
        Err(error) => {
            assert!(edits > 0, "a file without edits is refused: {error}");
            assert!(!error.to_string().is_empty());
            Ok(Outcome::Refused)
        }
    }
}
