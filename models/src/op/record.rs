//! The 64 bytes of an op record, field by field, without meaning.
//!
//! ```text
//!  0    1    2    3    4       6       8       10        12        14                  18
//! |kind|act |var |  0 | input |second |output |kernel hw|stride hw|padding t, l, b, r |  0, 0
//! 20              28              36              44              52            60
//! | weights       | bias          | multiplier    | negative      | operand mult. | 0, 0, 0, 0
//! ```
//!
//! `weights` to `negative` are an offset into the constants section and a length, both u32 and in bytes. `second` is the
//! residual, the second input of an add or a concatenation, or the gate of a channel scaling, whose factors are its
//! `multiplier`. A lookup's table is its `weights`, an enlargement's factor its `kernel hw`. The two operand multipliers are f32:
//! of the inputs of an add or a concatenation; of a residual, the second; of an average, the first. A field that an op does
//! not use is zero.

use crate::record::{bytes_at, nonzero_in, u8_at, u16_at, u32_at};

/// Bytes of an op record.
pub(crate) const OP_RECORD: usize = 64;

mod field {
    pub(super) const KIND: usize = 0;
    pub(super) const ACTIVATION: usize = 1;
    pub(super) const VARIANT: usize = 2;
    pub(super) const RESERVED_A: usize = 3;
    pub(super) const INPUT: usize = 4;
    pub(super) const SECOND: usize = 6;
    pub(super) const OUTPUT: usize = 8;
    pub(super) const KERNEL: usize = 10;
    pub(super) const STRIDE: usize = 12;
    pub(super) const PADDING: usize = 14;
    pub(super) const RESERVED_B: usize = 18;
    pub(super) const WEIGHTS: usize = 20;
    pub(super) const BIAS: usize = 28;
    pub(super) const MULTIPLIER: usize = 36;
    pub(super) const NEGATIVE: usize = 44;
    pub(super) const OPERANDS: usize = 52;
    pub(super) const OPERAND_SECOND: usize = OPERANDS + 4;
    pub(super) const RESERVED_C: usize = 60;
}

/// Values of the three tag fields.
pub(crate) mod tag {
    pub(crate) const CONV2D: u8 = 1;
    pub(crate) const DEPTHWISE_CONV2D: u8 = 2;
    pub(crate) const FULLY_CONNECTED: u8 = 3;
    pub(crate) const ADD: u8 = 4;
    pub(crate) const MAX_POOL: u8 = 5;
    pub(crate) const GLOBAL_AVERAGE_POOL: u8 = 6;
    pub(crate) const SCALE_CHANNELS: u8 = 7;
    pub(crate) const LOOKUP: u8 = 8;
    pub(crate) const CONCAT: u8 = 9;
    pub(crate) const UPSAMPLE: u8 = 10;

    pub(crate) const NO_ACTIVATION: u8 = 0;
    pub(crate) const RELU: u8 = 1;
    pub(crate) const PRELU: u8 = 2;

    /// A convolution without residual, or a requantized fully connected op.
    pub(crate) const PLAIN: u8 = 0;
    /// A convolution with residual.
    pub(crate) const RESIDUAL: u8 = 1;
    /// A fully connected op that keeps its sums.
    pub(crate) const SUMS: u8 = 1;
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// An op record, decoded but not understood. The default is all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawOp {
    pub(crate) kind: u8,
    pub(crate) activation: u8,
    pub(crate) variant: u8,
    pub(crate) input: u16,
    pub(crate) second: u16,
    pub(crate) output: u16,
    pub(crate) kernel: [u8; 2],
    pub(crate) stride: [u8; 2],
    pub(crate) padding: [u8; 4],
    pub(crate) weights: Extent,
    pub(crate) bias: Extent,
    pub(crate) multiplier: Extent,
    pub(crate) negative: Extent,
    /// Bits of the two f32 operand multipliers, so that equality means equal bytes.
    pub(crate) operands: [u32; 2],
}

impl RawOp {
    pub(crate) fn decode(record: &[u8; OP_RECORD]) -> Self {
        Self {
            kind: u8_at::<{ field::KIND }, _>(record),
            activation: u8_at::<{ field::ACTIVATION }, _>(record),
            variant: u8_at::<{ field::VARIANT }, _>(record),
            input: u16_at::<{ field::INPUT }, _>(record),
            second: u16_at::<{ field::SECOND }, _>(record),
            output: u16_at::<{ field::OUTPUT }, _>(record),
            kernel: bytes_at::<{ field::KERNEL }, 2, _>(record),
            stride: bytes_at::<{ field::STRIDE }, 2, _>(record),
            padding: bytes_at::<{ field::PADDING }, 4, _>(record),
            weights: extent_at::<{ field::WEIGHTS }, { field::WEIGHTS + 4 }>(record),
            bias: extent_at::<{ field::BIAS }, { field::BIAS + 4 }>(record),
            multiplier: extent_at::<{ field::MULTIPLIER }, { field::MULTIPLIER + 4 }>(record),
            negative: extent_at::<{ field::NEGATIVE }, { field::NEGATIVE + 4 }>(record),
            operands: [
                u32_at::<{ field::OPERANDS }, _>(record),
                u32_at::<{ field::OPERAND_SECOND }, _>(record),
            ],
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn encode(&self) -> [u8; OP_RECORD] {
        use crate::record::put;
        let mut record = [0; OP_RECORD];
        put::<{ field::KIND }, _, _>(&mut record, [self.kind]);
        put::<{ field::ACTIVATION }, _, _>(&mut record, [self.activation]);
        put::<{ field::VARIANT }, _, _>(&mut record, [self.variant]);
        put::<{ field::INPUT }, _, _>(&mut record, self.input.to_le_bytes());
        put::<{ field::SECOND }, _, _>(&mut record, self.second.to_le_bytes());
        put::<{ field::OUTPUT }, _, _>(&mut record, self.output.to_le_bytes());
        put::<{ field::KERNEL }, _, _>(&mut record, self.kernel);
        put::<{ field::STRIDE }, _, _>(&mut record, self.stride);
        put::<{ field::PADDING }, _, _>(&mut record, self.padding);
        put::<{ field::WEIGHTS }, _, _>(&mut record, self.weights.to_bytes());
        put::<{ field::BIAS }, _, _>(&mut record, self.bias.to_bytes());
        put::<{ field::MULTIPLIER }, _, _>(&mut record, self.multiplier.to_bytes());
        put::<{ field::NEGATIVE }, _, _>(&mut record, self.negative.to_bytes());
        let [first, second] = self.operands;
        put::<{ field::OPERANDS }, _, _>(&mut record, first.to_le_bytes());
        put::<{ field::OPERAND_SECOND }, _, _>(&mut record, second.to_le_bytes());
        record
    }
}

impl Extent {
    /// Offset, then length.
    #[cfg(feature = "std")]
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.len) << 32 | u64::from(self.offset)).to_le_bytes()
    }
}

fn extent_at<const OFFSET: usize, const LEN: usize>(record: &[u8; OP_RECORD]) -> Extent {
    Extent { offset: u32_at::<OFFSET, _>(record), len: u32_at::<LEN, _>(record) }
}

/// Position of the first reserved byte that is not zero.
pub(crate) fn reserved_not_zero(record: &[u8; OP_RECORD]) -> Option<usize> {
    nonzero_in(record, field::RESERVED_A, field::INPUT)
        .or_else(|| nonzero_in(record, field::RESERVED_B, field::WEIGHTS))
        .or_else(|| nonzero_in(record, field::RESERVED_C, OP_RECORD))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn record_bytes_are_as_documented() {
        let raw = RawOp {
            kind: 1,
            activation: 2,
            variant: 1,
            input: 0x0405,
            second: 0x0607,
            output: 0x0809,
            kernel: [10, 11],
            stride: [12, 13],
            padding: [14, 15, 16, 17],
            weights: Extent { offset: 0x40, len: 0x1b },
            bias: Extent { offset: 0x5c, len: 8 },
            multiplier: Extent { offset: 0x64, len: 8 },
            negative: Extent { offset: 0x6c, len: 8 },
            operands: [0, 1.0_f32.to_bits()],
        };
        #[rustfmt::skip]
        let expected = [
            1, 2, 1, 0, 5, 4, 7, 6, 9, 8, 10, 11, 12, 13, 14, 15, 16, 17, 0, 0,
            0x40, 0, 0, 0, 0x1b, 0, 0, 0, 0x5c, 0, 0, 0, 8, 0, 0, 0,
            0x64, 0, 0, 0, 8, 0, 0, 0, 0x6c, 0, 0, 0, 8, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0,
        ];
        assert_eq!(raw.encode(), expected);
        assert_eq!(RawOp::decode(&expected), raw);
    }
}
