//! What a record says before its image, and what can be wrong with a record.

/// Bytes before the labels.
pub(super) const FIXED: usize = 24;

/// A record's header (MXNet's `IRHeader`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    /// The label, when there is one only.
    label: f32,
    /// Key of the record, as its writer counted.
    id: u64,
    /// Several labels instead.
    pub(super) labels: Vec<f32>,
}

impl Header {
    /// The header of an image.
    pub(super) fn of_image(label: f32, id: u64) -> Self {
        Self { label, id, labels: Vec::new() }
    }

    /// The header of a record that spans keys `first..end`.
    pub(super) fn of_range(id: u64, first: f32, end: f32) -> Self {
        Self { label: 0.0, id, labels: vec![first, end] }
    }

    /// Number of label bytes that follow the fixed part.
    pub(super) fn label_bytes(fixed: &[u8; FIXED]) -> u64 {
        let [a, b, c, d, ..] = *fixed;
        4 * u64::from(u32::from_le_bytes([a, b, c, d]))
    }

    /// Reads the fixed part and the labels behind it.
    pub(super) fn parse(fixed: &[u8; FIXED], labels: &[u8]) -> Self {
        let word = |at: usize| [fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]];
        let (low, high) = (u32::from_le_bytes(word(8)), u32::from_le_bytes(word(12)));
        Self {
            label: f32::from_le_bytes(word(4)),
            id: u64::from(low) | u64::from(high) << 32,
            labels: labels.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        }
    }

    /// The bytes of the header.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + 4 * self.labels.len());
        bytes.extend((self.labels.len() as u32).to_le_bytes());
        bytes.extend(self.label.to_le_bytes());
        bytes.extend(self.id.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(self.labels.iter().flat_map(|label| label.to_le_bytes()));
        bytes
    }

    /// Whose image it is: the only label, or the first of several.
    pub(crate) fn class(&self) -> Result<u32, RecordFault> {
        let label = self.labels.first().copied().unwrap_or(self.label);
        whole(label).map(|label| label as u32).ok_or(RecordFault::Label { label })
    }

    /// The keys that a header or identity record spans.
    pub(super) fn range(&self) -> Result<core::ops::Range<u64>, RecordFault> {
        match *self.labels.as_slice() {
            [first, end] => match (whole(first), whole(end)) {
                (Some(from), Some(to)) if from <= to => Ok(from..to),
                _ => Err(RecordFault::Range { first, end }),
            },
            _ => Err(RecordFault::NoRange { labels: self.labels.len() }),
        }
    }
}

/// Whole numbers above this are not exact in the 32 bits that a label has.
pub(super) const EXACT: u64 = 1 << 24;

/// A float that is a whole number from 0 to 2^31.
fn whole(label: f32) -> Option<u64> {
    ((0.0..2_147_483_648.0).contains(&label) && label.fract() == 0.0).then_some(label as u64)
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// The index points at something that is no record.
    #[error(
        "no record starts there ({found:#010x} instead of 0xced7230a); the .idx belongs to another .rec"
    )]
    Magic {
        /// The word that stands there.
        found: u32,
    },
    /// The file ends before the record does.
    #[error("the file is cut off: the record needs {needed} bytes, {left} are left")]
    Truncated {
        /// Bytes that it needs.
        needed: u64,
        /// Bytes between its start and the end of the file.
        left: u64,
    },
    /// A record in several parts has them in no order that makes sense.
    #[error("part {part} of a split record comes where part {expected} must")]
    Part {
        /// 0 whole, 1 first, 2 middle, 3 last.
        part: u32,
        /// What may come there.
        expected: &'static str,
    },
    /// The payload is shorter than its header.
    #[error("a payload of {length} bytes is shorter than its header of {needed}")]
    Short {
        /// Bytes of payload.
        length: u64,
        /// Bytes that the header takes.
        needed: u64,
    },
    /// The image is larger than any photograph of a face.
    #[error("{bytes} bytes; image files above {limit} bytes are refused")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A label is not a whole number from 0.
    #[error("label {label} is not a whole number from 0")]
    Label {
        /// The label.
        label: f32,
    },
    /// An image's own label is not that of the range it lies in.
    #[error("its label is {label}, but the identity records count it to person {expected}")]
    OtherPerson {
        /// The record's label.
        label: u32,
        /// The label of its range.
        expected: u32,
    },
    /// A header or identity record does not have two labels.
    #[error("{labels} labels where a range of keys (two) must be")]
    NoRange {
        /// How many there are.
        labels: usize,
    },
    /// A range's ends are no keys, or in the wrong order.
    #[error("{first} to {end} is no range of keys")]
    Range {
        /// First key.
        first: f32,
        /// The key behind the last.
        end: f32,
    },
    /// Ranges overlap or leave images out.
    #[error("the identity records count key {found} next, expected key {expected}")]
    Gap {
        /// The key at which the next range starts, or all ranges end.
        found: u64,
        /// The key at which it had to.
        expected: u64,
    },
    /// A range covers a key that the index lacks.
    #[error("the .idx has no line for key {missing}, which the record counts")]
    NotIndexed {
        /// The key.
        missing: u64,
    },
}
