//! Words in a few bytes.

use core::fmt;

/// As much of a text as fits.
#[derive(Debug)]
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub(super) const EMPTY: Self = Self { bytes: [0; N], len: 0 };

    /// Of this, cut off where it is full.
    pub(super) fn set(&mut self, text: impl fmt::Display) -> &str {
        self.len = 0;
        // Only a full text is an error, and that is no harm.
        let _ = fmt::write(self, format_args!("{text}"));
        self.get()
    }

    /// What was set.
    pub(super) fn get(&self) -> &str {
        self.bytes
            .get(..self.len)
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = N.saturating_sub(self.len);
        let text = text.get(..text.floor_char_boundary(free)).unwrap_or_default();
        if let Some(to) = self.bytes.get_mut(self.len..).and_then(|rest| rest.get_mut(..text.len()))
        {
            to.copy_from_slice(text.as_bytes());
            self.len += text.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_between_characters() {
        let mut text = Text::<5>::EMPTY;
        assert_eq!(text.set("door"), "door");
        assert_eq!(text.set("doorés"), "door");
        assert_eq!(text.set(format_args!("{}-{}", 123, 456)), "123-4");
    }
}
