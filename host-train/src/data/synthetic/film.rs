//! From linear light to the bytes of a photograph: lens blur, exposure, sensor noise, block compression.

use super::dice::Dice;
use super::maths::{Rgb, mix, unit};
use super::projection::TEMPLATE_SIDE;
use super::shot::Film;

/// A square picture in linear light, row-major.
pub(super) struct Exposure {
    pub(super) size: usize,
    pub(super) pixels: Vec<Rgb>,
}

impl Exposure {
    /// Develops the picture to `size * size * 3` bytes. `grain` is the stream of the sensor noise.
    pub(super) fn develop(mut self, film: &Film, grain: &mut Dice) -> Vec<u8> {
        self.blur(film.blur * self.size as f32 / TEMPLATE_SIDE);
        for pixel in &mut self.pixels {
            *pixel = tone(*pixel, film);
        }
        if film.noise > 0.0 {
            // Two uniforms make a triangular error; its deviation is 1 / sqrt(6).
            let spread = film.noise * 2.449_489_7;
            for pixel in &mut self.pixels {
                let shared = grain.unit() - grain.unit();
                *pixel = pixel
                    .map(|c| c + spread * (0.8 * shared + 0.6 * (grain.unit() - grain.unit())));
            }
        }
        if film.compression > 0.0 {
            self.compress(film.compression);
        }
        self.pixels.iter().flatten().map(|c| (unit(*c) * 255.0 + 0.5) as u8).collect()
    }

    /// Blurs towards a Gaussian of standard deviation `sigma` pixels by five taps a side, repeated for wide blurs.
    fn blur(&mut self, sigma: f32) {
        let variance = sigma * sigma;
        if variance < 0.01 {
            return;
        }
        let rounds = variance.ceil();
        // Taps (c, b, a, b, c) of sum 1 with c = b / 4: their variance is 2 b + 8 c = 4 b.
        let b = 0.25 * variance / rounds;
        let c = 0.25 * b;
        let a = 1.0 - 2.0 * (b + c);
        for _ in 0..rounds as usize {
            self.convolve([c, b, a, b, c]);
        }
    }

    /// Convolves rows, then columns; the border repeats its last pixel.
    fn convolve(&mut self, taps: [f32; 5]) {
        for step in [1, self.size] {
            let source = self.pixels.clone();
            for (index, pixel) in self.pixels.iter_mut().enumerate() {
                let place = index / step % self.size;
                *pixel = core::array::from_fn(|channel| {
                    taps.iter().enumerate().fold(0.0, |sum, (tap, weight)| {
                        let other = (place + tap).saturating_sub(2).min(self.size - 1);
                        let other = index + other * step - place * step;
                        sum + weight * source[other][channel]
                    })
                });
            }
        }
    }

    /// Rounds the 8 x 8 cosine transform of luma and chroma to multiples of a step that grows with frequency, as
    /// JPEG does. Blocks cut by the border stay as they are.
    fn compress(&mut self, step: f32) {
        let blocks = self.size / 8;
        for (by, bx) in (0..blocks).flat_map(|by| (0..blocks).map(move |bx| (by, bx))) {
            let index = |i: usize| (by * 8 + i / 8) * self.size + bx * 8 + i % 8;
            let mut planes = [[0.0; 64]; 3];
            let [luma, blue, red] = &mut planes;
            for (i, ((y, b_y), r_y)) in luma.iter_mut().zip(blue).zip(red).enumerate() {
                let [r, g, b] = self.pixels[index(i)];
                *y = 0.299 * r + 0.587 * g + 0.114 * b;
                (*b_y, *r_y) = (b - *y, r - *y);
            }
            for (plane, coarser) in planes.iter_mut().zip([1.0, 2.0, 2.0]) {
                quantize_block(plane, step * coarser / 255.0);
            }
            let [luma, blue, red] = planes;
            for (i, ((y, b_y), r_y)) in luma.iter().zip(blue).zip(red).enumerate() {
                let (r, b) = (r_y + y, b_y + y);
                self.pixels[index(i)] = [r, (y - 0.299 * r - 0.114 * b) / 0.587, b];
            }
        }
    }
}

/// Display value of linear light: exposure, saturation, gamma 2, contrast about the middle.
fn tone(light: Rgb, film: &Film) -> Rgb {
    let luma = 0.299 * light[0] + 0.587 * light[1] + 0.114 * light[2];
    light.map(|c| {
        let value = (mix(luma, c, film.saturation) * film.exposure).max(0.0).sqrt();
        (value - 0.5) * film.contrast + 0.5
    })
}

/// `cos(k pi / 16)` for k = 0..=8.
const COSINES: [f32; 9] = [
    1.0,
    0.980_785_3,
    0.923_879_5,
    0.831_469_6,
    core::f32::consts::FRAC_1_SQRT_2,
    0.555_570_2,
    0.382_683_4,
    0.195_090_32,
    0.0,
];

/// `BASIS[u][x]`: the orthonormal cosine basis of eight points.
const BASIS: [[f32; 8]; 8] = {
    let mut basis = [[0.0; 8]; 8];
    let mut u = 0;
    while u < 8 {
        let mut x = 0;
        while x < 8 {
            // cos((2x + 1) u pi / 16), folded into the first quarter turn.
            let phase = (2 * x + 1) * u % 32;
            let folded = if phase > 16 { 32 - phase } else { phase };
            let cosine = if folded > 8 { -COSINES[16 - folded] } else { COSINES[folded] };
            basis[u][x] = if u == 0 { 0.353_553_4 } else { 0.5 * cosine };
            x += 1;
        }
        u += 1;
    }
    basis
};

fn quantize_block(block: &mut [f32; 64], step: f32) {
    let mut rows = [0.0; 64];
    let mut coefficients = [0.0; 64];
    for (y, u) in (0..8).flat_map(|y| (0..8).map(move |u| (y, u))) {
        rows[y * 8 + u] = (0..8).map(|x| block[y * 8 + x] * BASIS[u][x]).sum();
    }
    for (v, u) in (0..8).flat_map(|v| (0..8).map(move |u| (v, u))) {
        let exact: f32 = (0..8).map(|y| rows[y * 8 + u] * BASIS[v][y]).sum();
        let step = step * (1.0 + 0.35 * (u + v) as f32);
        coefficients[v * 8 + u] = (exact / step).round() * step;
    }
    for (v, x) in (0..8).flat_map(|v| (0..8).map(move |x| (v, x))) {
        rows[v * 8 + x] = (0..8).map(|u| coefficients[v * 8 + u] * BASIS[u][x]).sum();
    }
    for (y, x) in (0..8).flat_map(|y| (0..8).map(move |x| (y, x))) {
        block[y * 8 + x] = (0..8).map(|v| rows[v * 8 + x] * BASIS[v][y]).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::super::dice::Purpose;
    use super::*;

    const PLAIN: Film = Film {
        exposure: 1.0,
        contrast: 1.0,
        saturation: 1.0,
        blur: 0.0,
        noise: 0.0,
        compression: 0.0,
    };

    fn grain() -> Dice {
        Dice::new(Purpose::Grain, 1, 1, 1)
    }

    fn flat(size: usize, value: f32) -> Exposure {
        Exposure { size, pixels: vec![[value; 3]; size * size] }
    }

    #[test]
    fn plain_film_only_applies_gamma() {
        assert_eq!(flat(4, 0.25).develop(&PLAIN, &mut grain()), vec![128; 48]);
        assert_eq!(flat(4, 9.0).develop(&PLAIN, &mut grain()), vec![255; 48]);
        assert_eq!(flat(4, -1.0).develop(&PLAIN, &mut grain()), vec![0; 48]);
    }

    #[test]
    fn blur_keeps_the_sum_and_has_its_deviation() {
        let mut dot = flat(21, 0.0);
        dot.pixels[10 * 21 + 10] = [1.0; 3];
        dot.blur(1.1);
        let sum: f32 = dot.pixels.iter().map(|p| p[0]).sum();
        let variance: f32 = dot
            .pixels
            .iter()
            .enumerate()
            .map(|(i, p)| p[0] * ((i % 21) as f32 - 10.0).powi(2))
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        assert!((variance - 1.21).abs() < 1e-4, "{variance}");
    }

    #[test]
    fn noise_has_its_deviation() {
        let film = Film { noise: 0.05, ..PLAIN };
        let bytes = flat(64, 0.25).develop(&film, &mut grain());
        let variance =
            bytes.iter().map(|b| (f32::from(*b) - 127.5).powi(2)).sum::<f32>() / bytes.len() as f32;
        assert!((variance.sqrt() / 255.0 - 0.05).abs() < 0.003, "{}", variance.sqrt());
    }

    #[test]
    fn the_cosine_basis_is_orthonormal() {
        for (u, v) in (0..8).flat_map(|u| (0..8).map(move |v| (u, v))) {
            let dot: f32 = (0..8).map(|x| BASIS[u][x] * BASIS[v][x]).sum();
            assert!((dot - f32::from(u8::from(u == v))).abs() < 1e-6, "{u} {v}: {dot}");
        }
    }

    #[test]
    fn compression_errs_by_no_more_than_its_steps() {
        let mut block: [f32; 64] = core::array::from_fn(|i| ((i * 37 + 11) % 64) as f32 / 64.0);
        let exact = block;
        quantize_block(&mut block, 1e-4);
        assert!(block.iter().zip(exact).all(|(a, b)| (a - b).abs() < 2e-3));
        quantize_block(&mut block, 0.2);
        let error: f32 = block.iter().zip(exact).map(|(a, b)| (a - b).abs()).sum::<f32>() / 64.0;
        assert!(error > 0.01 && error < 0.4, "{error}");
    }
}
