//! The tensors that a network gives, by name, where it is no embedding network. Entries without separators, among the
//! metadata's texts:
//!
//! ```text
//!  0        2        4
//! | tensor | length | name ..   |  u16, u16, UTF-8
//! ```
//!
//! An embedding network has no list: its one output is the header's. A network with a list has no embedding; the first
//! entry is the header's output.

use crate::error::{FormatError, Text};
use crate::tensor::TensorIndex;

/// The most outputs that a list may have.
pub const MAX_OUTPUTS: u8 = 64;

/// The name of the output of an embedding network, which has no list.
pub const EMBEDDING: &str = "embedding";

/// A tensor that a network gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedOutput<'a> {
    /// What the network's authors call it.
    pub name: &'a str,
    /// Where its values are.
    pub tensor: TensorIndex,
}

/// The list as it lies in the file, each entry checked by itself.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a>(&'a [u8]);

impl<'a> Outputs<'a> {
    /// Checks the entries: lengths, encoding, names that differ, tensors that differ.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len().saturating_sub(rest.len());
            let (_, name, after) = cut(rest).ok_or(FormatError::OutputCut { at })?;
            core::str::from_utf8(name).map_err(|error| FormatError::TextEncoding {
                text: Text::Outputs,
                valid: at.saturating_add(error.valid_up_to()),
            })?;
            rest = after;
        }
        let outputs = Self(bytes);
        let count = outputs.iter().count();
        if count > usize::from(MAX_OUTPUTS) {
            return Err(FormatError::OutputCount { count, limit: MAX_OUTPUTS });
        }
        for (index, output) in outputs.iter().enumerate() {
            let alike =
                |other: NamedOutput<'_>| other.name == output.name || other.tensor == output.tensor;
            if output.name.is_empty() || outputs.iter().take(index).any(alike) {
                return Err(FormatError::OutputsAlike { index });
            }
        }
        Ok(outputs)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = NamedOutput<'a>> + Clone + use<'a> {
        // `parse` has cut every entry, so none is left out here.
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (tensor, name, after) = cut(rest)?;
            rest = after;
            Some(NamedOutput { name: core::str::from_utf8(name).ok()?, tensor })
        })
    }
}

/// The first entry, and what is behind it.
fn cut(bytes: &[u8]) -> Option<(TensorIndex, &[u8], &[u8])> {
    let (&tensor, rest) = bytes.split_first_chunk()?;
    let (&len, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(len)))?;
    Some((TensorIndex(u16::from_le_bytes(tensor)), name, rest))
}
