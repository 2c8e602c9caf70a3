//! Whether a face is one, or a picture of one: two small networks, each shown the face with more and less of its surroundings.
//!
//! ```text
//!   ┌───────────────┐ 4.0 times the box
//!   │  ┌─────────┐  │ 2.7 times               crop ─ 80x80 ─ network ─ softmax ─ share of class 1
//!   │  │  ┌───┐  │  │                         score = mean of both networks' shares, 0 to 1
//!   │  │  │ o │  │  │
//!   │  │  └───┘  │  │ the detector's box
//! ```
//!
//! The networks are MiniFASNets (Silent-Face-Anti-Spoofing), and this is how their authors feed them: a crop that would leave the frame
//! is moved into it, one larger than the frame is made smaller, and both sides are stretched to the input's. What score is enough
//! is policy.

use super::Picture;
use edge_infer::detect::Face;
use edge_infer::engine::{Engine, EngineError};

/// Side of the networks' input.
pub(super) const SIDE: usize = 80;
/// Classes: picture, live, picture of another kind.
pub(super) const CLASSES: usize = 3;
const LIVE: usize = 1;
/// Times the detector's box.
pub(super) const CROPS: [f64; 2] = [2.7, 4.0];

/// Both networks.
#[derive(Debug)]
pub(super) struct Liveness<'m> {
    engines: [Engine<'m>; 2],
    crop: Vec<u8>,
}

impl<'m> Liveness<'m> {
    /// In the order of [`CROPS`].
    pub(super) fn new(engines: [Engine<'m>; 2]) -> Self {
        Self { engines, crop: vec![0; SIDE * SIDE * 3] }
    }

    /// How alive `face`, in pixels of `picture`, looks: 0 to 1. `None` if its box has no size or a network gives no number.
    pub(super) fn score(
        &mut self,
        picture: &Picture,
        face: &Face,
        arena: &mut [u8],
    ) -> Result<Option<f32>, EngineError> {
        let mut sum = 0.0;
        for (engine, times) in self.engines.iter().zip(CROPS) {
            let Some(window) = Window::around(picture, face, times) else { return Ok(None) };
            window.resample(picture, &mut self.crop);
            let mut logits = [0.0; CLASSES];
            engine.run(&self.crop, arena)?.embedding(&mut logits)?;
            sum += share(&logits);
        }
        Ok(Some(sum / 2.0).filter(|score| score.is_finite()))
    }
}

/// Softmax of the live class.
fn share(logits: &[f32; CLASSES]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let all: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
    (logits[LIVE] - most).exp() / all
}

/// The crop that a network of `times` the box sees, as `80 * 80` pixels: what such a network is calibrated on. `None` if the box has no
/// size.
pub fn crop(picture: &Picture, face: &Face, times: f64) -> Option<Vec<u8>> {
    let mut crop = vec![0; SIDE * SIDE * 3];
    Window::around(picture, face, times)?.resample(picture, &mut crop);
    Some(crop)
}

/// Part of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Window {
    fn around(picture: &Picture, face: &Face, times: f64) -> Option<Self> {
        let [columns, rows] = [picture.width(), picture.height()].map(|side| side as f64 - 1.0);
        let [x, y, width, height] = [face.x, face.y, face.width, face.height].map(f64::from);
        let usable = width >= 1.0 && height >= 1.0 && x.is_finite() && y.is_finite();
        let times = times.min(rows / height).min(columns / width);
        if !usable || times <= 0.0 {
            return None;
        }
        let side = |start: f64, size: f64, most: f64| {
            let grown = size * times;
            ((start + (size - grown) / 2.0).min(most - grown).max(0.0), grown)
        };
        let ((left, width), (top, height)) = (side(x, width, columns), side(y, height, rows));
        Some(Self { left, top, width, height })
    }

    /// Bilinear, by pixel centres; beyond the edge the edge goes on.
    fn resample(&self, picture: &Picture, crop: &mut [u8]) {
        let axis = |start: f64, size: f64, count: usize| {
            let mut steps = [Step::default(); SIDE];
            for (at, step) in steps.iter_mut().enumerate() {
                *step = Step::at(start + (at as f64 + 0.5) * size / SIDE as f64 - 0.5, count);
            }
            steps
        };
        let columns = axis(self.left, self.width, picture.width());
        let rows = axis(self.top, self.height, picture.height());
        let (pixels, _) = picture.rgb().as_chunks::<3>();
        let (crop, _) = crop.as_chunks_mut::<3>();
        for (row, to) in rows.iter().zip(crop.chunks_exact_mut(SIDE)) {
            let upper = &pixels[row.at * picture.width()..];
            let lower = &pixels[row.next * picture.width()..];
            for (column, to) in columns.iter().zip(to) {
                let blend = |row: &[[u8; 3]], c: usize| {
                    let [a, b] =
                        [row[column.at], row[column.next]].map(|pixel| u32::from(pixel[c]));
                    a * (ONE - column.share) + b * column.share
                };
                for (c, to) in to.iter_mut().enumerate() {
                    let sum = blend(upper, c) * (ONE - row.share) + blend(lower, c) * row.share;
                    *to = ((sum + (1 << (2 * BITS - 1))) >> (2 * BITS)) as u8;
                }
            }
        }
    }
}

/// Bits of a share: with 11, a blend of bytes fits `u32`.
const BITS: u32 = 11;
const ONE: u32 = 1 << BITS;

/// A pixel, the next, and the next one's share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Step {
    at: usize,
    next: usize,
    share: u32,
}

impl Step {
    /// At `place` of `count` pixels.
    fn at(place: f64, count: usize) -> Self {
        let last = count - 1;
        let place = place.clamp(0.0, last as f64);
        let at = place as usize;
        Self { at, next: (at + 1).min(last), share: (place.fract() * f64::from(ONE)) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, y: f32, width: f32, height: f32) -> Face {
        Face { x, y, width, height, ..Face::default() }
    }

    fn black(width: usize, height: usize) -> Picture {
        Picture::new(width, height, vec![0; width * height * 3]).unwrap()
    }

    #[test]
    fn windows_by_hand() {
        let picture = black(641, 481);
        let window = |face: &Face, times| {
            let Window { left, top, width, height } =
                Window::around(&picture, face, times).unwrap();
            [left, top, width, height]
        };
        assert_eq!(window(&face(300., 200., 40., 50.), 4.0), [240.0, 125.0, 160.0, 200.0]);
        assert_eq!(window(&face(0., 10., 40., 50.), 4.0), [0.0, 0.0, 160.0, 200.0], "moved in");
        assert_eq!(window(&face(620., 450., 40., 50.), 4.0), [480.0, 280.0, 160.0, 200.0]);
        // 480 rows hold 2.4 times 200.
        assert_eq!(window(&face(300., 100., 100., 200.), 4.0), [230.0, 0.0, 240.0, 480.0]);
    }

    #[test]
    fn boxes_without_a_size_have_no_window() {
        let picture = black(64, 48);
        let nan = f32::NAN;
        for bad in [
            face(1., 1., 0., 9.),
            face(1., 1., 9., nan),
            face(nan, 1., 9., 9.),
            face(1., f32::INFINITY, 9., 9.),
        ] {
            assert_eq!(Window::around(&picture, &bad, 2.7), None, "{bad:?}");
        }
        assert_eq!(Window::around(&black(1, 1), &face(0., 0., 2., 2.), 2.7), None);
    }

    #[test]
    fn a_crop_of_80_pixels_is_a_copy() {
        let rgb: Vec<u8> = (0..100 * 90 * 3_u32).map(|i| (i * 7 % 253) as u8).collect();
        let picture = Picture::new(100, 90, rgb.clone()).unwrap();
        let window = Window { left: 11.0, top: 5.0, width: 80.0, height: 80.0 };
        let mut crop = vec![0; SIDE * SIDE * 3];
        window.resample(&picture, &mut crop);
        for (row, got) in crop.chunks(SIDE * 3).enumerate() {
            let from = ((row + 5) * 100 + 11) * 3;
            assert_eq!(got, &rgb[from..from + SIDE * 3], "row {row}");
        }
    }

    #[test]
    fn edges_go_on_and_flat_pictures_stay_flat() {
        let picture = Picture::new(7, 5, vec![93; 105]).unwrap();
        let crop = crop(&picture, &face(2., 1., 2., 2.), 2.7).unwrap();
        assert!(crop.iter().all(|&value| value == 93));
    }

    #[test]
    fn shares_are_a_softmax() {
        assert!((share(&[0.0; 3]) - 1.0 / 3.0).abs() < 1e-7);
        assert!((share(&[0.0, core::f32::consts::LN_2, 0.0]) - 0.5).abs() < 1e-7);
        assert_eq!(share(&[-500.0, 500.0, 0.0]), 1.0);
        assert!(share(&[f32::NAN, 0.0, 0.0]).is_nan());
    }
}
