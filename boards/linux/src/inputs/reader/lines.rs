//! Keys and bytes to lines: what somebody typed, or a card's number.

use crate::store::CREDENTIAL_BYTES;
use zeroize::Zeroizing;

/// Keys of somebody who walked away are not the beginning of the next one's PIN.
const PAUSE_MS: u64 = 10_000;

/// The line that is being typed.
#[derive(Debug)]
pub(super) struct Lines {
    line: Zeroizing<String>,
    /// It is longer than any that can be kept, and will be wrong whatever follows.
    too_long: bool,
    last_ms: u64,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Something to look up.
    Line(Zeroizing<String>),
    /// Too long for anybody's, but somebody tried.
    TooLong,
}

impl Lines {
    pub(super) fn new() -> Self {
        // Its whole length at once, so that no copy of it stays behind.
        let line = Zeroizing::new(String::with_capacity(CREDENTIAL_BYTES));
        Self { line, too_long: false, last_ms: 0 }
    }

    /// A byte at `now_ms`, of a clock that only grows. A line ends with CR, LF, ETX, or a keypad's `#`; `*`, escape and STX begin it
    /// anew; spaces do not count.
    pub(super) fn byte(&mut self, byte: u8, now_ms: u64) -> Option<Typed> {
        if now_ms.saturating_sub(self.last_ms) > PAUSE_MS {
            self.clear();
        }
        self.last_ms = now_ms;
        match byte {
            b'\r' | b'\n' | 0x03 | b'#' => return self.end(),
            b'*' | 0x1b | 0x02 => self.clear(),
            b' ' | b'\t' => {}
            _ if self.line.len() == CREDENTIAL_BYTES => self.too_long = true,
            b'!'..=b'~' => self.line.push(char::from(byte)),
            // Line noise, or another alphabet: nobody's PIN, but a try.
            _ => self.line.push('?'),
        }
        None
    }

    fn end(&mut self) -> Option<Typed> {
        let too_long = core::mem::take(&mut self.too_long);
        let line = core::mem::replace(self, Self { last_ms: self.last_ms, ..Self::new() }).line;
        match (too_long, line.is_empty()) {
            (true, _) => Some(Typed::TooLong),
            // The second of CR and LF, or a key pressed for nothing.
            (false, true) => None,
            (false, false) => Some(Typed::Line(line)),
        }
    }

    fn clear(&mut self) {
        *self = Self { last_ms: self.last_ms, ..Self::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::new();
        let of = |typed| match typed {
            Typed::Line(line) => line.to_string(),
            Typed::TooLong => "too long".to_owned(),
        };
        bytes.iter().filter_map(|&byte| lines.byte(byte, 0)).map(of).collect()
    }

    #[test]
    fn readers_end_lines_in_their_own_ways() {
        assert_eq!(typed(b"4711\r\n4712\n4713\r4714#47"), ["4711", "4712", "4713", "4714"]);
        assert_eq!(typed(b"\x020A00F1B2C3\r\n\x03"), ["0A00F1B2C3"], "a card reader's frame");
        assert_eq!(typed(b"\r\n\r\n##"), [""; 0]);
        assert_eq!(typed(b"12*4711#99\x1b4712 \n"), ["4711", "4712"]);
    }

    #[test]
    fn what_is_too_long_is_one_wrong_line() {
        let mut bytes = vec![b'1'; 5_000];
        bytes.extend(b"\n4711\n");
        assert_eq!(typed(&bytes), ["too long", "4711"]);
        assert_eq!(typed(&[&[b'1'; 64][..], b"\n"].concat()), ["1".repeat(64)]);
    }

    #[test]
    fn noise_is_a_wrong_line_and_not_a_shorter_one() {
        assert_eq!(typed(b"47\xff11\n"), ["47?11"]);
    }

    #[test]
    fn whoever_walks_away_leaves_no_keys_behind() {
        let mut lines = Lines::new();
        assert_eq!(lines.byte(b'9', 1_000), None);
        for (key, at) in [(b'4', 11_001), (b'7', 15_000), (b'1', 20_000), (b'1', 30_000)] {
            assert_eq!(lines.byte(key, at), None);
        }
        let line = Zeroizing::new("4711".to_owned());
        assert_eq!(lines.byte(b'\n', 30_001), Some(Typed::Line(line)));
    }
}
