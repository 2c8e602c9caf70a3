//! What a camera does to a face: light and colour, few pixels, no focus, hard compression.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageBuffer, Rgb};

use crate::data::decode;
use crate::data::random::Choices;

/// Standard deviation of the blur as a share of the side: 0.5 to 1.5 pixels at 112.
const BLUR: (f32, f32) = (0.5 / 112.0, 1.5 / 112.0);

/// How many times fewer pixels a side.
const SHRINK: (f32, f32) = (1.5, 4.0);

/// JPEG quality.
const QUALITY: (f32, f32) = (20.0, 80.0);

/// Grey of a pixel: ITU-R BT.601's weights, as JPEG has them.
fn grey([red, green, blue]: [u8; 3]) -> f32 {
    0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)
}

/// Scales saturation about each pixel's grey, then contrast about the mean grey `m`, then brightness:
/// `out = b (c (s v + (1 - s) grey - m) + m)`, rounded and kept within 0 to 255.
pub(super) fn colour(rgb: &mut [u8], [brightness, contrast, saturation]: [f32; 3]) {
    let (pixels, _) = rgb.as_chunks_mut::<3>();
    let sum: f64 = pixels.iter().map(|&pixel| f64::from(grey(pixel))).sum();
    let mean = (sum / pixels.len().max(1) as f64) as f32;
    let of_value = brightness * contrast * saturation;
    let of_grey = brightness * contrast * (1.0 - saturation);
    let offset = brightness * (1.0 - contrast) * mean;
    for pixel in pixels {
        let common = of_grey * grey(*pixel) + offset + 0.5;
        // A float cast to u8 cuts the fraction off and saturates at both ends.
        *pixel = pixel.map(|value| (of_value * f32::from(value) + common) as u8);
    }
}

/// Makes the picture small and large again, with linear filters that leave no false patterns.
pub(super) fn lower_resolution(rgb: &mut [u8], width: usize, choices: &mut Choices) {
    let factor = choices.between(SHRINK);
    let (wide, high) = (width as u32, (rgb.len() / (width * 3)) as u32);
    let less = |side: u32| ((side as f32 / factor).round() as u32).max(1);
    let large = ImageBuffer::<Rgb<u8>, _>::from_raw(wide, high, &*rgb)
        .expect("rows of `width` pixels fill the picture");
    let small = resize(&large, less(wide), less(high), FilterType::Triangle);
    rgb.copy_from_slice(&resize(&small, wide, high, FilterType::Triangle));
}

/// Taps on each side of the middle one.
const REACH: usize = 3;

/// Blurs by a Gaussian of a drawn width; the edge pixels are repeated outwards.
pub(super) fn blur(rgb: &mut [u8], width: usize, choices: &mut Choices) {
    let sigma = choices.between(BLUR) * width as f32;
    blur_by(rgb, width, taps(sigma));
}

/// The Gaussian's taps, in 1/256; they sum to exactly 256.
fn taps(sigma: f32) -> [u16; 2 * REACH + 1] {
    let weight = |tap: usize| (-(tap.abs_diff(REACH).pow(2) as f32) / (2.0 * sigma * sigma)).exp();
    let sum: f32 = (0..=2 * REACH).map(weight).sum();
    let mut taps = [0; 2 * REACH + 1];
    for (tap, value) in taps.iter_mut().enumerate() {
        *value = (256.0 * weight(tap) / sum).round() as u16;
    }
    taps[REACH] += 256;
    taps[REACH] -= taps.iter().sum::<u16>() - 256;
    taps
}

/// Filters rows, then columns.
fn blur_by(rgb: &mut [u8], width: usize, taps: [u16; 2 * REACH + 1]) {
    let stride = width * 3;
    let last = rgb.len() / stride - 1;
    let mut sums = vec![0; stride];
    let mut padded = vec![0; stride + 2 * REACH * 3];
    for row in rgb.chunks_exact_mut(stride) {
        padded[REACH * 3..][..stride].copy_from_slice(row);
        for tap in 0..REACH {
            padded[tap * 3..][..3].copy_from_slice(&row[..3]);
            padded[(REACH + width + tap) * 3..][..3].copy_from_slice(&row[stride - 3..]);
        }
        weigh(row, &mut sums, taps, |tap| &padded[tap * 3..][..stride]);
    }
    let rows = rgb.to_vec();
    for (y, row) in rgb.chunks_exact_mut(stride).enumerate() {
        weigh(row, &mut sums, taps, |tap| {
            &rows[(y + tap).saturating_sub(REACH).min(last) * stride..][..stride]
        });
    }
}

/// `out = sum of taps[t] * line(t)`, rounded. `sums` is room for one line.
fn weigh<'a>(
    out: &mut [u8],
    sums: &mut [u16],
    taps: [u16; 2 * REACH + 1],
    line: impl Fn(usize) -> &'a [u8],
) {
    // At most (255 * 256 + 128) >> 8 = 255, and no sum leaves 16 bits.
    sums.fill(128);
    for (tap, weight) in taps.into_iter().enumerate() {
        for (sum, &value) in sums.iter_mut().zip(line(tap)) {
            *sum += weight * u16::from(value);
        }
    }
    for (value, &sum) in out.iter_mut().zip(&*sums) {
        *value = (sum >> 8) as u8;
    }
}

/// Compresses as a camera or a messenger would, and decodes again.
pub(super) fn recompress(rgb: &mut [u8], width: usize, choices: &mut Choices) {
    let quality = choices.between(QUALITY) as u8;
    let height = rgb.len() / (width * 3);
    let mut file = Vec::new();
    let image = JpegEncoder::new_with_quality(&mut file, quality)
        .encode(rgb, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(|error| error.to_string())
        .and_then(|()| decode(&file, "recompressed").map_err(|error| error.to_string()));
    let image = image.expect("sides are below JPEG's 65536, and what was just written is whole");
    rgb.copy_from_slice(&image.rgb);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::Purpose;

    fn choices(index: u64) -> Choices {
        Choices::new(1, Purpose::Blur, 0, index)
    }

    #[test]
    fn colour_follows_its_formula() {
        let mut rgb = [200, 100, 50, 0, 0, 0];
        // Grey of the first pixel 124.2, mean 62.1.
        colour(&mut rgb, [1.0, 1.0, 0.5]);
        assert_eq!(rgb, [162, 112, 87, 0, 0, 0]);
        let mut rgb = [200, 100, 50, 0, 0, 0];
        colour(&mut rgb, [1.0, 0.5, 1.0]);
        assert_eq!(rgb, [131, 81, 56, 31, 31, 31]);
        let mut rgb = [200, 100, 50, 3, 0, 255];
        colour(&mut rgb, [1.5, 1.0, 1.0]);
        assert_eq!(rgb, [255, 150, 75, 5, 0, 255]);
        let mut rgb = [9, 80, 250];
        colour(&mut rgb, [1.0; 3]);
        assert_eq!(rgb, [9, 80, 250]);
    }

    #[test]
    fn blur_keeps_flat_pictures_and_spreads_a_point_evenly() {
        for sigma in [0.2, 0.5, 1.0, 1.5] {
            let taps = taps(sigma);
            assert_eq!(taps.iter().sum::<u16>(), 256, "sigma {sigma}");
            assert!((0..REACH).all(|tap| taps[tap] == taps[2 * REACH - tap]));
            let mut flat = [7, 130, 255].repeat(12);
            blur_by(&mut flat, 4, taps);
            assert_eq!(flat, [7, 130, 255].repeat(12));
        }
        // exp(-1/2) / (1 + 2 exp(-1/2) + 2 exp(-2) + 2 exp(-9/2)) = 0.2420 of 256 is 62; the middle takes 102.
        assert_eq!(taps(1.0), [1, 14, 62, 102, 62, 14, 1]);
        let mut point = vec![0; 9 * 9 * 3];
        point[(4 * 9 + 4) * 3] = 255;
        blur_by(&mut point, 9, taps(1.0));
        let red = |x: usize, y: usize| point[(y * 9 + x) * 3];
        assert_eq!([red(4, 4), red(3, 4), red(4, 3), red(5, 4), red(3, 3)], [41, 25, 25, 25, 15]);
        assert!(point.chunks_exact(3).all(|pixel| pixel[1] == 0 && pixel[2] == 0));
    }

    #[test]
    fn low_resolution_removes_a_chessboard_and_keeps_its_mean() {
        let board: Vec<u8> = (0..32 * 32)
            .flat_map(|at| [if (at + at / 32) % 2 == 0 { 0 } else { 200 }; 3])
            .collect();
        for index in 0..20 {
            let mut rgb = board.clone();
            lower_resolution(&mut rgb, 32, &mut choices(index));
            let inner = (8..24).flat_map(|y| (8..24).map(move |x| (y * 32 + x) * 3));
            assert!(inner.clone().all(|at| (60..140).contains(&rgb[at])), "index {index}");
            let mean = inner.map(|at| f32::from(rgb[at])).sum::<f32>() / 256.0;
            assert!((mean - 100.0).abs() < 4.0, "{mean}");
        }
    }

    #[test]
    fn compression_changes_a_little_everywhere() {
        let ramp: Vec<u8> = (0..32 * 32).flat_map(|at| [(at % 32 * 8) as u8; 3]).collect();
        for index in 0..20 {
            let mut rgb = ramp.clone();
            recompress(&mut rgb, 32, &mut choices(index));
            assert_ne!(rgb, ramp);
            let off: u32 = rgb.iter().zip(&ramp).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            assert!(off < 12 * ramp.len() as u32, "{off}");
        }
    }

    #[test]
    fn single_pixels_survive() {
        let mut rgb = [10, 20, 30];
        blur(&mut rgb, 1, &mut choices(0));
        lower_resolution(&mut rgb, 1, &mut choices(0));
        assert_eq!(rgb, [10, 20, 30]);
        recompress(&mut rgb, 1, &mut choices(0));
    }
}
