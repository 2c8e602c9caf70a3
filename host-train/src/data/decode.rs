//! One image file to 8-bit RGB pixels, or a refusal that names the file.
//!
//! | in the file           | out                                                                    |
//! |-----------------------|------------------------------------------------------------------------|
//! | grey                  | the value three times                                                  |
//! | alpha                 | laid over black, as alignment paints what lies outside the photograph  |
//! | 16 bits a channel     | `round(value * 255 / 65535)`                                           |
//! | palette, 1-4 bits     | expanded                                                               |
//! | EXIF orientation      | applied: pixels come out as the photographer saw them                  |
//! | CMYK JPEG             | refused: without its print profile the skin tones would be a guess     |
//! | cut off, broken       | refused, also where a viewer would show the part that is there         |
//!
//! Colour profiles are not applied: faces are taken as sRGB. Sizes are not changed here or anywhere else.

use std::io::{self, Cursor};

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits, RgbaImage};

use super::jpeg::{self, Fault};
use super::{DataError, FaceImage};

/// Images above this many pixels are refused: no camera for faces makes them, and a small file can claim any size.
pub const MAX_PIXELS: u64 = 1 << 25;

/// Bytes the PNG decoder may take: a 16-bit RGBA image of [`MAX_PIXELS`] and its working space.
const MAX_DECODER_BYTES: u64 = 2 * 8 * MAX_PIXELS;

/// Decodes a JPEG or PNG file.
///
/// `bytes` is the whole file; `name` stands in errors. The format is taken from the bytes, not from the name.
///
/// # Errors
/// [`DataError::UnknownFormat`], [`DataError::TruncatedImage`], [`DataError::CorruptImage`],
/// [`DataError::UnsupportedImage`], [`DataError::Cmyk`], [`DataError::TooManyPixels`].
pub fn decode(bytes: &[u8], name: &str) -> Result<FaceImage, DataError> {
    let refuse = |error| refusal(error, bytes, name);
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => {
            jpeg::check(bytes).map_err(|fault| framing_refusal(fault, bytes, name))?;
            let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(refuse)?;
            pixels(decoder, bytes, name)
        }
        Ok(ImageFormat::Png) => {
            if !png_is_whole(bytes) {
                return Err(framing_refusal(Fault::Truncated, bytes, name));
            }
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_DECODER_BYTES);
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(refuse)?;
            pixels(decoder, bytes, name)
        }
        _ => Err(DataError::UnknownFormat { name: name.to_owned(), bytes: bytes.len() }),
    }
}

fn pixels(
    mut decoder: impl ImageDecoder,
    bytes: &[u8],
    name: &str,
) -> Result<FaceImage, DataError> {
    let refuse = |error| refusal(error, bytes, name);
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::TooManyPixels {
            name: name.to_owned(),
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    let orientation = decoder.orientation().map_err(refuse)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(refuse)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let rgb = if image.color().has_alpha() {
        over_black(&image.into_rgba8())
    } else {
        image.into_rgb8().into_raw()
    };
    Ok(FaceImage { width, height, rgb })
}

/// Whether a PNG's chunks reach its end chunk.
///
/// The decoder stops at the last pixel and would not miss the checksums behind it.
/// A chunk is: payload length (4 bytes, big endian), kind (4 bytes), payload, CRC (4 bytes).
fn png_is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, body)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        if body.starts_with(b"IEND") {
            return body.len() >= 8;
        }
        rest = length.checked_add(8).and_then(|end| body.get(end..)).unwrap_or_default();
    }
    false
}

/// Lays RGBA over black: `round(colour * alpha / 255)`.
fn over_black(image: &RgbaImage) -> Vec<u8> {
    let blend = |colour: u8, alpha: u8| {
        let product = u16::from(colour) * u16::from(alpha);
        // At most (255 * 255 + 127) / 255 = 255.
        ((product + 127) / 255) as u8
    };
    image
        .pixels()
        .flat_map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [red, green, blue].map(|colour| blend(colour, alpha))
        })
        .collect()
}

fn framing_refusal(fault: Fault, bytes: &[u8], name: &str) -> DataError {
    let name = name.to_owned();
    match fault {
        Fault::Truncated => DataError::TruncatedImage { name, bytes: bytes.len() },
        Fault::Corrupt(reason) => DataError::CorruptImage { name, reason: reason.to_owned() },
        Fault::FourInks => DataError::Cmyk { name },
        Fault::Unsupported(kind) => DataError::UnsupportedImage { name, reason: kind.to_owned() },
    }
}

fn refusal(error: ImageError, bytes: &[u8], name: &str) -> DataError {
    let name = name.to_owned();
    match error {
        ImageError::Unsupported(kind) => {
            DataError::UnsupportedImage { name, reason: kind.to_string() }
        }
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            DataError::TruncatedImage { name, bytes: bytes.len() }
        }
        other => DataError::CorruptImage { name, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests;
