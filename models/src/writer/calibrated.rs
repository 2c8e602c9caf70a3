//! Other thresholds for a finished file: a network that was measured again. What it computes stays, and so do its id, its plan and every
//! byte before the metadata.

use std::string::String;
use std::vec::Vec;

use super::layout;
use super::{MetadataSpec, OutputSpec, WriteError, reseal};
use crate::header::{self, HEADER};
use crate::meta::{Metadata, Threshold};
use crate::record::{put, to_usize, u32_at};
use crate::view::ModelView;
use crate::{ModelFile, NamedOutput};

/// The file of `view` with these thresholds, at most 16, in the place of its own; `command` is what made it and them. A signature is
/// left out: it is not of this file.
///
/// # Errors
/// [`WriteError`] for too many thresholds or one out of range, or a command that is too long.
pub fn calibrated(
    view: &ModelView<'_>,
    thresholds: &[Threshold],
    command: &str,
) -> Result<Vec<u8>, WriteError> {
    let spec = MetadataSpec { command: command.into(), ..MetadataSpec::of(&view.metadata()) };
    let named = view.outputs().filter(|_| !view.is_embedding());
    let outputs: Vec<OutputSpec> = named.map(OutputSpec::of).collect();
    let metadata = layout::metadata(&spec, thresholds, &layout::outputs(&outputs)?)?;
    // Of the sections the metadata are the last; behind them is at most a signature.
    let mut file = view.bytes().to_vec();
    if let Some(header) = file.first_chunk::<HEADER>() {
        let start = u32_at::<{ header::field::METADATA }, _>(header);
        file.truncate(to_usize(start));
    }
    let extent = layout::append(&mut file, &metadata)?;
    let total = layout::offset(file.len())?;
    if let Some(header) = file.first_chunk_mut::<HEADER>() {
        use header::field;
        put::<{ field::METADATA }, _, _>(header, extent.to_bytes());
        put::<{ field::TOTAL }, _, _>(header, total.to_le_bytes());
        put::<{ field::SIGNATURE }, _, _>(header, [0; 4]);
    }
    reseal(&mut file);
    ModelFile::from_bytes(&file)?;
    Ok(file)
}

impl MetadataSpec {
    fn of(metadata: &Metadata<'_>) -> Self {
        let Metadata { input, landmarks, embedding_len, seed, .. } = *metadata;
        let owned = |text: &str| String::from(text);
        Self {
            input,
            landmarks,
            embedding_len,
            name: owned(metadata.name),
            data: owned(metadata.data),
            command: owned(metadata.command),
            seed,
            commit: owned(metadata.commit),
            licence: owned(metadata.licence),
            verdict: owned(metadata.verdict),
        }
    }
}

impl OutputSpec {
    fn of(output: NamedOutput<'_>) -> Self {
        Self { name: output.name.into(), tensor: output.tensor }
    }
}
