//! Bytes as lower-case hex digits, as keys, ids and hashes are written.

use core::fmt::Write as _;

/// Two digits a byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The `N` bytes that `2 N` digits stand for; `None` for anything else.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_there_and_back() {
        assert_eq!(encode(&[0, 0x9f, 255]), "009fff");
        assert_eq!(decode("009fff"), Some([0, 0x9f, 255]));
        for other in ["009ff", "009fff0", "009FFF", "+1+1+1", "00é00", ""] {
            assert_eq!(decode::<3>(other), None, "{other}");
        }
    }
}
