//! An image file to pixels as the photographer saw them, or a refusal that says why.
//!
//! | in the file           | out                                                                 |
//! |-----------------------|---------------------------------------------------------------------|
//! | grey, palette         | three channels                                                      |
//! | alpha                 | laid over black, as alignment paints what lies outside a photograph |
//! | 16 bits a channel     | 8                                                                   |
//! | EXIF orientation      | applied                                                             |
//! | CMYK JPEG             | refused: without its print profile the skin tones would be a guess  |
//! | cut off, broken, huge | refused                                                             |

use super::{Picture, jpeg};
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};
use std::io::Cursor;
use std::path::Path;

/// Images above this many pixels are refused: no door's camera makes them, and a small file can claim any size.
pub const MAX_PIXELS: u64 = 1 << 25;

/// Bytes that the PNG decoder may take: 16-bit RGBA of [`MAX_PIXELS`], and its working space.
const MAX_DECODER_BYTES: u64 = 16 * MAX_PIXELS;

/// Longest file that is read.
const MAX_FILE: u64 = 64 << 20;

/// Why a file gives no picture. Which file, the caller knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is not there, or can't be read.
    #[error("it can't be read: {0}")]
    Io(std::io::Error),
    /// More bytes than a photograph has.
    #[error("a file of {bytes} bytes is no photograph: at most {MAX_FILE} are read")]
    TooLong {
        /// As found.
        bytes: u64,
    },
    /// Another kind of file.
    #[error("{bytes} bytes that are neither JPEG nor PNG: convert the picture to one of them")]
    Format {
        /// Length of the file.
        bytes: usize,
    },
    /// It ends too early.
    #[error("the picture ends after {bytes} bytes, before its end mark: copy it again")]
    Cut {
        /// Length of the file.
        bytes: usize,
    },
    /// Four inks.
    #[error("the picture is CMYK, for print: save it as RGB")]
    Cmyk,
    /// More pixels than any camera has.
    #[error(
        "the picture claims {width}x{height} pixels, at most {MAX_PIXELS} are decoded: make it smaller"
    )]
    TooManyPixels {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The decoder refuses it.
    #[error("the picture is damaged: {0}")]
    Damaged(ImageError),
}

/// Reads and decodes the file at `path`.
///
/// # Errors
/// [`DecodeError`].
pub fn open(path: &Path) -> Result<Picture, DecodeError> {
    let bytes = std::fs::metadata(path).map_err(DecodeError::Io)?.len();
    if bytes > MAX_FILE {
        return Err(DecodeError::TooLong { bytes });
    }
    decode(&std::fs::read(path).map_err(DecodeError::Io)?)
}

/// Decodes a whole JPEG or PNG file; which it is, its first bytes say.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Picture, DecodeError> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => match jpeg::kind(bytes) {
            jpeg::Kind::Usual => {
                upright(JpegDecoder::new(Cursor::new(bytes)).map_err(DecodeError::Damaged)?)
            }
            jpeg::Kind::FourInks => Err(DecodeError::Cmyk),
            jpeg::Kind::Cut => Err(DecodeError::Cut { bytes: bytes.len() }),
        },
        Ok(ImageFormat::Png) => {
            // The decoder stops at the last pixel and misses what is lost behind it.
            if !bytes.windows(4).any(|kind| kind == b"IEND") {
                return Err(DecodeError::Cut { bytes: bytes.len() });
            }
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_DECODER_BYTES);
            upright(
                PngDecoder::with_limits(Cursor::new(bytes), limits)
                    .map_err(DecodeError::Damaged)?,
            )
        }
        _ => Err(DecodeError::Format { bytes: bytes.len() }),
    }
}

fn upright(mut decoder: impl ImageDecoder) -> Result<Picture, DecodeError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    let orientation = decoder.orientation().map_err(DecodeError::Damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(DecodeError::Damaged)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let rgb = if image.color().has_alpha() {
        let over_black = |[red, green, blue, alpha]: [u8; 4]| {
            // At most (255 * 255 + 127) / 255 = 255.
            [red, green, blue].map(|c| ((u16::from(c) * u16::from(alpha) + 127) / 255) as u8)
        };
        image.into_rgba8().pixels().flat_map(|pixel| over_black(pixel.0)).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    // No file format of these has a picture without pixels.
    Picture::new(width, height, rgb).map_err(|_| DecodeError::Cut { bytes: 0 })
}

#[cfg(test)]
mod tests;
