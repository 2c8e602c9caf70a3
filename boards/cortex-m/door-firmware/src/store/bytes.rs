//! Little-endian fields one after another, without a path to a panic. What they mean is left to the records.

/// Fills a buffer from its start. What does not fit is left out, and [`finish`](Self::finish) says so.
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
    full: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: 0, full: false }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        let free = self.buffer.get_mut(self.at..).and_then(|rest| rest.get_mut(..bytes.len()));
        match free {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.at += bytes.len();
            }
            None => self.full = true,
        }
        self
    }

    /// How many bytes were put; `None` if not all fitted.
    pub(crate) fn finish(&self) -> Option<usize> {
        (!self.full).then_some(self.at)
    }
}

/// Takes a slice apart from its start.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
