//! Every kind of file to the pixels that it must give, and a refusal for every broken one.

use super::*;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType as Colour, ImageEncoder};

fn png(raw: &[u8], width: u32, height: u32, colour: Colour) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(raw, width, height, colour).unwrap();
    file
}

fn jpeg(rgb: &[u8], width: u32, height: u32, orientation: Option<u16>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    if let Some(orientation) = orientation {
        encoder.set_exif_metadata(exif(orientation)).unwrap();
    }
    encoder.write_image(rgb, width, height, Colour::Rgb8).unwrap();
    file
}

/// A little-endian EXIF block whose only tag is the orientation (0x0112, one short).
fn exif(orientation: u16) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend(orientation.to_le_bytes());
    block.extend([0; 6]);
    block
}

/// Stored rows `abc` and `def`; what the EXIF standard's table of "row 0, column 0" makes of them.
#[test]
fn face_recognition_381_all_eight_orientations_come_out_upright() {
    let stored: Vec<u8> = b"abcdef".iter().flat_map(|&value| [value; 3]).collect();
    for (orientation, expected) in [
        (1, "abc/def"),
        (2, "cba/fed"),
        (3, "fed/cba"),
        (4, "def/abc"),
        (5, "ad/be/cf"),
        (6, "da/eb/fc"),
        (7, "fc/eb/da"),
        (8, "cf/be/ad"),
    ] {
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&stored, 3, 2, Colour::Rgb8).unwrap();
        let picture = decode(&file).unwrap();
        let letters = |row: &[u8]| row.iter().step_by(3).map(|&c| char::from(c)).collect();
        let rows: Vec<String> = picture.rgb().chunks(3 * picture.width()).map(letters).collect();
        assert_eq!(rows.join("/"), expected, "orientation {orientation}");
    }
}

#[test]
fn a_turned_jpeg_comes_out_upright() {
    // Stored 32x16, left half red, right half blue. Orientation 6: the stored top is the right side.
    let row = [[[220, 30, 30]; 16], [[30, 30, 220]; 16]].concat().concat();
    let picture = decode(&jpeg(&row.repeat(16), 32, 16, Some(6))).unwrap();
    assert_eq!((picture.width(), picture.height()), (16, 32));
    let [red, .., blue] = picture.rgb().as_chunks::<3>().0 else { unreachable!() };
    assert!(red[0] > 200 && red[2] < 60 && blue[0] < 60 && blue[2] > 200, "{red:?} {blue:?}");
}

#[test]
fn face_recognition_1574_and_deepface_233_alpha_grey_and_16_bits_are_converted() {
    let alpha = png(&[200, 100, 50, 255, 200, 100, 50, 128, 1, 2, 3, 0], 3, 1, Colour::Rgba8);
    // 200 * 128 / 255 = 100.4, 100 * 128 / 255 = 50.2, 50 * 128 / 255 = 25.1
    assert_eq!(decode(&alpha).unwrap().rgb(), [200, 100, 50, 100, 50, 25, 0, 0, 0]);
    let grey = png(&[0, 77, 255], 3, 1, Colour::L8);
    assert_eq!(decode(&grey).unwrap().rgb(), [0, 0, 0, 77, 77, 77, 255, 255, 255]);
    let deep: Vec<u8> =
        [0xffff_u16, 0x8000, 0x0101].into_iter().flat_map(u16::to_ne_bytes).collect();
    assert_eq!(decode(&png(&deep, 1, 1, Colour::Rgb16)).unwrap().rgb(), [255, 128, 1]);
}

#[test]
fn bun_40288_rejects_cmyk() {
    let mut file = jpeg(&[90; 8 * 8 * 3], 8, 8, None);
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    file[frame + 9] = 4;
    let error = decode(&file).unwrap_err();
    assert!(matches!(error, DecodeError::Cmyk), "{error}");
}

#[test]
fn rejects_files_that_are_cut() {
    let noise: Vec<u8> =
        (0..24 * 24 * 3_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for file in [jpeg(&noise, 24, 24, None), png(&noise, 24, 24, Colour::Rgb8)] {
        decode(&file).unwrap();
        for keep in [12, file.len() / 2, file.len() - 9] {
            let error = decode(&file[..keep]).unwrap_err();
            assert!(matches!(error, DecodeError::Cut { bytes } if bytes == keep), "{error}");
        }
    }
}

#[test]
fn rejects_a_damaged_png() {
    let mut file = png(&[50; 24 * 24 * 3], 24, 24, Colour::Rgb8);
    let data = file.windows(4).position(|kind| kind == b"IDAT").unwrap();
    file[data + 6] ^= 0x55;
    assert!(matches!(decode(&file).unwrap_err(), DecodeError::Damaged(_)));
}

#[test]
fn rejects_a_bomb_before_it_is_decoded() {
    let mut file = png(&[0; 3], 1, 1, Colour::Rgb8);
    // The header's width and height, and a checksum that fits them.
    file[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    let sum = crc32fast::hash(&file[12..29]);
    file[29..33].copy_from_slice(&sum.to_be_bytes());
    let error = decode(&file).unwrap_err();
    let huge = matches!(error, DecodeError::TooManyPixels { width: 16384, height: 16384 });
    assert!(huge, "{error}");
}

#[test]
fn rejects_what_is_no_picture() {
    for bytes in [&b""[..], b"GIF89a", b"{\"a\": 1}"] {
        let error = decode(bytes).unwrap_err();
        assert!(matches!(error, DecodeError::Format { bytes: found } if found == bytes.len()));
    }
    assert!(matches!(open(Path::new("no/such/file.jpg")), Err(DecodeError::Io(_))));
}

#[test]
fn rejects_a_file_that_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.jpg");
    std::fs::File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
    assert!(
        matches!(open(&path).unwrap_err(), DecodeError::TooLong { bytes } if bytes == MAX_FILE + 1)
    );
}
