//! BT.601 to RGB, in integers: the matrix of V4L2's `V4L2_YCBCR_ENC_601`, which cameras of a door use.
//!
//! ```text
//! limited: R = 1.164 (Y - 16) + 1.596 (V - 128)    full: R = Y + 1.402 (V - 128)
//! ```

use super::Range;

/// Factors times 2^16.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    black: i32,
    y: i32,
    red_v: i32,
    green_u: i32,
    green_v: i32,
    blue_u: i32,
}

impl Matrix {
    pub(super) fn of(range: Range) -> Self {
        match range {
            // 255/219 and 255/224 times the factors below.
            Range::Limited => Self {
                black: 16,
                y: 76_309,
                red_v: 104_597,
                green_u: 25_675,
                green_v: 53_279,
                blue_u: 132_201,
            },
            Range::Full => Self {
                black: 0,
                y: 65_536,
                red_v: 91_881,
                green_u: 22_554,
                green_v: 46_802,
                blue_u: 116_130,
            },
        }
    }

    pub(super) fn rgb(self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let light = (i32::from(y) - self.black) * self.y + (1 << 15);
        let whole = |sum: i32| (sum >> 16).clamp(0, 255) as u8;
        [
            whole(light + self.red_v * v),
            whole(light - self.green_u * u - self.green_v * v),
            whole(light + self.blue_u * u),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rec. 601's matrix in float, from its luma coefficients alone.
    fn reference(range: Range, y: u8, u: u8, v: u8) -> [u8; 3] {
        let (kr, kb) = (0.299_f64, 0.114);
        let (y, scale) = match range {
            Range::Full => (f64::from(y) / 255.0, 255.0),
            Range::Limited => ((f64::from(y) - 16.0) / 219.0, 224.0),
        };
        let (pb, pr) = ((f64::from(u) - 128.0) / scale, (f64::from(v) - 128.0) / scale);
        let red = y + 2.0 * (1.0 - kr) * pr;
        let blue = y + 2.0 * (1.0 - kb) * pb;
        let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
        [red, green, blue].map(|c| (255.0 * c).round().clamp(0.0, 255.0) as u8)
    }

    #[test]
    fn the_colour_bars_of_bt_601() {
        let bars = [
            ([235, 128, 128], [255, 255, 255]),
            ([210, 16, 146], [255, 255, 0]),
            ([170, 166, 16], [0, 255, 255]),
            ([145, 54, 34], [0, 255, 0]),
            ([106, 202, 222], [255, 0, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([41, 240, 110], [0, 0, 255]),
            ([16, 128, 128], [0, 0, 0]),
        ];
        for ([y, u, v], rgb) in bars {
            let got = Matrix::of(Range::Limited).rgb(y, u, v);
            // The bars are rounded to whole numbers of Y, U and V.
            assert!(
                got.iter().zip(rgb).all(|(&a, b): (&u8, u8)| a.abs_diff(b) <= 2),
                "{got:?} for {rgb:?}"
            );
        }
    }

    #[test]
    fn both_ranges_are_the_float_matrix_rounded() {
        for range in [Range::Limited, Range::Full] {
            for y in (0..=255).step_by(5) {
                for u in (0..=255).step_by(15) {
                    for v in (0..=255).step_by(15) {
                        let got = Matrix::of(range).rgb(y, u, v);
                        let want = reference(range, y, u, v);
                        let near =
                            got.iter().zip(want).all(|(&a, b): (&u8, u8)| a.abs_diff(b) <= 1);
                        assert!(near, "{range:?} {y} {u} {v}: {got:?}, not {want:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn grey_stays_grey() {
        for y in 0..=255 {
            assert_eq!(Matrix::of(Range::Full).rgb(y, 128, 128), [y; 3]);
        }
        assert_eq!(Matrix::of(Range::Limited).rgb(126, 128, 128), [128; 3]);
    }
}
