//! A network that came from elsewhere, to be learned on: what it must be, and its file in a run's folder.

use crate::graph::{Graph, GraphError, OnnxError, from_exported};
use crate::net::{Architecture, NetworkConfig};
use std::path::Path;

/// A network that no run can learn on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportedError {
    /// The file.
    #[error(transparent)]
    File(#[from] OnnxError),
    /// The network in it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// It gives no embedding.
    #[error("the network gives {0}: only one with an embedding as its only output can be trained")]
    NoEmbedding(String),
    /// Batches are of square images.
    #[error("the network takes images of {width}x{height}: only square ones can be trained on")]
    NotSquare {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The settings are of another.
    #[error(
        "the network takes images of side {} and gives {} numbers, the settings beside it say {} and {}: \
         both must be of the same run",
        found.input, found.embedding, needed.input, needed.embedding
    )]
    Other {
        /// What is in the file.
        found: NetworkConfig,
        /// What the settings say.
        needed: NetworkConfig,
    },
}

/// What a run's settings say of an imported network.
///
/// # Errors
/// What [`ImportedError`] lists.
pub fn settings(graph: &Graph) -> Result<NetworkConfig, ImportedError> {
    let shapes = graph.check()?;
    if !graph.is_embedding(&shapes) {
        let names: Vec<&str> = graph.outputs.iter().map(|output| &*output.name).collect();
        return Err(ImportedError::NoEmbedding(names.join(", ")));
    }
    let (width, height) = (graph.input.width, graph.input.height);
    if width != height {
        return Err(ImportedError::NotSquare { width, height });
    }
    let (architecture, embedding) = (Architecture::Imported, shapes[graph.output().0].elements());
    Ok(NetworkConfig { architecture, input: width, embedding, ..NetworkConfig::default() })
}

/// Reads the network that a run with these settings began from.
///
/// # Errors
/// What [`ImportedError`] lists.
pub(super) fn read(path: &Path, needed: &NetworkConfig) -> Result<Graph, ImportedError> {
    let graph = from_exported(path)?;
    let found = settings(&graph)?;
    if found != *needed {
        return Err(ImportedError::Other { found, needed: needed.clone() });
    }
    Ok(graph)
}

#[cfg(test)]
pub(super) mod tests;
