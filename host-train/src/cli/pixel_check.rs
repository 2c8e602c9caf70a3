//! Whether the pixels that an imported network is given are those that it was trained on: nothing in an ONNX file says it, and
//! with the wrong ones a network is not broken, only worse.
//!
//! Other colour orders and scales are tried on calibration images whose folders say who they are. Where the network keeps these
//! people clearly further apart with others, that is said; what was asked for is done all the same.

use super::failure::Failure;
use crate::data::Source;
use crate::evaluate::{Separation, UnitRows};
use crate::graph::{Executor, Normalisation};
use crate::model::{FloatModel, ModelError};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// People looked at, two images of each, at most.
const PEOPLE: usize = 128;

/// With fewer, chance says more than the network.
const FEWEST_PEOPLE: usize = 12;

/// What public face networks are trained on, pixel units, red first: means and deviations.
const SCALES: [([f32; 3], [f32; 3]); 4] = [
    ([127.5; 3], [127.5; 3]),
    ([0.0; 3], [255.0; 3]),
    ([0.0; 3], [1.0; 3]),
    ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
];

/// A line about other pixels, when the network keeps people clearly further apart with these, as `import` makes it, than with
/// those that are `given`, as `model` is. Nothing of networks that give no embedding, and of faces of too few people.
///
/// # Errors
/// An image can't be loaded, or an ONNX file that was read before can't be read.
pub(super) fn better_pixels(
    given: Normalisation,
    model: &FloatModel,
    source: &Source,
    import: impl Fn(Normalisation) -> Result<FloatModel, ModelError>,
) -> Result<Option<String>, Failure> {
    if !model.is_embedding().map_err(ModelError::Graph)? {
        return Ok(None);
    }
    let (images, people) = chosen(source);
    let count = images.len() / 2;
    if count < FEWEST_PEOPLE {
        return Ok(None);
    }
    let size = (model.graph.input.width, model.graph.input.height);
    let faces = images.par_iter().map(|&index| Ok(source.load_of_size(index, size)?.rgb));
    let faces: Vec<Vec<u8>> = faces.collect::<Result<_, Failure>>()?;
    let separation = |model: &FloatModel| -> Result<Option<Separation>, Failure> {
        let executor = Executor::new(&model.graph).map_err(ModelError::Graph)?;
        let rows = executor.embed_batch(&faces).map_err(ModelError::Graph)?;
        let length = rows.first().map_or(0, Vec::len);
        // No direction, or not a number: pixels that this network makes nothing of.
        let rows = UnitRows::new(rows.concat(), length).ok();
        Ok(rows.map(|rows| Separation::new(&rows, &people)))
    };
    let Some(this) = separation(model)? else { return Ok(None) };
    let mut best: Option<(f64, Normalisation)> = None;
    for pixels in others(given) {
        let Some(other) = separation(&import(pixels)?)? else { continue };
        let apart = other.value();
        if best.is_none_or(|best| apart > best.0) && other.is_clearly_better_than(&this) {
            best = Some((apart, pixels));
        }
    }
    Ok(best.map(|(apart, pixels)| {
        format!(
            "warning: with {} this network keeps {count} people of the calibration images further apart (d' {apart:.2}) than with what \
             was given (d' {:.2}): look up what its authors state",
            options(pixels),
            this.value()
        )
    }))
}

/// Two images of each of some people, evenly spaced over all who have two; and whose they are, counted from 0.
fn chosen(source: &Source) -> (Vec<usize>, Vec<usize>) {
    let mut of_person: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, image) in source.images().iter().enumerate() {
        of_person.entry(image.identity).or_default().push(index);
    }
    let several: Vec<Vec<usize>> = of_person.into_values().filter(|all| all.len() > 1).collect();
    let count = several.len().min(PEOPLE);
    let person = |i: usize| {
        let all = &several[i * several.len() / count];
        [all[0], all[all.len() / 2]]
    };
    ((0..count).flat_map(person).collect(), (0..2 * count).map(|image| image / 2).collect())
}

/// All but what is given; the channels' numbers go with their colours.
fn others(given: Normalisation) -> Vec<Normalisation> {
    let reversed = |[a, b, c]: [f32; 3]| [c, b, a];
    let swapped = |p: Normalisation| Normalisation {
        bgr: !p.bgr,
        mean: reversed(p.mean),
        deviation: reversed(p.deviation),
    };
    let known = SCALES.map(|(mean, deviation)| Normalisation { bgr: false, mean, deviation });
    let mut all: Vec<Normalisation> = Vec::new();
    for pixels in [given].into_iter().chain(known) {
        for pixels in [pixels, swapped(pixels)] {
            if !all.contains(&pixels) {
                all.push(pixels);
            }
        }
    }
    all.split_off(1)
}

/// As they are written on the command line.
fn options(pixels: Normalisation) -> String {
    let list = |values: [f32; 3]| match values {
        [a, b, c] if a == b && b == c => a.to_string(),
        [a, b, c] => format!("{a},{b},{c}"),
    };
    let order = if pixels.bgr { "bgr" } else { "rgb" };
    format!("--input {order} --mean {} --std {}", list(pixels.mean), list(pixels.deviation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_not_tried_again() {
        let given = Normalisation::default();
        let others = others(given);
        assert_eq!(others.len(), 7);
        assert!(!others.contains(&given));
        let imagenet_bgr = Normalisation {
            bgr: true,
            mean: [103.53, 116.28, 123.675],
            deviation: [57.375, 57.12, 58.395],
        };
        assert!(others.contains(&imagenet_bgr));
        assert_eq!(
            options(imagenet_bgr),
            "--input bgr --mean 103.53,116.28,123.675 --std 57.375,57.12,58.395"
        );
        assert_eq!(options(given), "--input rgb --mean 127.5 --std 127.5");
    }
}
