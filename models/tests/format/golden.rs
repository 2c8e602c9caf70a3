//! The bytes themselves, written out by hand: a change here is a change of the format and needs a new version.

use crate::sample::{self, CONSTANTS, OPS, TENSORS};

#[test]
fn header_and_plan_are_as_documented() {
    let file = sample::bytes();
    let total = u32::try_from(file.len()).unwrap();
    // CRC-32 of IEEE 802.3, bit by bit.
    let mut crc = u32::MAX;
    for &byte in &file[16..] {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let constants = u32::try_from(CONSTANTS).unwrap();
    let metadata = total - (224 + 6 + 11 + 25 + 7 + 21);

    let mut expected = Vec::new();
    expected.extend(*b"AFM\0");
    expected.extend([1, 0, 0, 0]);
    expected.extend(total.to_le_bytes());
    expected.extend((!crc).to_le_bytes());
    expected.extend(&file[16..32]);
    for (offset, len) in
        [(128, 7 * 32), (384, 6 * 64), (constants, 992), (metadata, total - metadata)]
    {
        expected.extend([offset, len].map(u32::to_le_bytes).as_flattened());
    }
    expected.extend([192, 0, 0, 0, 0, 0, 6, 0]);
    expected.extend([0; 56]);
    assert_eq!(file[..128], expected);
    assert_eq!(metadata % 64, 0);
}

#[test]
fn records_lie_where_the_header_says() {
    let file = sample::bytes();
    // Tensor 6: 1x1x2 int32, zero point -5, scale 1/16, offset 128, life 6 to 6.
    let tensor = [
        1, 0, 1, 0, 2, 0, 2, 0xfb, 0, 0, 0x80, 0x3d, 128, 0, 0, 0, 6, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0,
    ];
    assert_eq!(file[TENSORS + 6 * 32..][..32], tensor);
    // Op 3: add with slopes, tensors 3 and 2 into 4, window unused.
    assert_eq!(file[OPS + 3 * 64..][..10], [4, 2, 0, 0, 3, 0, 2, 0, 4, 0]);
    assert_eq!(file[OPS + 3 * 64 + 10..][..34], [0; 34]);
    assert_eq!(file[OPS + 3 * 64 + 52..][..12], [0, 0, 0, 0x3f, 0, 0, 0xa0, 0x3f, 0, 0, 0, 0]);
    // In the other sample: a 2x2 maximum, an average times 1/4, a scaling of tensor 1 by the gate 2.
    let file = sample::gated().build().unwrap();
    let op = |index: usize| &file[256 + index * 64..][..64];
    assert_eq!(op(0)[..14], [5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 2, 2]);
    assert_eq!(op(0)[14..], [0; 50]);
    assert_eq!(op(1)[..10], [6, 0, 0, 0, 1, 0, 0, 0, 2, 0]);
    assert_eq!(op(1)[52..60], [0, 0, 0x80, 0x3e, 0, 0, 0, 0]);
    assert_eq!(op(2)[..10], [7, 0, 0, 0, 1, 0, 2, 0, 3, 0]);
    assert_eq!(op(2)[36..44], [0, 0, 0, 0, 0, 4, 0, 0]);
    // In the third: two rows for one, a table of 256 bytes, tensors 1 and 2 side by side.
    let file = sample::detector().build().unwrap();
    let op = |index: usize| &file[256 + index * 64..][..64];
    assert_eq!(op(0)[..14], [10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 1, 0, 0]);
    assert_eq!(op(0)[14..], [0; 50]);
    assert_eq!(op(1)[..10], [8, 0, 0, 0, 1, 0, 0, 0, 2, 0]);
    assert_eq!(op(1)[20..28], [0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(op(2)[..10], [9, 0, 0, 0, 1, 0, 2, 0, 3, 0]);
    assert_eq!(op(2)[52..60], [0, 0, 0, 0x3f, 0, 0, 0, 0x40]);
    // The list of outputs ends the file, and its length is in the metadata.
    let list = [3, 0, 4, 0, b'm', b'a', b'p', b's', 2, 0, 6, 0, b's', b'c', b'o', b'r', b'e', b's'];
    assert_eq!(file[file.len() - list.len()..], list);
    let metadata = file.len() - (224 + 6 + 11 + 25 + 7 + 21 + list.len());
    assert_eq!(file[metadata + 68..metadata + 70], [0, 0]);
    assert_eq!(file[metadata + 90..metadata + 92], [18, 0]);
    let file = sample::bytes();
    // The first weight of op 0 opens the constants: 1 - 100.
    assert_eq!(file[CONSTANTS], 0x9d);
}
