//! Scenes as a camera would show them: discs on a dark ground, light as their person is.

use crate::camera::{Camera, CameraError, Captured, Layout};
use crate::run::clock;
use std::time::{Duration, Instant};

/// Pixels in a row.
pub const WIDTH: usize = 320;
/// Rows.
pub const HEIGHT: usize = 240;

/// The enrolled person's light.
pub(super) const ADA_LIGHT: u8 = 180;
const STRANGER_LIGHT: u8 = 110;
/// The white edge of a print.
const PAPER: u8 = 255;
/// Each scene's length: shorter than a pulse and the pause after it.
const LENGTH: Duration = Duration::from_secs(4);

/// Who stands before the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Nobody.
    Nobody,
    /// The enrolled person.
    Ada,
    /// Somebody whom nobody enrolled.
    Stranger,
    /// Both.
    Two,
    /// Somebody with a print of the enrolled person.
    Print,
    /// The enrolled person, to a camera that repeats its last frame.
    Frozen,
}

impl Scene {
    /// All, as they are played.
    pub const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Ada,
        Self::Nobody,
        Self::Stranger,
        Self::Two,
        Self::Print,
        Self::Frozen,
    ];

    /// What happens, in words.
    #[must_use]
    pub fn caption(self) -> &'static str {
        match self {
            Self::Nobody => "nobody is there",
            Self::Ada => "Ada comes, who is enrolled",
            Self::Stranger => "a stranger comes",
            Self::Two => "Ada comes with a stranger",
            Self::Print => "a stranger holds up a print of Ada",
            Self::Frozen => "the camera repeats a frame in which Ada stands",
        }
    }
}

/// Shows scenes.
#[derive(Debug)]
pub struct DrawnCamera {
    scenes: Vec<Scene>,
    start: Instant,
    last: Option<Scene>,
    frames: u32,
    fps: u32,
}

impl DrawnCamera {
    /// All scenes, over and over.
    #[must_use]
    pub fn new(fps: u32) -> Self {
        Self {
            scenes: Scene::ALL.to_vec(),
            start: Instant::now(),
            last: None,
            frames: 0,
            fps: fps.max(1),
        }
    }

    /// One scene.
    #[must_use]
    pub fn of(scene: Scene, fps: u32) -> Self {
        Self { scenes: vec![scene], ..Self::new(fps) }
    }
}

impl Camera for DrawnCamera {
    fn frame(&mut self, mut buffer: Vec<u8>) -> Result<Captured, CameraError> {
        std::thread::sleep(Duration::from_secs(1) / self.fps);
        let played = self.start.elapsed().as_secs() / LENGTH.as_secs();
        let scene = self.scenes[played as usize % self.scenes.len()];
        if self.last.replace(scene) != Some(scene) {
            eprintln!("-- {}", scene.caption());
        }
        draw(scene, if scene == Scene::Frozen { 0 } else { self.frames }, &mut buffer);
        self.frames = self.frames.wrapping_add(1);
        let layout = Layout::Grey { width: WIDTH, height: HEIGHT, stride: WIDTH };
        Ok(Captured { captured_ms: clock::now_ms(), sequence: 0, layout, bytes: buffer })
    }
}

/// Whether a pixel of this light is of a face.
pub(super) fn is_face(light: u8) -> bool {
    (90..PAPER).contains(&light)
}

/// Whether the picture has a print's white edge.
pub(super) fn has_border(picture: &crate::vision::Picture) -> bool {
    picture.rgb().contains(&PAPER)
}

fn draw(scene: Scene, frame: u32, pixels: &mut Vec<u8>) {
    // A slow sway, so that no two frames are alike.
    let sway = [0, 1, 2, 3, 2, 1][frame as usize % 6];
    // Noise as a sensor has it, which keeps the digest from repeating.
    let mut noise = frame.wrapping_mul(2_654_435_761) | 1;
    pixels.clear();
    pixels.resize_with(WIDTH * HEIGHT, || {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        40 + (noise & 7) as u8
    });
    let ada = (110 + sway, ADA_LIGHT);
    match scene {
        Scene::Nobody => {}
        Scene::Ada | Scene::Frozen => disc(pixels, ada.0, ada.1, 60),
        Scene::Stranger => disc(pixels, 110 + sway, STRANGER_LIGHT, 60),
        Scene::Two => {
            disc(pixels, 90 + sway, ADA_LIGHT, 60);
            disc(pixels, 240 - sway, STRANGER_LIGHT, 55);
        }
        Scene::Print => {
            for row in [40, HEIGHT - 41] {
                pixels[row * WIDTH + 40..row * WIDTH + 200].fill(PAPER);
            }
            disc(pixels, ada.0, ada.1, 60);
        }
    }
}

fn disc(pixels: &mut [u8], column: usize, light: u8, radius: usize) {
    for (y, row) in pixels.chunks_mut(WIDTH).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (dx, dy) = (x.abs_diff(column), y.abs_diff(HEIGHT / 2));
            if dx * dx + dy * dy <= radius * radius {
                *pixel = light;
            }
        }
    }
    // Eyes above the middle row, which is measured.
    for eye in [column - radius / 3, column + radius / 3] {
        for dy in 0..4 {
            let at = (HEIGHT / 2 - radius / 3 + dy) * WIDTH + eye;
            pixels[at..at + 4].fill(20);
        }
    }
}
