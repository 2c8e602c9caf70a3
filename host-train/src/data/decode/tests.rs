//! Golden pixels of every kind of file, and a refusal for every broken one.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType as Colour, ImageEncoder};

use super::*;

/// 16x16, left half (200, 60, 30), right half (20, 90, 220); written by libjpeg, progressive, quality 90.
const PROGRESSIVE: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCAAQABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABQb/xAAWAQEBAQAAAAAAAAAAAAAAAAAIBgf/2gAMAwEAAhADEAAAAZeL2AxNGFMyp4xNGH//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAEFAh//xAAUEQEAAAAAAAAAAAAAAAAAAAAg/9oACAEDAQE/AR//xAAUEQEAAAAAAAAAAAAAAAAAAAAg/9oACAECAQE/AR//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAY/Ah//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAE/IR//2gAMAwEAAgADAAAAEBx//8QAFBEBAAAAAAAAAAAAAAAAAAAAIP/aAAgBAwEBPxAf/8QAFBEBAAAAAAAAAAAAAAAAAAAAIP/aAAgBAgEBPxAf/8QAFBABAAAAAAAAAAAAAAAAAAAAIP/aAAgBAQABPxAf/9k=";

/// The same picture as CMYK with Adobe's marker; written by libjpeg.
const CMYK: &str = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlwZHhcZWdj/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABcAAQADAAAAAAAAAAAAAAAAAAcABAb/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/ANIzrHEASr5fQtKAgQSr5fR//9k=";

fn png(raw: &[u8], width: u32, height: u32, colour: Colour) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(raw, width, height, colour).unwrap();
    file
}

fn jpeg(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 95)
        .write_image(rgb, width, height, Colour::Rgb8)
        .unwrap();
    file
}

/// A little-endian EXIF block whose only tag is the orientation (0x0112, one short).
fn exif(orientation: u16) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend(orientation.to_le_bytes());
    block.extend([0; 6]);
    block
}

/// A noisy picture, so that its file is long and every part of it matters.
fn noise(width: usize, height: usize) -> Vec<u8> {
    let mut state = 1_u32;
    (0..width * height * 3)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn assert_near(pixel: &[u8], expected: [u8; 3]) {
    for (got, want) in pixel.iter().zip(expected) {
        assert!(got.abs_diff(want) <= 3, "{pixel:?} is not {expected:?}");
    }
}

#[test]
fn rgb_keeps_its_bytes() {
    let raw = noise(5, 3);
    let image = decode(&png(&raw, 5, 3, Colour::Rgb8), "a.png").unwrap();
    assert_eq!((image.width, image.height), (5, 3));
    assert_eq!(image.rgb, raw);
}

#[test]
fn grey_becomes_three_equal_channels() {
    let image = decode(&png(&[0, 77, 255], 3, 1, Colour::L8), "grey.png").unwrap();
    assert_eq!(image.rgb, [0, 0, 0, 77, 77, 77, 255, 255, 255]);

    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 100)
        .write_image(&[130; 64], 8, 8, Colour::L8)
        .unwrap();
    let image = decode(&file, "grey.jpg").unwrap();
    assert_eq!(image.rgb, [130; 8 * 8 * 3]);
}

#[test]
fn alpha_is_laid_over_black() {
    let raw = [200, 100, 50, 255, 200, 100, 50, 128, 200, 100, 50, 0];
    let image = decode(&png(&raw, 3, 1, Colour::Rgba8), "alpha.png").unwrap();
    // 200 * 128 / 255 = 100.4, 100 * 128 / 255 = 50.2, 50 * 128 / 255 = 25.1
    assert_eq!(image.rgb, [200, 100, 50, 100, 50, 25, 0, 0, 0]);

    let image = decode(&png(&[90, 51], 1, 1, Colour::La8), "la.png").unwrap();
    assert_eq!(image.rgb, [18, 18, 18]);
}

#[test]
fn sixteen_bits_round_to_eight() {
    // 257 a step: 0x8000 = 127.5 steps and a bit, 0x7fff a bit less, 0x0180 = 1.49 steps.
    let raw: Vec<u8> = [0xffff_u16, 0x8000, 0x7fff, 0x0180, 0x0101, 0]
        .into_iter()
        .flat_map(u16::to_ne_bytes)
        .collect();
    let image = decode(&png(&raw, 2, 1, Colour::Rgb16), "deep.png").unwrap();
    assert_eq!(image.rgb, [255, 128, 127, 1, 1, 0]);
    let image = decode(&png(&raw, 6, 1, Colour::L16), "deep.png").unwrap();
    let grey: Vec<u8> = image.rgb.iter().copied().step_by(3).collect();
    assert_eq!(grey, [255, 128, 127, 1, 1, 0]);
}

/// Stored rows `abc` and `def`; the eight pictures as the EXIF standard's table of "row 0, column 0" gives them.
const UPRIGHT: [(u16, &str); 8] = [
    (1, "abc/def"),
    (2, "cba/fed"),
    (3, "fed/cba"),
    (4, "def/abc"),
    (5, "ad/be/cf"),
    (6, "da/eb/fc"),
    (7, "fc/eb/da"),
    (8, "cf/be/ad"),
];

#[test]
fn all_eight_orientations_come_out_upright() {
    let stored: Vec<u8> = b"abcdef".iter().flat_map(|&value| [value; 3]).collect();
    for (orientation, expected) in UPRIGHT {
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&stored, 3, 2, Colour::Rgb8).unwrap();
        let image = decode(&file, "turned.png").unwrap();
        let rows: Vec<String> = image
            .rgb
            .chunks(3 * image.width)
            .map(|row| row.iter().step_by(3).map(|&value| value as char).collect())
            .collect();
        assert_eq!(rows.join("/"), expected, "orientation {orientation}");
        assert_eq!(rows.len(), image.height);
    }
}

#[test]
fn a_turned_jpeg_comes_out_upright() {
    // Stored 32x16, left half red, right half blue. Orientation 6: the stored top is the right side.
    let row: Vec<u8> =
        [[220, 30, 30]; 16].into_iter().chain([[30, 30, 220]; 16]).flatten().collect();
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    encoder.set_exif_metadata(exif(6)).unwrap();
    encoder.write_image(&row.repeat(16), 32, 16, Colour::Rgb8).unwrap();
    let image = decode(&file, "phone.jpg").unwrap();
    assert_eq!((image.width, image.height), (16, 32));
    assert_near(&image.rgb[..3], [220, 30, 30]);
    assert_near(&image.rgb[image.rgb.len() - 3..], [30, 30, 220]);
}

#[test]
fn a_meaningless_orientation_changes_nothing() {
    for block in [exif(0), exif(9), b"II*\0\xff\xff\xff\xff".to_vec()] {
        let raw = noise(3, 2);
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_exif_metadata(block).unwrap();
        encoder.write_image(&raw, 3, 2, Colour::Rgb8).unwrap();
        assert_eq!(decode(&file, "odd.png").unwrap().rgb, raw);
    }
}

#[test]
fn a_progressive_jpeg_decodes() {
    let image = decode(&STANDARD.decode(PROGRESSIVE).unwrap(), "p.jpg").unwrap();
    assert_eq!((image.width, image.height), (16, 16));
    assert_near(&image.rgb[..3], [200, 60, 30]);
    assert_near(&image.rgb[16 * 16 * 3 - 3..], [20, 90, 220]);
}

#[test]
fn rejects_a_jpeg_cut_anywhere() {
    let baseline = jpeg(&noise(48, 48), 48, 48);
    let progressive = STANDARD.decode(PROGRESSIVE).unwrap();
    for file in [baseline, progressive] {
        assert!(decode(&file, "whole.jpg").is_ok());
        for tenth in 1..10 {
            let cut = file.len() * tenth / 10;
            let error = decode(&file[..cut], "cut.jpg").unwrap_err();
            assert!(
                matches!(&error, DataError::TruncatedImage { name, bytes } if name == "cut.jpg" && *bytes == cut),
                "{tenth}/10: {error}"
            );
        }
        for cut in 0..file.len() {
            assert!(decode(&file[..cut], "cut.jpg").is_err(), "{cut} bytes");
        }
    }
}

#[test]
fn rejects_a_png_cut_anywhere() {
    let file = png(&noise(24, 24), 24, 24, Colour::Rgb8);
    for cut in 8..file.len() {
        let error = decode(&file[..cut], "cut.png").unwrap_err();
        assert!(
            matches!(error, DataError::TruncatedImage { bytes, .. } if bytes == cut),
            "{cut} bytes: {error}"
        );
    }
}

#[test]
fn rejects_a_damaged_image() {
    let mut file = png(&noise(24, 24), 24, 24, Colour::Rgb8);
    let middle = file.len() / 2;
    file[middle] ^= 1;
    let error = decode(&file, "rot.png").unwrap_err();
    assert!(matches!(&error, DataError::CorruptImage { name, .. } if name == "rot.png"), "{error}");

    let mut file = jpeg(&noise(24, 24), 24, 24);
    let middle = file.len() / 2;
    file[middle..middle + 2].copy_from_slice(&[0xff, 0x10]);
    let error = decode(&file, "rot.jpg").unwrap_err();
    assert_eq!(error.to_string(), "rot.jpg: the image file is damaged: a reserved marker");
}

#[test]
fn a_changed_byte_never_panics() {
    for original in [
        jpeg(&noise(24, 16), 24, 16),
        STANDARD.decode(PROGRESSIVE).unwrap(),
        png(&noise(8, 8)[..128], 8, 4, Colour::Rgba8),
    ] {
        for at in 0..original.len() {
            for mask in [0xff, 0x01, 0x80] {
                let mut file = original.clone();
                file[at] ^= mask;
                // A JPEG has no checksum, so some changes pass; what passes has whole rows.
                if let Ok(image) = decode(&file, "changed") {
                    assert_eq!(image.rgb.len(), image.width * image.height * 3);
                }
            }
        }
    }
}

#[test]
fn rejects_cmyk() {
    let error = decode(&STANDARD.decode(CMYK).unwrap(), "ink.jpg").unwrap_err();
    assert!(matches!(&error, DataError::Cmyk { name } if name == "ink.jpg"));
    assert!(error.to_string().contains("convert it to RGB"), "{error}");
}

#[test]
fn rejects_unsupported_jpegs() {
    let mut two_channels = STANDARD.decode(CMYK).unwrap();
    let frame = two_channels.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    two_channels[frame + 9] = 2;
    let mut arithmetic = jpeg(&noise(16, 16), 16, 16);
    let frame = arithmetic.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    arithmetic[frame + 1] = 0xc9;
    for file in [two_channels, arithmetic] {
        let error = decode(&file, "odd.jpg").unwrap_err();
        assert!(matches!(error, DataError::UnsupportedImage { .. }), "{error}");
    }
}

#[test]
fn rejects_other_formats() {
    for bytes in [&b""[..], b"\xff\xd8", b"GIF89a......", b"<html></html>"] {
        let error = decode(bytes, "x.jpg").unwrap_err();
        assert!(
            matches!(&error, DataError::UnknownFormat { name, bytes: n } if name == "x.jpg" && *n == bytes.len()),
            "{error}"
        );
    }
}

#[test]
fn rejects_sizes_that_would_fill_memory() {
    // Headers that claim 65500 x 65500 pixels over a few bytes of data.
    let mut bomb = jpeg(&noise(16, 16), 16, 16);
    let frame = bomb.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    for side in [frame + 5, frame + 7] {
        bomb[side..side + 2].copy_from_slice(&65_500_u16.to_be_bytes());
    }
    let error = decode(&bomb, "bomb.jpg").unwrap_err();
    assert!(
        matches!(
            error,
            DataError::TooManyPixels { width: 65_500, height: 65_500, limit: MAX_PIXELS, .. }
        ),
        "{error}"
    );
    // A PNG of zeros packs 1000:1; this one is just above the limit and its file is small.
    let side = 5_793_u32;
    let file = png(&vec![0; (side * side) as usize], side, side, Colour::L8);
    assert!(file.len() < 1 << 18);
    let error = decode(&file, "bomb.png").unwrap_err();
    assert!(matches!(error, DataError::TooManyPixels { .. }), "{error}");
}
