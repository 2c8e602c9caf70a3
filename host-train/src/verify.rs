//! A model's scores on pairs of faces: what `eval` reports and what training watches.

use crate::data::{DataError, FaceImage, Pair, Pairs, Source};
use crate::evaluate::{PairsSummary, Roc, ScoredPair};
use crate::model::{Model, ModelError};

/// Scores the pairs of a list, embedding each image that it names once; `done` is called after each image.
///
/// # Errors
/// An image can't be read or has another size than the network takes, or an embedding has no direction.
pub fn listed(
    model: &Model,
    source: &Source,
    pairs: &Pairs,
    flip: bool,
    done: impl Fn() + Sync,
) -> Result<PairsSummary, ModelError> {
    let images = images(pairs);
    let place = |image: usize| images.partition_point(|&other| other < image);
    let placed =
        pairs.pairs().iter().map(|pair| Pair { a: place(pair.a), b: place(pair.b), ..*pair });
    let placed: Vec<Pair> = placed.collect();
    let size = model.input_size();
    let load = |i: usize| source.load_of_size(images[i], size);
    Ok(placed_pairs(model, images.len(), flip, load, &placed, done)?.0)
}

/// The images that a list names, each once, in their order in the source.
#[must_use]
pub fn images(pairs: &Pairs) -> Vec<usize> {
    let mut images: Vec<usize> = pairs.pairs().iter().flat_map(|pair| [pair.a, pair.b]).collect();
    images.sort_unstable();
    images.dedup();
    images
}

/// Embeds `count` faces and scores pairs of them, given by their places.
///
/// # Errors
/// As [`listed`].
pub fn placed_pairs(
    model: &Model,
    count: usize,
    flip: bool,
    load: impl Fn(usize) -> Result<FaceImage, DataError> + Sync,
    pairs: &[Pair],
    done: impl Fn() + Sync,
) -> Result<(PairsSummary, Roc), ModelError> {
    let embedded = model.embed_all(count, flip, load, done)?;
    let gallery = model.gallery(&embedded.embeddings)?;
    let cosine = gallery.cosine()?;
    let scored = pairs.iter().map(|pair| ScoredPair {
        fold: pair.fold,
        score: cosine(pair.a, pair.b),
        same: pair.same,
    });
    let scored: Vec<ScoredPair> = scored.collect();
    Ok(PairsSummary::new(&scored, embedded.ms_per_image, model.id())?)
}
