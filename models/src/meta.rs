//! What a model says about itself: how pixels enter, where landmarks go, which thresholds were measured, where it comes
//! from. A fixed record, then the texts without separators:
//!
//! ```text
//!   0     1       4        16        28                   68        70     71    72       80
//!  |colour| 0,0,0 | mean x3| scale x3| landmarks 5x(x, y) |emb. len |count | 0   |seed u64|
//!  80                              94   96                          224
//!  | lengths of the texts, 7 x u16 | 0,0| 16 x (FMR f32, cosine f32)| texts ...
//! ```
//!
//! Texts in order: name, data, command, commit, licence, list of outputs, verdict. The list is no prose (`outputs.rs`) and has no
//! bytes in an embedding network; the verdict has none in a file that was not measured. Threshold places from `count` on are
//! zero.

use crate::error::{FormatError, Section, Text};
use crate::header::SectionBytes;
use crate::outputs::Outputs;
use crate::record::{bytes_at, f32_at, f32s_at, nonzero_in, u8_at, u16_at, u64_at};

/// Bytes of the fixed record.
pub(crate) const METADATA_RECORD: usize = 224;

/// Bytes of one threshold.
pub(crate) const THRESHOLD_RECORD: usize = 8;

/// Places for thresholds.
pub const MAX_THRESHOLDS: u8 = 16;

pub(crate) mod field {
    pub(crate) const COLOUR: usize = 0;
    pub(crate) const RESERVED_A: usize = 1;
    pub(crate) const MEAN: usize = 4;
    pub(crate) const SCALE: usize = 16;
    pub(crate) const LANDMARKS: usize = 28;
    pub(crate) const EMBEDDING_LEN: usize = 68;
    pub(crate) const THRESHOLD_COUNT: usize = 70;
    pub(crate) const RESERVED_B: usize = 71;
    pub(crate) const SEED: usize = 72;
    pub(crate) const TEXT_LENGTHS: usize = 80;
    pub(crate) const RESERVED_C: usize = 94;
    pub(crate) const THRESHOLDS: usize = 96;
}

/// Order of the colour channels in the input tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// How many texts follow the record.
pub(crate) const TEXTS: usize = 7;

impl ColourOrder {
    #[cfg(feature = "std")]
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Rgb => 1,
            Self::Bgr => 2,
        }
    }

    const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            1 => Some(Self::Rgb),
            2 => Some(Self::Bgr),
            _ => None,
        }
    }
}

/// How pixels enter: `real = (pixel - mean[c]) * scale[c]`, channels in the order of `colour`. The input tensor stores
/// `pixel - 128`; mean and scale are folded into the first convolution and recorded here for host tools.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpec {
    /// Order of the channels.
    pub colour: ColourOrder,
    /// Finite.
    pub mean: [f32; 3],
    /// Finite and positive.
    pub scale: [f32; 3],
}

/// A cosine measured to give a false match rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// False match rate, between 0 and 1.
    pub fmr: f32,
    /// Cosine at and above which two templates match, -1 to 1.
    pub cosine: f32,
}

impl Threshold {
    /// FMR, then cosine.
    pub(crate) fn decode(record: &[u8; THRESHOLD_RECORD]) -> Self {
        Self { fmr: f32_at::<0, _>(record), cosine: f32_at::<4, _>(record) }
    }

    #[cfg(feature = "std")]
    pub(crate) fn encode(&self) -> [u8; THRESHOLD_RECORD] {
        bytemuck::cast([self.fmr.to_le_bytes(), self.cosine.to_le_bytes()])
    }
}

/// What a model says about itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metadata<'a> {
    /// How pixels enter.
    pub input: InputSpec,
    /// x, y in pixels of the model's input: left-of-image eye, right-of-image eye, nose, left-of-image mouth corner,
    /// right-of-image mouth corner.
    pub landmarks: [[f32; 2]; 5],
    /// Length of an embedding, equal to the channels of the output tensor; zero in a network of other named outputs.
    pub embedding_len: u16,
    /// Name of the model.
    pub name: &'a str,
    /// Data it was trained on.
    pub data: &'a str,
    /// Command that made it.
    pub command: &'a str,
    /// Random seed of the training.
    pub seed: u64,
    /// Source revision that made it.
    pub commit: &'a str,
    /// Licence of the weights.
    pub licence: &'a str,
    /// What int8 costs the network, as it was measured when the file was made; empty if it was not.
    pub verdict: &'a str,
}

/// The metadata section, taken apart.
pub(crate) struct Parts<'a> {
    pub(crate) metadata: Metadata<'a>,
    /// The used threshold places.
    pub(crate) thresholds: &'a [[u8; THRESHOLD_RECORD]],
    pub(crate) outputs: Outputs<'a>,
}

/// Decodes and checks the metadata section.
pub(crate) fn parse(section: SectionBytes<'_>) -> Result<Parts<'_>, FormatError> {
    let (record, texts) =
        section.bytes.split_first_chunk::<METADATA_RECORD>().ok_or(FormatError::SectionLength {
            section: Section::Metadata,
            len: section.bytes.len(),
            record: METADATA_RECORD,
        })?;
    let thresholds = parse_thresholds(record)?;
    let used = thresholds.len().saturating_mul(THRESHOLD_RECORD);
    for (from, to) in [
        (field::RESERVED_A, field::MEAN),
        (field::RESERVED_B, field::SEED),
        (field::RESERVED_C, field::THRESHOLDS),
        (field::THRESHOLDS.saturating_add(used), METADATA_RECORD),
    ] {
        if let Some(position) = nonzero_in(record, from, to) {
            return Err(FormatError::ReservedNotZero {
                offset: section.offset.saturating_add(position),
            });
        }
    }
    let [name, data, command, commit, licence, outputs, verdict] = cut_texts(record, texts)?;
    let metadata = Metadata {
        input: parse_input(record)?,
        landmarks: parse_landmarks(record)?,
        embedding_len: u16_at::<{ field::EMBEDDING_LEN }, _>(record),
        name: text(Text::Name, name)?,
        data: text(Text::Data, data)?,
        command: text(Text::Command, command)?,
        seed: u64_at::<{ field::SEED }, _>(record),
        commit: text(Text::Commit, commit)?,
        licence: text(Text::Licence, licence)?,
        verdict: text(Text::Verdict, verdict)?,
    };
    Ok(Parts { metadata, thresholds, outputs: Outputs::parse(outputs)? })
}

fn parse_input(record: &[u8; METADATA_RECORD]) -> Result<InputSpec, FormatError> {
    let found = u8_at::<{ field::COLOUR }, _>(record);
    let colour = ColourOrder::from_tag(found).ok_or(FormatError::UnknownColourOrder { found })?;
    let mean = f32s_at::<{ field::MEAN }, 3, _>(record);
    let scale = f32s_at::<{ field::SCALE }, 3, _>(record);
    for (channel, (&mean, &scale)) in mean.iter().zip(&scale).enumerate() {
        if !(mean.is_finite() && scale.is_finite() && scale > 0.0) {
            return Err(FormatError::InputSpec { channel, mean, scale });
        }
    }
    Ok(InputSpec { colour, mean, scale })
}

fn parse_landmarks(record: &[u8; METADATA_RECORD]) -> Result<[[f32; 2]; 5], FormatError> {
    let landmarks = [
        f32s_at::<{ field::LANDMARKS }, 2, _>(record),
        f32s_at::<{ field::LANDMARKS + 8 }, 2, _>(record),
        f32s_at::<{ field::LANDMARKS + 16 }, 2, _>(record),
        f32s_at::<{ field::LANDMARKS + 24 }, 2, _>(record),
        f32s_at::<{ field::LANDMARKS + 32 }, 2, _>(record),
    ];
    for (index, [x, y]) in landmarks.into_iter().enumerate() {
        if !(x.is_finite() && y.is_finite()) {
            return Err(FormatError::Landmark { index, x, y });
        }
    }
    Ok(landmarks)
}

fn parse_thresholds(
    record: &[u8; METADATA_RECORD],
) -> Result<&[[u8; THRESHOLD_RECORD]], FormatError> {
    let count = u8_at::<{ field::THRESHOLD_COUNT }, _>(record);
    let (places, _) = record.get(field::THRESHOLDS..).unwrap_or_default().as_chunks();
    let used = places
        .get(..usize::from(count))
        .ok_or(FormatError::ThresholdCount { count, limit: MAX_THRESHOLDS })?;
    for (index, place) in used.iter().enumerate() {
        let Threshold { fmr, cosine } = Threshold::decode(place);
        // Written so that NaN is refused.
        if !(fmr > 0.0 && fmr < 1.0 && (-1.0..=1.0).contains(&cosine)) {
            return Err(FormatError::Threshold { index, fmr, cosine });
        }
    }
    Ok(used)
}

/// Cuts the texts apart; together they must fill the section.
fn cut_texts<'a>(
    record: &[u8; METADATA_RECORD],
    texts: &'a [u8],
) -> Result<[&'a [u8]; TEXTS], FormatError> {
    let lengths = bytes_at::<{ field::TEXT_LENGTHS }, { 2 * TEXTS }, _>(record);
    let (lengths, _) = lengths.as_chunks();
    let lengths = lengths.iter().map(|&len| usize::from(u16::from_le_bytes(len)));
    let stated = lengths.clone().fold(0, usize::saturating_add);
    let mismatch = FormatError::TextLength { stated, found: texts.len() };
    if stated != texts.len() {
        return Err(mismatch);
    }
    let mut rest = texts;
    let mut cut = [[].as_slice(); TEXTS];
    for (to, len) in cut.iter_mut().zip(lengths) {
        (*to, rest) = rest.split_at_checked(len).ok_or(mismatch)?;
    }
    Ok(cut)
}

fn text(which: Text, bytes: &[u8]) -> Result<&str, FormatError> {
    core::str::from_utf8(bytes)
        .map_err(|error| FormatError::TextEncoding { text: which, valid: error.valid_up_to() })
}
