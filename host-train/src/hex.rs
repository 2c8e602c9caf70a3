//! Bytes as hex digits, as hashes and keys are written.

/// Two lower-case digits a byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The `N` bytes that `2 N` digits of either case stand for; `None` for anything else.
pub(crate) fn decode<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let whole = digits.len() == 2 * N && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    whole.then_some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_64_hex_digits() {
        let text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF";
        let key: [u8; 32] = decode(text).unwrap();
        assert_eq!((key[0], key[1], key[30], key[31]), (0, 1, 0x1e, 0xff));
        assert_eq!(encode(&key), text.to_lowercase());
        for bad in ["", &text[1..], &format!("{text}0"), &text.replace('f', "+")] {
            assert_eq!(decode::<32>(bad), None, "{bad}");
        }
    }
}
