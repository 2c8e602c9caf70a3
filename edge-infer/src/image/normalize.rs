//! Stores camera bytes as the network's int8 input.
//!
//! A byte `u` becomes `u - 128`, nothing more: the network's mean and scale are folded into its
//! first convolution by the host, so the board does no float work on pixels.

use model_format::ColourOrder;

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
    fn parts_of_pixels_are_left_alone() {
        let mut input = [7; 5];
        write_input(&[128; 9], ColourOrder::Rgb, &mut input);
        assert_eq!(input, [0, 0, 0, 7, 7]);
    }
}
