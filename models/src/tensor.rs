//! Activation tensors: shape, quantization, life and place in the arena.
//!
//! A tensor is born at step 0 if it is the model's input, else at the step of the op that writes it. Ops run one a step, op
//! `i` at step `i + 1`, but for those that run together (`rows.rs`). It may be overwritten after its last step. One record:
//!
//! ```text
//!  0       2       4       6    7    8           12
//! | height| width |channels|elem|zero| scale f32 |
//! 12          16      18      20                                  28                 32
//! | offset u32| first | last  | rows held, lead, pace, every u16  | reserved, zero   |
//! ```

use core::fmt;
use core::ops::Range;

use crate::error::FormatError;
use crate::record::{f32_at, i8_at, u8_at, u16_at, u32_at};
use crate::rows::{MAX_SLICES, Rows};

/// Bytes of a tensor record.
pub(crate) const TENSOR_RECORD: usize = 32;

pub(crate) mod field {
    pub(crate) const HEIGHT: usize = 0;
    pub(crate) const WIDTH: usize = 2;
    pub(crate) const CHANNELS: usize = 4;
    pub(crate) const ELEMENT: usize = 6;
    pub(crate) const ZERO_POINT: usize = 7;
    pub(crate) const SCALE: usize = 8;
    pub(crate) const OFFSET: usize = 12;
    pub(crate) const FIRST: usize = 16;
    pub(crate) const LAST: usize = 18;
    pub(crate) const HELD: usize = 20;
    pub(crate) const LEAD: usize = 22;
    pub(crate) const PACE: usize = 24;
    pub(crate) const EVERY: usize = 26;
    pub(crate) const RESERVED: usize = 28;
}

/// Place of a tensor in the file's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorIndex(pub u16);

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// Quantized activations, one byte each.
    I8,
    /// Exact sums, four little-endian bytes each.
    I32,
}

impl ElementType {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I32 => 4,
        }
    }

    #[cfg(feature = "std")]
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::I8 => 1,
            Self::I32 => 2,
        }
    }

    const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            1 => Some(Self::I8),
            2 => Some(Self::I32),
            _ => None,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I8 => "int8",
            Self::I32 => "int32",
        })
    }
}

/// Height, width and channels; elements lie in that order, channels innermost (NHWC with a batch of 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
    /// Channels.
    pub channels: u16,
}

impl Shape {
    /// Elements of the shape; saturates where `usize` cannot hold them, which no tensor of a parsed file reaches.
    #[must_use]
    pub fn elements(&self) -> usize {
        usize::from(self.height)
            .saturating_mul(usize::from(self.width))
            .saturating_mul(usize::from(self.channels))
    }

    /// Elements of the shape, exact: three 16-bit factors fit 48 bits.
    pub(crate) fn elements_u64(&self) -> u64 {
        u64::from(self.height)
            .saturating_mul(u64::from(self.width))
            .saturating_mul(u64::from(self.channels))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// One activation tensor. `real = (stored - zero_point) * scale` for int8; int32 sums have a scale a channel, kept by
/// the op that writes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tensor {
    /// Height, width, channels.
    pub shape: Shape,
    /// Type of the elements.
    pub element: ElementType,
    /// Real value of one step, finite and positive.
    pub scale: f32,
    /// Stored value of real zero.
    pub zero_point: i8,
    /// First byte in the arena; a multiple of 4 for int32.
    pub offset: u32,
    /// Step that writes it: 0 for the model's input; the first step of ops is 1.
    pub first: u16,
    /// Last step that reads it; the number of steps for an output of the model, which the caller reads after the last one.
    pub last: u16,
    /// When its rows are made, and how many are held.
    pub rows: Rows,
}

impl Tensor {
    /// Bytes it takes in the arena, of a band those of the rows that are held; saturates as [`Shape::elements`] does.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.in_arena().elements().saturating_mul(self.element.size())
    }

    /// Bytes it takes, exact: at most 48 + 2 bits.
    pub(crate) fn byte_len_u64(&self) -> u64 {
        let size = match self.element {
            ElementType::I8 => 1,
            ElementType::I32 => 4,
        };
        self.in_arena().elements_u64().saturating_mul(size)
    }

    /// The shape of what the arena holds of it.
    fn in_arena(&self) -> Shape {
        let height = if self.rows.is_band() { self.rows.held } else { self.shape.height };
        Shape { height, ..self.shape }
    }

    /// The rows that slice `slice` makes, counted from 0; see [`Rows::of_slice`].
    #[must_use]
    pub fn new_rows(&self, slice: u16) -> Range<u16> {
        self.rows.of_slice(self.shape.height, slice)
    }

    /// The rows that can be read in slice `slice`; see [`Rows::in_arena`].
    #[must_use]
    pub fn rows_in_arena(&self, slice: u16) -> Range<u16> {
        self.rows.in_arena(self.shape.height, slice)
    }

    /// The slices that make it, at most [`MAX_SLICES`].
    #[must_use]
    pub fn slices(&self) -> u16 {
        let slices = self.rows.slices(self.shape.height);
        u16::try_from(slices).map_or(MAX_SLICES, |slices| slices.min(MAX_SLICES))
    }

    pub(crate) fn decode(record: &[u8; TENSOR_RECORD], tensor: u16) -> Result<Self, FormatError> {
        let found = u8_at::<{ field::ELEMENT }, _>(record);
        Ok(Self {
            shape: Shape {
                height: u16_at::<{ field::HEIGHT }, _>(record),
                width: u16_at::<{ field::WIDTH }, _>(record),
                channels: u16_at::<{ field::CHANNELS }, _>(record),
            },
            element: ElementType::from_tag(found)
                .ok_or(FormatError::UnknownElementType { tensor, found })?,
            scale: f32_at::<{ field::SCALE }, _>(record),
            zero_point: i8_at::<{ field::ZERO_POINT }, _>(record),
            offset: u32_at::<{ field::OFFSET }, _>(record),
            first: u16_at::<{ field::FIRST }, _>(record),
            last: u16_at::<{ field::LAST }, _>(record),
            rows: Rows::decode(record),
        })
    }

    #[cfg(feature = "std")]
    pub(crate) fn encode(&self) -> [u8; TENSOR_RECORD] {
        use crate::record::put;
        let mut record = [0; TENSOR_RECORD];
        put::<{ field::HEIGHT }, _, _>(&mut record, self.shape.height.to_le_bytes());
        put::<{ field::WIDTH }, _, _>(&mut record, self.shape.width.to_le_bytes());
        put::<{ field::CHANNELS }, _, _>(&mut record, self.shape.channels.to_le_bytes());
        put::<{ field::ELEMENT }, _, _>(&mut record, [self.element.tag()]);
        put::<{ field::ZERO_POINT }, _, _>(&mut record, self.zero_point.to_le_bytes());
        put::<{ field::SCALE }, _, _>(&mut record, self.scale.to_le_bytes());
        put::<{ field::OFFSET }, _, _>(&mut record, self.offset.to_le_bytes());
        put::<{ field::FIRST }, _, _>(&mut record, self.first.to_le_bytes());
        put::<{ field::LAST }, _, _>(&mut record, self.last.to_le_bytes());
        self.rows.encode(&mut record);
        record
    }

    /// What one tensor can be checked for on its own.
    pub(crate) fn check(&self, tensor: u16, arena: u32) -> Result<(), FormatError> {
        let Self { shape, scale, offset, rows, .. } = *self;
        if shape.elements_u64() == 0 {
            return Err(FormatError::ShapeEmpty { tensor, shape });
        }
        if !(scale.is_finite() && scale > 0.0) {
            return Err(FormatError::TensorScale { tensor, scale });
        }
        let height = shape.height;
        if !rows.fit(height) {
            return Err(FormatError::TensorRows { tensor, height, rows });
        }
        let slices = rows.slices(height);
        if slices > MAX_SLICES.into() {
            return Err(FormatError::SliceCount { tensor, slices, limit: MAX_SLICES });
        }
        if self.element == ElementType::I32 && !offset.is_multiple_of(4) {
            return Err(FormatError::TensorMisaligned { tensor, offset });
        }
        if self.end() > u64::from(arena) {
            return Err(FormatError::TensorOutsideArena {
                tensor,
                offset,
                len: self.byte_len_u64(),
                arena,
            });
        }
        Ok(())
    }

    /// True if both are alive at one step and share a byte of the arena.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        let alive_together = self.first <= other.last && other.first <= self.last;
        alive_together
            && u64::from(self.offset) < other.end()
            && u64::from(other.offset) < self.end()
    }

    /// First byte after it in the arena.
    fn end(&self) -> u64 {
        u64::from(self.offset).saturating_add(self.byte_len_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(offset: u32, first: u16, last: u16) -> Tensor {
        let shape = Shape { height: 2, width: 3, channels: 4 };
        let (element, rows) = (ElementType::I8, Rows::ALL);
        Tensor { shape, element, scale: 0.5, zero_point: -3, offset, first, last, rows }
    }

    #[test]
    fn lengths_count_elements_and_their_size() {
        let mut tensor = tensor(0, 0, 1);
        assert_eq!(tensor.byte_len(), 24);
        tensor.element = ElementType::I32;
        assert_eq!(tensor.byte_len(), 96);
        tensor.rows.held = 1;
        assert_eq!((tensor.byte_len(), tensor.byte_len_u64()), (48, 48));
        let largest = Shape { height: u16::MAX, width: u16::MAX, channels: u16::MAX };
        assert_eq!(largest.elements_u64(), 65_535_u64.pow(3));
    }

    #[test]
    fn tensors_collide_only_in_both_time_and_place() {
        let first = tensor(0, 0, 2);
        assert!(first.collides(&tensor(23, 2, 3)), "a byte is shared at step 2");
        assert!(!first.collides(&tensor(24, 2, 3)), "they touch, no byte is shared");
        assert!(!first.collides(&tensor(0, 3, 4)), "the first is dead at step 3");
    }

    #[cfg(feature = "std")]
    #[test]
    fn record_bytes_are_as_documented() {
        let rows = Rows { held: 0x0708, lead: 9, pace: 10, every: 0x0b0c };
        let written = Tensor { rows, ..tensor(0x0102_0304, 5, 6) };
        let record = written.encode();
        #[rustfmt::skip]
        let expected = [
            2, 0, 3, 0, 4, 0, 1, 0xfd, 0, 0, 0, 0x3f, 4, 3, 2, 1,
            5, 0, 6, 0, 8, 7, 9, 0, 10, 0, 0xc, 0xb, 0, 0, 0, 0,
        ];
        assert_eq!(record, expected);
        assert_eq!(Tensor::decode(&record, 0), Ok(written));
    }
}
