//! Wrong labels at a known rate, so that what a cleaning finds can be counted against what was done.

use super::random::{Choices, Purpose};

/// Gives a share of the images another label, drawn evenly from all others, and returns which, sorted.
///
/// `share` is from 0 to 1; with fewer than two classes nothing is done.
pub fn relabel(labels: &mut [u32], classes: u32, share: f64, seed: u64) -> Vec<usize> {
    if classes < 2 {
        return Vec::new();
    }
    let count = (share.clamp(0.0, 1.0) * labels.len() as f64).round() as usize;
    let mut choices = Choices::new(seed, Purpose::Relabel, 0, 0);
    let mut images: Vec<usize> = (0..labels.len()).collect();
    for place in 0..count {
        let other = place + choices.below(images.len() - place);
        images.swap(place, other);
        let label = &mut labels[images[place]];
        // Below the number of classes, which is a u32.
        let step = 1 + choices.below(classes as usize - 1) as u32;
        *label = (u64::from(*label) + u64::from(step)).rem_euclid(classes.into()) as u32;
    }
    images.truncate(count);
    images.sort_unstable();
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_share_gets_other_labels() {
        let sound: Vec<u32> = (0..1000).map(|image| image % 7).collect();
        let mut noisy = sound.clone();
        let changed = relabel(&mut noisy, 7, 0.15, 3);
        let differ: Vec<usize> = (0..1000).filter(|&i| noisy[i] != sound[i]).collect();
        assert_eq!((changed.len(), changed), (150, differ));
        assert!(noisy.iter().all(|&label| label < 7));
        let again = &mut sound.clone();
        relabel(again, 7, 0.15, 3);
        assert_eq!(*again, noisy);
        relabel(again, 7, 0.15, 4);
        assert_ne!(*again, noisy);
    }

    #[test]
    fn ends_of_the_range() {
        let mut labels = vec![0, 1, 0];
        assert!(relabel(&mut labels, 2, 0.0, 1).is_empty());
        assert!(relabel(&mut labels, 1, 0.5, 1).is_empty());
        assert_eq!(relabel(&mut labels, 2, 1.0, 1), [0, 1, 2]);
        assert_eq!(labels, [1, 0, 1]);
    }
}
