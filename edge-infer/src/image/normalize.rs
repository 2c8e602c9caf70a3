//! Stores camera bytes as the network's int8 input.
//!
//! A byte `u` becomes `u - 128`, nothing more: the network's mean and scale are folded into its
//! first convolution by the host, so the board does no float work on pixels.

use model_format::ColourOrder;

use super::Frame;
use super::frame::PIXEL;

/// A byte of zero as input.
const BLACK: i8 = -128;

/// Writes `rgb` (HWC, red first) into `input` (NHWC, in the network's colour order).
///
/// Both hold whole pixels of three channels; where one is longer, its rest is left alone.
pub fn write_input(rgb: &[u8], colour: ColourOrder, input: &mut [i8]) {
    let (rgb, _) = rgb.as_chunks::<3>();
    let (pixels, _) = input.as_chunks_mut::<3>();
    let centred = |byte: u8| byte.wrapping_sub(128) as i8;
    match colour {
        // Without pixels in between, so that the compiler takes whole vectors.
        ColourOrder::Rgb => {
            for (value, &byte) in pixels.as_flattened_mut().iter_mut().zip(rgb.as_flattened()) {
                *value = centred(byte);
            }
        }
        ColourOrder::Bgr => {
            for (pixel, &[red, green, blue]) in pixels.iter_mut().zip(rgb) {
                *pixel = [blue, green, red].map(centred);
            }
        }
    }
}

/// Writes `frame` into the upper left corner of `input`, rows of `width` pixels in the network's colour order; black beside and below
/// it. What of the frame lies beyond is left out.
pub fn write_corner(frame: &Frame<'_>, colour: ColourOrder, width: usize, input: &mut [i8]) {
    input.fill(BLACK);
    let columns = frame.width().min(width);
    let rows = input.chunks_mut(width.saturating_mul(PIXEL).max(1));
    for (row, pixels) in rows.zip(frame.rows()) {
        let corner = row.get_mut(..columns.saturating_mul(PIXEL)).unwrap_or_default();
        write_input(pixels, colour, corner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_centred_and_ordered() {
        let mut input = [0; 6];
        write_input(&[0, 1, 127, 128, 200, 255], ColourOrder::Rgb, &mut input);
        assert_eq!(input, [-128, -127, -1, 0, 72, 127]);
        write_input(&[0, 1, 127, 128, 200, 255], ColourOrder::Bgr, &mut input);
        assert_eq!(input, [-1, -127, -128, 127, 72, 0]);
    }

    #[test]
    fn a_frame_lies_in_the_corner_and_black_around_it() {
        let pixels: [u8; 14] = core::array::from_fn(|i| 129 + i as u8);
        let frame = Frame::new(&pixels, 2, 2, 8).unwrap();
        let mut input = [7; 27];
        write_corner(&frame, ColourOrder::Rgb, 3, &mut input);
        const B: i8 = -128;
        assert_eq!(input[..9], [1, 2, 3, 4, 5, 6, B, B, B]);
        assert_eq!(input[9..18], [9, 10, 11, 12, 13, 14, B, B, B]);
        assert_eq!(input[18..], [B; 9]);
        let mut narrow = [7; 3];
        write_corner(&frame, ColourOrder::Bgr, 1, &mut narrow);
        assert_eq!(narrow, [3, 2, 1]);
    }

    #[test]
    fn parts_of_pixels_are_left_alone() {
        let mut input = [7; 5];
        write_input(&[128; 9], ColourOrder::Rgb, &mut input);
        assert_eq!(input, [0, 0, 0, 7, 7]);
    }
}
