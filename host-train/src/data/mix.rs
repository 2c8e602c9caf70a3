//! Blends of two faces: every image of a batch with the next one, the last with the first.
//!
//! `mixed[i] = kept image[i] + (1 - kept) image[i + 1]`, after all other changes ("mixup", arXiv 1710.09412, one share a
//! batch). A teacher says what such a picture is; a margin loss takes both labels in the same shares.

use super::random::{Choices, Purpose};

/// The share that each image keeps of itself, for `share` of all steps; none in the others.
pub(super) fn kept(share: f32, seed: u64, step: u64) -> Option<f32> {
    let mut choices = Choices::new(seed, Purpose::Mix, 0, step);
    (choices.unit() < share).then(|| choices.unit())
}

/// Blends a batch of images of `length` bytes each.
pub(super) fn mix(pixels: &mut [u8], length: usize, kept: f32) {
    let mut next = pixels[length..].to_vec();
    next.extend_from_slice(&pixels[..length]);
    for (value, next) in pixels.iter_mut().zip(next) {
        // Between the two, so that the cast cuts nothing but the fraction; the half rounds.
        *value = (kept * f32::from(*value) + (1.0 - kept) * f32::from(next) + 0.5) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_image_takes_from_the_first() {
        let mut pixels = [0, 100, 200, 50, 255, 255];
        mix(&mut pixels, 2, 0.75);
        assert_eq!(pixels, [50, 88, 214, 101, 191, 216]);
        let mut whole = [3, 200, 77];
        mix(&mut whole, 1, 1.0);
        assert_eq!(whole, [3, 200, 77]);
    }

    #[test]
    fn half_of_the_steps_by_seed() {
        let of = |seed| (0..1000).map(|step| kept(0.5, seed, step)).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        // 500 expected, standard deviation 16; the shares are spread evenly: mean 0.5, deviation 0.013.
        let shares: Vec<f32> = of(1).into_iter().flatten().collect();
        assert!((430..570).contains(&shares.len()), "{}", shares.len());
        let mean = shares.iter().sum::<f32>() / shares.len() as f32;
        assert!((0.44..0.56).contains(&mean), "{mean}");
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        assert!((0..1000).all(|step| kept(0.0, 1, step).is_none()));
    }
}
