//! The owner's public key, as it is given to a build.

/// The key that 64 hex digits stand for.
///
/// # Panics
/// They are fewer, more or others. For constants, where that is an error of the build.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "while compiling")]
pub const fn parse(digits: &str) -> [u8; 32] {
    let digits = digits.as_bytes();
    assert!(digits.len() == 64, "DOOR_KEY has 64 hex digits");
    let mut key = [0; 32];
    let mut at = 0;
    while at < key.len() {
        key[at] = digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]);
        at += 1;
    }
    key
}

#[expect(clippy::panic, reason = "while compiling")]
const fn digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => panic!("DOOR_KEY has 64 hex digits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes_in_their_order() {
        const KEY: [u8; 32] =
            parse("00010203040506070809aAbBcCdDeEfF101112131415161718191a1b1c1d1e1f");
        assert_eq!(
            KEY[..17],
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x10]
        );
        assert_eq!(KEY[31], 0x1F);
    }

    #[test]
    #[should_panic(expected = "64 hex digits")]
    fn rejects_other_digits() {
        let _ = parse("g0010203040506070809aabbccddeeff101112131415161718191a1b1c1d1e1f");
    }

    #[test]
    #[should_panic(expected = "64 hex digits")]
    fn rejects_other_lengths() {
        let _ = parse("00");
    }
}
