//! What a board proves to itself before it is a door: that its models are whole and their owner's, and that it computes with them what
//! the host did.
//!
//! ```text
//! bytes ─ open ─> ModelView      checksum and every offset; with a key, the owner's signature
//! drawn face ─ network ─> sums   the known answer, bit for bit
//! other face ─ network ─> template   not nearly the first one's: a network that tells nobody apart opens for anybody
//! ```
//!
//! A board whose test fails stays locked and shows [`SelfTestError::blink`].

use edge_infer::detect::{Detector, DetectorError};
use edge_infer::engine::{Engine, EngineError};
use edge_infer::matching::{TemplateError, TemplateRef, cosine, quantize};
use model_format::{FormatError, ModelId, ModelView, PublicKey, SignatureError};

use crate::eyes::Memory;
use crate::fault::Blink;
use crate::test_face::TestFace;

/// Two templates of the drawn faces with at least this cosine are of a network that has collapsed. Those of the shipped models have
/// 0.40 and 0.48.
pub const COLLAPSED: f32 = 0.95;

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Finds faces.
    Detector,
    /// Tells people apart.
    Embedding,
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Detector => "detector",
            Self::Embedding => "embedding network",
        })
    }
}

/// Why a board is no door.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// A file is no model.
    #[error("the {role} is no usable model file: {error}")]
    Format {
        /// Which.
        role: Role,
        /// Why.
        error: FormatError,
    },
    /// A file is not what the owner of the board's key signed.
    #[error("the {role}: {error}")]
    Signature {
        /// Which.
        role: Role,
        /// Why.
        error: SignatureError,
    },
    /// The detector is none.
    #[error("the detector: {0}")]
    Detector(DetectorError),
    /// The second network gives no embedding.
    #[error("the embedding network gives other outputs than one embedding")]
    NoEmbedding,
    /// The board's memory does not fit the networks.
    #[error("memory: {0}")]
    Memory(EngineError),
    /// The detector needs a larger arena than there is.
    #[error("the {role} needs an arena of {needed} bytes, the board has {got}")]
    Arena {
        /// Which.
        role: Role,
        /// As planned.
        needed: usize,
        /// As lent.
        got: usize,
    },
    /// Nobody knows what the network must give.
    #[error("there is no known answer of 20 bytes beside the embedding network")]
    NoAnswer,
    /// The answer that is there is another model's.
    #[error("the known answer is of model {answer}, the embedding network is {model}")]
    OtherModel {
        /// Of the network.
        model: ModelId,
        /// Of the answer.
        answer: ModelId,
    },
    /// The board computes something else than the host did.
    #[error(
        "the drawn face gives {found:08x}, {expected:08x} is the known answer: the board computes wrong"
    )]
    Answer {
        /// As known.
        expected: u32,
        /// As computed.
        found: u32,
    },
    /// The embedding has no direction.
    #[error("the drawn face gives no template: {0}")]
    NoTemplate(#[from] TemplateError),
    /// The network tells nobody apart.
    #[error(
        "two drawn faces have cosine {cosine}, less than {COLLAPSED} is needed: the network tells nobody apart"
    )]
    Collapsed {
        /// As computed.
        cosine: f32,
    },
    /// Something wrote beyond its memory.
    #[error("memory beside the arena was written over")]
    Canary,
    /// Every frame would be too old when it was looked at.
    #[error(
        "a frame takes {frame_ms} ms here, and counts for {oldest_ms} ms: the door would never open; install smaller networks"
    )]
    TooSlow {
        /// As measured.
        frame_ms: u32,
        /// By the policy.
        oldest_ms: u32,
    },
}

impl SelfTestError {
    /// Its number for people without a log.
    #[must_use]
    pub fn blink(&self) -> Blink {
        Blink::new(match self {
            Self::Format { .. } => 2,
            Self::Signature { .. } => 3,
            Self::Detector(_) | Self::NoEmbedding => 4,
            Self::NoAnswer | Self::OtherModel { .. } => 4,
            Self::Memory(_) | Self::Arena { .. } => 5,
            Self::Answer { .. } | Self::NoTemplate(_) => 6,
            Self::Collapsed { .. } => 7,
            Self::Canary => 8,
            Self::TooSlow { .. } => 9,
        })
    }
}

/// What the host computed of [`TestFace::Round`] with a model.
///
/// ```text
///   0                16     20
///  | id of the model | sums |      CRC-32 of the embedding's int32 sums, little endian
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownAnswer {
    /// Which model.
    pub model: ModelId,
    /// CRC-32 of its sums.
    pub sums: u32,
}

impl KnownAnswer {
    /// As bytes, to be stored beside the model.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        let (id, sums) = bytes.split_at_mut(16);
        id.copy_from_slice(&self.model.0);
        sums.copy_from_slice(&self.sums.to_le_bytes());
        bytes
    }

    /// From 20 bytes; `None` if there are more or less.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, sums) = bytes.split_first_chunk()?;
        let sums = u32::from_le_bytes(sums.try_into().ok()?);
        Some(Self { model: ModelId(*id), sums })
    }

    /// What `model` gives on this machine.
    ///
    /// # Errors
    /// [`SelfTestError::Memory`].
    pub fn of(model: ModelView<'_>, memory: &mut Memory<'_>) -> Result<Self, SelfTestError> {
        let sums = run(Engine::new(model), TestFace::Round, memory)?;
        Ok(Self { model: model.id(), sums })
    }
}

/// A network from its bytes, a whole file at a multiple of 4. With a `key` it must bear its owner's signature.
///
/// # Errors
/// [`SelfTestError::Format`] or [`SelfTestError::Signature`].
pub fn open<'m>(
    role: Role,
    bytes: &'m [u8],
    key: Option<&PublicKey>,
) -> Result<ModelView<'m>, SelfTestError> {
    let model = ModelView::parse(bytes).map_err(|error| SelfTestError::Format { role, error })?;
    if let Some(key) = key {
        model.verify(key).map_err(|error| SelfTestError::Signature { role, error })?;
    }
    Ok(model)
}

/// Whether the networks are what they must be, and this machine computes with them what the host did. Gives the cosine of the two drawn
/// faces. Takes two runs of the embedding network, and leaves nothing in `memory` that is needed.
///
/// # Errors
/// [`SelfTestError`].
pub fn check(
    detector: ModelView<'_>,
    embedding: ModelView<'_>,
    answer: &KnownAnswer,
    memory: &mut Memory<'_>,
) -> Result<f32, SelfTestError> {
    Detector::new(Engine::new(detector)).map_err(SelfTestError::Detector)?;
    if !embedding.is_embedding() {
        return Err(SelfTestError::NoEmbedding);
    }
    for (role, model) in [(Role::Detector, detector), (Role::Embedding, embedding)] {
        let (needed, got) = (model.arena_bytes(), memory.arena.len());
        if got < needed {
            return Err(SelfTestError::Arena { role, needed, got });
        }
    }
    if answer.model != embedding.id() {
        return Err(SelfTestError::OtherModel { model: embedding.id(), answer: answer.model });
    }
    let found = KnownAnswer::of(embedding, memory)?.sums;
    if found != answer.sums {
        return Err(SelfTestError::Answer { expected: answer.sums, found });
    }
    quantize(memory.embedding, memory.previous)?;
    run(Engine::new(embedding), TestFace::Long, memory)?;
    quantize(memory.embedding, memory.template)?;
    let view = |values| TemplateRef::from_values(values, embedding.id());
    // Of one model, they can be compared. Not below the limit is also what is no number.
    let cosine = cosine(view(memory.template)?, view(memory.previous)?).unwrap_or(f32::NAN);
    if cosine < COLLAPSED { Ok(cosine) } else { Err(SelfTestError::Collapsed { cosine }) }
}

/// Runs the network on a drawn face; a checksum of its sums. The embedding is in `memory`.
fn run(engine: Engine<'_>, face: TestFace, memory: &mut Memory<'_>) -> Result<u32, SelfTestError> {
    let shape = engine.model().input().shape;
    face.draw(shape.width.into(), shape.height.into(), memory.crop);
    let output = engine.run(memory.crop, memory.arena).map_err(SelfTestError::Memory)?;
    output.embedding(memory.embedding).map_err(SelfTestError::Memory)?;
    let mut hasher = crc32fast::Hasher::new();
    output.sums().for_each(|sum| hasher.update(&sum.to_le_bytes()));
    Ok(hasher.finalize())
}
