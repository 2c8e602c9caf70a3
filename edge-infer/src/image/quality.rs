//! What makes a face fit to be judged: light, sharpness, size and how the head is turned. Measurements only; what is enough is
//! policy.
//!
//! Light and sharpness are of the aligned face, which every face is scaled to, so that their numbers mean the same at any distance;
//! and of its middle, from brow to chin, because corners show the room, and black where the frame ends:
//!
//! ```text
//!  0    1/4     3/4    1
//!  ┌─────────────────┐ 0
//!  │    ┌───────┐    │ 5/16        luma = (77 red + 150 green + 29 blue) / 256
//!  │    │ o   o │    │
//!  │    │   ^   │    │             4-neighbour Laplacian of luma: up + down + left + right - 4 middle
//!  │    │  ___  │    │
//!  │    └───────┘    │ 15/16
//!  └─────────────────┘ 1
//! ```
//!
//! The sums are exact integers, so every target gives the same bits.

use super::Frame;
use super::align::Landmarks;
use crate::float;

/// Luma up to which a pixel is nearly black.
const DARK: u8 = 20;
/// Luma from which a pixel is nearly white.
const BRIGHT: u8 = 250;

/// Light and sharpness of an aligned face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Mean luma, 0 to 255.
    pub brightness: f32,
    /// Share of pixels with a luma of at most 20, 0 to 1.
    pub dark: f32,
    /// Share of pixels with a luma of at least 250, 0 to 1.
    pub bright: f32,
    /// Variance of the Laplacian of luma, in squares of luma; 0 where nothing can be seen.
    pub sharpness: f32,
}

/// How a head is turned, in ratios that five points give without a camera's data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// The nose's distance from the middle between eyes and mouth, across the face, in distances between the eyes: 0 seen from the
    /// front, positive to the right of the image, about 0.5 where the nose is below an eye.
    pub yaw: f32,
    /// Where the nose is from the eyes (-0.5) to the mouth (0.5): near 0 for a level head, more looking down, less looking up.
    pub pitch: f32,
    /// Sine of the turn in the image's plane, positive clockwise; beyond a quarter turn it goes on to grow, up to 2 upside down.
    pub roll: f32,
}

impl Quality {
    /// Of `face`, an aligned face of any size. One too small to have a Laplacian has no sharpness.
    pub fn of(face: &Frame<'_>) -> Self {
        let (left, right) = (face.width() / 4, face.width() - face.width() / 4);
        let (top, bottom) = (face.height() * 5 / 16, face.height() - face.height() / 16);
        let luma = |x: usize, y: usize| luma(face, x, y);
        let mut light = Light::default();
        let mut edges = Edges::default();
        for y in top..bottom {
            for x in left..right {
                let middle = luma(x, y);
                light.add(middle);
                if y > top && y + 1 < bottom && x > left && x + 1 < right {
                    let around = [luma(x, y - 1), luma(x, y + 1), luma(x - 1, y), luma(x + 1, y)];
                    edges.add(around.map(i32::from).iter().sum::<i32>() - 4 * i32::from(middle));
                }
            }
        }
        Self {
            brightness: share(light.sum, light.count),
            dark: share(light.dark, light.count),
            bright: share(light.bright, light.count),
            sharpness: edges.variance(),
        }
    }
}

/// Luma of a pixel, 0 to 255.
fn luma(face: &Frame<'_>, x: usize, y: usize) -> u8 {
    let [red, green, blue] = face.pixel_or_black(x as i64, y as i64).map(u32::from);
    ((77 * red + 150 * green + 29 * blue) >> 8) as u8
}

fn share(part: u64, of: u64) -> f32 {
    if of == 0 { 0.0 } else { (part as f64 / of as f64) as f32 }
}

#[derive(Default)]
struct Light {
    count: u64,
    sum: u64,
    dark: u64,
    bright: u64,
}

impl Light {
    fn add(&mut self, luma: u8) {
        self.count += 1;
        self.sum += u64::from(luma);
        self.dark += u64::from(luma <= DARK);
        self.bright += u64::from(luma >= BRIGHT);
    }
}

#[derive(Default)]
struct Edges {
    count: u64,
    sum: i64,
    squares: u64,
}

impl Edges {
    fn add(&mut self, laplacian: i32) {
        self.count += 1;
        self.sum += i64::from(laplacian);
        self.squares += u64::from(laplacian.unsigned_abs()).pow(2);
    }

    fn variance(&self) -> f32 {
        if self.count == 0 {
            return 0.0;
        }
        let mean = self.sum as f64 / self.count as f64;
        (self.squares as f64 / self.count as f64 - mean * mean) as f32
    }
}

/// Distance between the two eyes in pixels of the landmarks' image. Not finite if an eye is nowhere.
pub fn eye_distance(landmarks: &Landmarks) -> f32 {
    let [eye, other, ..] = *landmarks;
    length(between(eye, other))
}

impl Pose {
    /// Of a face's five landmarks; `None` if they make no head: eyes or nose on one point, a mouth at or above the eyes, a
    /// coordinate that is not finite.
    pub fn of(landmarks: &Landmarks) -> Option<Self> {
        let [eye, other, nose, corner, other_corner] = *landmarks;
        let across = between(eye, other);
        let apart = length(across);
        let [right, down] = across.map(|step| step / apart);
        // The face's own axes: along the eyes, and a quarter turn clockwise from there.
        let place = |[x, y]: [f32; 2]| [x * right + y * down, y * right - x * down];
        let eyes = place(middle(eye, other));
        let mouth = place(middle(corner, other_corner));
        let [nose_x, nose_y] = place(nose);
        let height = mouth[1] - eyes[1];
        let pose = Self {
            yaw: (nose_x - (eyes[0] + mouth[0]) / 2.0) / apart,
            pitch: (nose_y - eyes[1]) / height - 0.5,
            roll: if right >= 0.0 { down } else { 2.0_f32.copysign(down) - down },
        };
        let finite = pose.yaw.is_finite() && pose.pitch.is_finite() && pose.roll.is_finite();
        (finite && height > 0.0).then_some(pose)
    }
}

fn between([x, y]: [f32; 2], [to_x, to_y]: [f32; 2]) -> [f32; 2] {
    [to_x - x, to_y - y]
}

fn middle([x, y]: [f32; 2], [to_x, to_y]: [f32; 2]) -> [f32; 2] {
    [(x + to_x) / 2.0, (y + to_y) / 2.0]
}

/// Length of a step; NaN if it leads nowhere. Scaled first, so that no square overflows or vanishes.
fn length([x, y]: [f32; 2]) -> f32 {
    if !(x.is_finite() && y.is_finite()) {
        return f32::NAN;
    }
    let longest = x.abs().max(y.abs());
    if longest == 0.0 {
        return 0.0;
    }
    let [x, y] = [x / longest, y / longest];
    longest * float::root(x * x + y * y)
}
