//! Two drawn faces, the same on every machine, for the self-test: integers alone.
//!
//! They are no people. What counts is that a network which works tells them apart, and gives each to the bit what it gave the host.

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestFace {
    /// Light, round, eyes wide apart.
    Round,
    /// Dark, long, with a brow and a beard.
    Long,
}

/// Coordinates and sizes are in 1/112 of the picture's sides.
const UNITS: i32 = 112;

struct Look {
    ground: [u8; 3],
    skin: [u8; 3],
    hair: [u8; 3],
    /// Half axes of the head.
    half: [i32; 2],
    /// Down to this row, hair.
    hairline: i32,
    /// From this row on, beard.
    beard: i32,
    /// Columns of the eyes from the middle, and half their width.
    eye: [i32; 2],
    /// Half width of nose and mouth.
    nose: i32,
    mouth: i32,
}

impl TestFace {
    fn look(self) -> Look {
        match self {
            Self::Round => Look {
                ground: [40, 90, 160],
                skin: [232, 190, 168],
                hair: [196, 160, 84],
                half: [46, 54],
                hairline: 22,
                beard: UNITS,
                eye: [20, 7],
                nose: 5,
                mouth: 14,
            },
            Self::Long => Look {
                ground: [150, 140, 120],
                skin: [128, 86, 62],
                hair: [24, 18, 16],
                half: [36, 60],
                hairline: 34,
                beard: 84,
                eye: [16, 5],
                nose: 9,
                mouth: 19,
            },
        }
    }

    /// Draws it into `rgb`, `width` pixels a row, for the landmarks of a 112x112 crop.
    pub fn draw(self, width: usize, height: usize, rgb: &mut [u8]) {
        let look = self.look();
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let place = |at: usize, side: usize| (at as i32 * UNITS) / (side.max(1) as i32);
            let (x, y) = (place(at % width.max(1), width), place(at / width.max(1), height));
            let base = look.colour(x, y);
            // Light from the upper left, and a grain that no codec would leave, so that every weight counts.
            let grain = ((at as u32).wrapping_mul(2_654_435_761) >> 28) as i32;
            let light = 12 - (x + 2 * y) / 12 + grain - 8;
            *pixel = base.map(|value| (i32::from(value) + light).clamp(0, 255) as u8);
        }
    }
}

impl Look {
    /// The colour at a place, without light.
    fn colour(&self, x: i32, y: i32) -> [u8; 3] {
        let within = |cx: i32, cy: i32, a: i32, b: i32| {
            let (dx, dy) = (x - cx, y - cy);
            dx * dx * b * b + dy * dy * a * a <= a * a * b * b
        };
        let aside = (x - UNITS / 2).abs();
        let [eye, size] = self.eye;
        let [half_width, half_height] = self.half;
        if !within(UNITS / 2, 62, half_width, half_height) {
            return self.ground;
        }
        if y < self.hairline {
            return self.hair;
        }
        // Iris, white of the eye, brow.
        if within(UNITS / 2 + eye, 52, 3, 3) || within(UNITS / 2 - eye, 52, 3, 3) {
            return [30, 24, 20];
        }
        if within(UNITS / 2 + eye, 52, size, 4) || within(UNITS / 2 - eye, 52, size, 4) {
            return [240, 238, 232];
        }
        if (42..45).contains(&y) && (aside - eye).abs() <= size + 2 {
            return self.hair;
        }
        let shade = |share: i32| self.skin.map(|value| (i32::from(value) * share / 8) as u8);
        if (56..74).contains(&y) && (aside - self.nose).abs() <= 1 {
            return shade(6);
        }
        if within(UNITS / 2, 92, self.mouth, 4) {
            return [160, 52, 60];
        }
        if y >= self.beard { self.hair } else { shade(8) }
    }
}
