//! The warp against shifts and turns known by eye, and against bilinear interpolation written out
//! in `f64`.

use edge_infer::image::Frame;
use edge_infer::image::align::{AlignError, Landmarks, Similarity, similarity, warp};
use proptest::prelude::*;

/// A frame of bytes that differ from pixel to pixel and channel to channel.
fn noise(width: usize, height: usize) -> Vec<u8> {
    (0_u32..)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .take(width * height * 3)
        .collect()
}

/// The similarity with this matrix.
fn transform([a, b, tx, ty]: [f64; 4]) -> Similarity {
    let from: Landmarks = [[0.0, 0.0], [64.0, 0.0], [0.0, 64.0], [-64.0, 0.0], [0.0, -64.0]];
    let to = from.map(|point| {
        let [x, y] = point.map(f64::from);
        [(a * x - b * y + tx) as f32, (b * x + a * y + ty) as f32]
    });
    similarity(&from, &to).expect("five points apart")
}

fn crop(
    pixels: &[u8],
    size: [usize; 2],
    transform: &Similarity,
    width: usize,
    height: usize,
) -> Vec<u8> {
    let frame = Frame::new(pixels, size[0], size[1], size[0] * 3).expect("the size fits");
    let mut output = vec![9; width * height * 3];
    warp(&frame, transform, &mut output, width, height).expect("the length fits");
    output
}

#[test]
fn the_identity_copies() {
    let pixels = noise(7, 5);
    assert_eq!(crop(&pixels, [7, 5], &transform([1.0, 0.0, 0.0, 0.0]), 7, 5), pixels);
}

#[test]
fn a_whole_shift_copies_and_leaves_black() {
    let pixels = noise(4, 3);
    let output = crop(&pixels, [4, 3], &transform([1.0, 0.0, 1.0, 1.0]), 6, 5);
    for y in 0..5 {
        for x in 0..6 {
            let found = &output[(y * 6 + x) * 3..][..3];
            let inside = (1..5).contains(&x) && (1..4).contains(&y);
            let expected =
                if inside { &pixels[((y - 1) * 4 + x - 1) * 3..][..3] } else { &[0; 3][..] };
            assert_eq!(found, expected, "({x}, {y})");
        }
    }
}

#[test]
fn a_half_turn_reverses_the_pixels() {
    let pixels = noise(4, 3);
    let output = crop(&pixels, [4, 3], &transform([-1.0, 0.0, 3.0, 2.0]), 4, 3);
    let reversed: Vec<u8> = pixels.chunks(3).rev().flatten().copied().collect();
    assert_eq!(output, reversed);
}

#[test]
fn half_a_pixel_averages_and_fades_at_the_border() {
    let pixels = [[10, 0, 255], [20, 1, 0]].concat();
    let output = crop(&pixels, [2, 1], &transform([1.0, 0.0, 0.5, 0.0]), 3, 1);
    // Halves round up; beyond the border lies black.
    assert_eq!(output, [[5, 0, 128], [15, 1, 128], [10, 1, 0]].concat());
}

#[test]
fn a_stride_is_skipped() {
    let pixels = [1, 1, 1, 2, 2, 2, 99, 99, 3, 3, 3, 4, 4, 4];
    let frame = Frame::new(&pixels, 2, 2, 8).expect("the size fits");
    let mut output = [0; 12];
    warp(&frame, &transform([1.0, 0.0, 0.0, 0.0]), &mut output, 2, 2).expect("the length fits");
    assert_eq!(output, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
}

#[test]
fn rejects_a_buffer_of_another_size() {
    let pixels = noise(2, 2);
    let frame = Frame::new(&pixels, 2, 2, 6).expect("the size fits");
    let identity = transform([1.0, 0.0, 0.0, 0.0]);
    let refused =
        |width, height, needed| AlignError::OutputLength { width, height, needed, got: 12 };
    assert_eq!(warp(&frame, &identity, &mut [0; 12], 2, 3), Err(refused(2, 3, 18)));
    let largest = usize::MAX;
    assert_eq!(
        warp(&frame, &identity, &mut [0; 12], largest, 2),
        Err(refused(largest, 2, largest))
    );
}

proptest! {
    /// Positions are rounded to 1/2048 pixel on each axis, which moves a blend of bytes by at most
    /// 255 * 2 / 4096, and the result once more by a half.
    #[test]
    fn it_is_bilinear_interpolation(
        angle in -4.0_f64..4.0, scale in 0.2_f64..5.0, shift in [-20.0_f64..40.0, -20.0_f64..40.0],
    ) {
        let (width, height) = (17, 13);
        let pixels = noise(width, height);
        let transform = transform([scale * angle.cos(), scale * angle.sin(), shift[0], shift[1]]);
        let output = crop(&pixels, [width, height], &transform, 20, 20);
        let pixel = |x: f64, y: f64, channel: usize| {
            let inside = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
            let index = |x, y| (y as usize * width + x as usize) * 3 + channel;
            if inside { f64::from(pixels[index(x, y)]) } else { 0.0 }
        };
        for (index, &found) in output.iter().enumerate() {
            let (channel, x, y) = (index % 3, index / 3 % 20, index / 60);
            let [sx, sy] = transform.inverse().apply([x as f64, y as f64]);
            let (left, top) = (sx.floor(), sy.floor());
            let blend = |a: f64, b: f64, weight: f64| a * (1.0 - weight) + b * weight;
            let row = |y: f64| {
                blend(pixel(left, y, channel), pixel(left + 1.0, y, channel), sx - left)
            };
            let exact = blend(row(top), row(top + 1.0), sy - top);
            prop_assert!((f64::from(found) - exact).abs() < 0.5 + 255.0 * 2.0 / 4096.0 + 1e-3);
        }
    }
}
