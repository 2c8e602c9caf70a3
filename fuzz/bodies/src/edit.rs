//! Edits of a model file that know its structure: they aim at records and fields, with values from the edges of ranges.

use arbitrary::{Result, Unstructured};

/// Where the header keeps the section table: four times offset and length.
const TABLE: usize = 32;

/// Places of two sections in the table.
const OPS: usize = 1;
const CONSTANTS: usize = 2;

/// Values at which checks change their answer.
const EDGES: [u32; 14] = [
    0,
    1,
    2,
    63,
    64,
    127,
    128,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
    0x7f80_0000, // f32 infinity
    0x7fc0_0000, // f32 NaN
    0x4f80_0000, // f32 2^32
];

/// Changes `file` once.
pub(crate) fn arbitrary(input: &mut Unstructured<'_>, file: &mut Vec<u8>) -> Result<()> {
    let at = place(input, file)?;
    match input.int_in_range(0..=6)? {
        0 => put(file, at, &[input.arbitrary()?]),
        1 => put(file, at & !1, &input.arbitrary::<u16>()?.to_le_bytes()),
        2 => put(file, at & !3, &input.arbitrary::<u32>()?.to_le_bytes()),
        3 => put(file, at & !3, &input.choose(&EDGES)?.to_le_bytes()),
        4 => {
            // One field takes the value of another: indices, steps and offsets that exist.
            let from = place(input, file)? & !3;
            let word = file.get(from..from + 4).map(<[u8]>::to_vec).unwrap_or_default();
            put(file, at & !3, &word);
        }
        5 => {
            // A small step up or down.
            let step = i32::from(input.arbitrary::<i8>()?);
            if let Some(word) = file.get(at & !3..).and_then(<[u8]>::first_chunk) {
                let stepped = i32::from_le_bytes(*word).wrapping_add(step);
                put(file, at & !3, &stepped.to_le_bytes());
            }
        }
        _ => {
            // Cut the file, and let the header agree half of the time.
            file.truncate(at);
            if input.arbitrary()? {
                let len = u32::try_from(at).unwrap_or(u32::MAX);
                put(file, 8, &len.to_le_bytes());
            }
        }
    }
    Ok(())
}

/// A position in header and plan, in a section, or in one constant of one op: each as likely as the others however long
/// it is.
fn place(input: &mut Unstructured<'_>, file: &[u8]) -> Result<usize> {
    let word = |at: usize| {
        let bytes = file.get(at..).and_then(<[u8]>::first_chunk);
        u32::from_le_bytes(bytes.copied().unwrap_or_default()) as usize
    };
    let section = |index: usize| (word(TABLE + 8 * index), word(TABLE + 8 * index + 4));
    let (start, len) = match input.int_in_range(0..=5)? {
        0 => (0, 128),
        1 => {
            let ((ops, len), (constants, _)) = (section(OPS), section(CONSTANTS));
            let op = input.int_in_range(0..=(len / 64).clamp(1, 8) - 1)?;
            let extent = (ops + 64 * op).saturating_add(20 + 8 * input.int_in_range(0..=3)?);
            (constants.saturating_add(word(extent)), word(extent.saturating_add(4)))
        }
        index => section(index - 2),
    };
    let at = input.int_in_range(0..=len.clamp(1, 1 << 20) - 1)?;
    Ok(start.saturating_add(at).min(file.len()))
}

/// Writes `bytes` at `at` if they fit.
fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = at.checked_add(bytes.len()).and_then(|end| file.get_mut(at..end)) {
        place.copy_from_slice(bytes);
    }
}
