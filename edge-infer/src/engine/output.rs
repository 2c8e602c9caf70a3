//! What a run leaves in the arena: exact integers, each with the scale that makes it real.

use model_format::{FullyConnectedResult, ModelView, Op, TensorIndex};

use super::{EngineError, step};

/// An output of a run: `real[i] = f32(sum[i]) * scale[i]`, HWC.
///
/// A face network ends in a fully connected layer that keeps its int32 sums. An output may also be
/// an int8 tensor, as a detector's are; its sums are then `stored - zero_point` and all scales are
/// the tensor's.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    values: Values<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    Sums { little_endian: &'a [[u8; 4]], scales: &'a [f32] },
    Int8 { stored: &'a [i8], zero_point: i8, scale: f32 },
}

impl<'a> Output<'a> {
    /// Reads an output tensor of `model`; `None` if it does not lie in the arena, which parsing has
    /// ruled out.
    pub(super) fn new<'m: 'a>(
        model: &ModelView<'m>,
        output: TensorIndex,
        arena: &'a [u8],
    ) -> Option<Self> {
        let tensor = model.tensor(output)?;
        let bytes = arena.get(step::range(&tensor))?;
        let scales = model.ops().find_map(|op| match op {
            Op::FullyConnected(op) if op.output == output => match op.result {
                FullyConnectedResult::Sums { scales } => Some(scales),
                FullyConnectedResult::Requantized(_) => None,
            },
            _ => None,
        });
        let values = match scales {
            Some(scales) => Values::Sums { little_endian: bytes.as_chunks().0, scales },
            None => Values::Int8 {
                stored: step::int8(bytes)?,
                zero_point: tensor.zero_point,
                scale: tensor.scale,
            },
        };
        Some(Self { values })
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self.values {
            Values::Sums { little_endian, .. } => little_endian.len(),
            Values::Int8 { stored, .. } => stored.len(),
        }
    }

    /// Whether there are none, which no model's output is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The exact integers.
    pub fn sums(&self) -> impl Iterator<Item = i32> + use<'a> {
        let (words, stored, zero_point): (&[[u8; 4]], &[i8], i8) = match self.values {
            Values::Sums { little_endian, .. } => (little_endian, &[], 0),
            Values::Int8 { stored, zero_point, .. } => (&[], stored, zero_point),
        };
        let sums = words.iter().map(|&word| i32::from_le_bytes(word));
        sums.chain(stored.iter().map(move |&value| i32::from(value) - i32::from(zero_point)))
    }

    /// The scale of each sum.
    pub fn scales(&self) -> impl Iterator<Item = f32> + use<'a> {
        let (each, all, count): (&[f32], f32, usize) = match self.values {
            Values::Sums { scales, .. } => (scales, 0.0, 0),
            Values::Int8 { stored, scale, .. } => (&[], scale, stored.len()),
        };
        each.iter().copied().chain(core::iter::repeat_n(all, count))
    }

    /// The real value at `index`; `None` past the end.
    pub fn value(&self, index: usize) -> Option<f32> {
        match self.values {
            Values::Sums { little_endian, scales } => {
                let sum = i32::from_le_bytes(*little_endian.get(index)?);
                Some(sum as f32 * scales.get(index)?)
            }
            Values::Int8 { stored, zero_point, scale } => {
                let distance = i32::from(*stored.get(index)?) - i32::from(zero_point);
                Some(distance as f32 * scale)
            }
        }
    }

    /// Every real value: each sum, rounded to `f32`, times its scale.
    pub fn values(&self) -> impl Iterator<Item = f32> + use<'a> {
        self.sums().zip(self.scales()).map(|(sum, scale)| sum as f32 * scale)
    }

    /// Writes the embedding, not normalized: each sum, rounded to `f32`, times its scale.
    ///
    /// # Errors
    /// [`EngineError::EmbeddingLength`] when `embedding` is not [`len`](Self::len) long.
    pub fn embedding(&self, embedding: &mut [f32]) -> Result<(), EngineError> {
        let (needed, got) = (self.len(), embedding.len());
        if got != needed {
            return Err(EngineError::EmbeddingLength { needed, got });
        }
        embedding.iter_mut().zip(self.values()).for_each(|(to, value)| *to = value);
        Ok(())
    }
}
