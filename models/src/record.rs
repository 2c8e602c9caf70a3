//! Little-endian fields of fixed-size records, without a path to a panic.
//!
//! A record is an array `&[u8; R]` and a field is the constant offset `AT`, so that a field outside its record does not
//! compile. What the fields mean is left to the modules that own the records.

/// The `N` bytes of `record` from byte `AT`.
pub(crate) fn bytes_at<const AT: usize, const N: usize, const R: usize>(
    record: &[u8; R],
) -> [u8; N] {
    const { assert!(AT + N <= R, "the field ends outside its record") };
    // The assertion above makes the default unreachable.
    core::array::from_fn(|i| record.get(AT.saturating_add(i)).copied().unwrap_or_default())
}

pub(crate) fn u8_at<const AT: usize, const R: usize>(record: &[u8; R]) -> u8 {
    u8::from_le_bytes(bytes_at::<AT, 1, R>(record))
}

pub(crate) fn i8_at<const AT: usize, const R: usize>(record: &[u8; R]) -> i8 {
    i8::from_le_bytes(bytes_at::<AT, 1, R>(record))
}

pub(crate) fn u16_at<const AT: usize, const R: usize>(record: &[u8; R]) -> u16 {
    u16::from_le_bytes(bytes_at::<AT, 2, R>(record))
}

pub(crate) fn u32_at<const AT: usize, const R: usize>(record: &[u8; R]) -> u32 {
    u32::from_le_bytes(bytes_at::<AT, 4, R>(record))
}

pub(crate) fn u64_at<const AT: usize, const R: usize>(record: &[u8; R]) -> u64 {
    u64::from_le_bytes(bytes_at::<AT, 8, R>(record))
}

pub(crate) fn f32_at<const AT: usize, const R: usize>(record: &[u8; R]) -> f32 {
    f32::from_le_bytes(bytes_at::<AT, 4, R>(record))
}

/// The `N` floats of `record` from byte `AT`.
pub(crate) fn f32s_at<const AT: usize, const N: usize, const R: usize>(
    record: &[u8; R],
) -> [f32; N] {
    const { assert!(AT + 4 * N <= R, "the field ends outside its record") };
    core::array::from_fn(|i| {
        let field =
            record.get(AT.saturating_add(i.saturating_mul(4))..).and_then(<[u8]>::first_chunk);
        f32::from_le_bytes(field.copied().unwrap_or_default())
    })
}

/// Position of the first byte that is not zero in `record[from..to]`.
pub(crate) fn nonzero_in(record: &[u8], from: usize, to: usize) -> Option<usize> {
    record.iter().take(to).enumerate().skip(from).find_map(|(at, &byte)| (byte != 0).then_some(at))
}

/// `usize` of a `u32`: exact where pointers have 32 bits or more, else the largest `usize`, which no slice reaches.
pub(crate) fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Writes `bytes` into `record` from byte `AT`.
#[cfg(feature = "std")]
pub(crate) fn put<const AT: usize, const N: usize, const R: usize>(
    record: &mut [u8; R],
    bytes: [u8; N],
) {
    const { assert!(AT + N <= R, "the field ends outside its record") };
    for (to, from) in record.iter_mut().skip(AT).zip(bytes) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: [u8; 8] = [0x01, 0xff, 0x34, 0x12, 0x00, 0x00, 0x80, 0x3f];

    #[test]
    fn fields_are_little_endian() {
        assert_eq!(u8_at::<0, 8>(&RECORD), 1);
        assert_eq!(i8_at::<1, 8>(&RECORD), -1);
        assert_eq!(u16_at::<2, 8>(&RECORD), 0x1234);
        assert_eq!(u32_at::<2, 8>(&RECORD), 0x0000_1234);
        assert_eq!(f32_at::<4, 8>(&RECORD), 1.0);
        assert_eq!(f32s_at::<4, 1, 8>(&RECORD), [1.0]);
        assert_eq!(u64_at::<0, 8>(&RECORD), 0x3f80_0000_1234_ff01);
    }

    #[test]
    fn nonzero_bytes_are_found_in_their_range_only() {
        assert_eq!(nonzero_in(&RECORD, 4, 8), Some(6));
        assert_eq!(nonzero_in(&RECORD, 4, 6), None);
        assert_eq!(nonzero_in(&RECORD, 0, 99), Some(0));
    }

    #[cfg(feature = "std")]
    #[test]
    fn put_is_the_inverse_of_reading() {
        let mut record = [0; 8];
        put::<1, 2, 8>(&mut record, 0xbeef_u16.to_le_bytes());
        assert_eq!(record, [0, 0xef, 0xbe, 0, 0, 0, 0, 0]);
        assert_eq!(u16_at::<1, 8>(&record), 0xbeef);
    }
}
