//! One decoded face: 8-bit RGB pixels, nothing about where they came from.

/// An RGB image, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceImage {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height * width * 3` bytes, row-major HWC, red first.
    pub rgb: Vec<u8>,
}
