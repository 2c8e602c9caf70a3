//! A model's scores on faces: what `eval` reports, what training watches and what experiments compare.

use crate::data::{DataError, FaceImage, Pair, Pairs, Source};
use crate::evaluate::{self, AllPairs, AllPairsSummary, PairsSummary, Roc, ScoredPair};
use crate::likeness::Likeness;
use crate::model::{Gallery, Model, ModelError};
use edge_infer::matching::MERGED;

/// Faces that a model has embedded, to be scored in one way or several.
pub struct EmbeddedFaces {
    gallery: Gallery,
    ms_per_image: f64,
    model_id: String,
}

impl EmbeddedFaces {
    /// Embeds `count` faces that `load` gives; `done` is called after each. `flip` as in [`Model::embed_all`].
    ///
    /// # Errors
    /// An image can't be read or has another size than the network takes, or an embedding has no direction.
    pub fn new(
        model: &Model,
        count: usize,
        flip: bool,
        load: impl Fn(usize) -> Result<FaceImage, DataError> + Sync,
        done: impl Fn() + Sync,
    ) -> Result<Self, ModelError> {
        let embedded = model.embed_all(count, flip, load, done)?;
        Ok(Self {
            gallery: model.gallery(&embedded.embeddings)?,
            ms_per_image: embedded.ms_per_image,
            model_id: model.id(),
        })
    }

    /// The cosine of two of the faces, as a function of their places.
    ///
    /// # Errors
    /// As [`Gallery::cosine`].
    pub fn cosine(&self) -> Result<Box<dyn Fn(usize, usize) -> f32 + Sync + '_>, ModelError> {
        self.gallery.cosine()
    }

    /// Scores pairs of the faces, given by their places.
    ///
    /// # Errors
    /// The pairs have fewer than two folds, or are of one kind only.
    pub fn pairs(&self, pairs: &[Pair]) -> Result<(PairsSummary, Roc), ModelError> {
        let cosine = self.cosine()?;
        let scored = pairs.iter().map(|pair| ScoredPair {
            fold: pair.fold,
            score: cosine(pair.a, pair.b),
            same: pair.same,
        });
        let scored: Vec<ScoredPair> = scored.collect();
        Ok(PairsSummary::new(&scored, self.ms_per_image, self.model_id.clone())?)
    }

    /// Scores every pair of the faces, and searches for each; `identities` says whose each is.
    ///
    /// # Errors
    /// There are no two faces of one person, or no two persons.
    pub fn all_pairs(&self, identities: &[usize]) -> Result<(AllPairsSummary, Roc), ModelError> {
        let cosine = self.cosine()?;
        let scores = evaluate::all_pairs(identities, &cosine)?;
        let rank1 = evaluate::rank1(identities, &cosine)?;
        let id = self.model_id.clone();
        Ok(AllPairsSummary::new(scores, rank1, self.ms_per_image, id)?)
    }

    /// Scores the faces with means of their templates, of 2, 3 .. [`MERGED`]; as far as somebody has more photographs than
    /// that.
    ///
    /// # Errors
    /// There are no two persons.
    pub fn means(&self, identities: &[usize]) -> Result<Vec<Roc>, ModelError> {
        let sizes = (2..=MERGED).map(|size| evaluate::groups(identities, size));
        let sizes = sizes.take_while(|groups| !groups.is_empty());
        sizes
            .map(|groups| {
                let gallery = self.gallery.with_means(&groups)?;
                let cosine = gallery.cosine()?;
                let score = |group, image| cosine(image, identities.len() + group);
                let AllPairs { genuine, impostor } =
                    evaluate::mean_scores(identities, &groups, score);
                Ok(Roc::new(genuine, impostor)?)
            })
            .collect()
    }

    /// Cosine of each face's two embeddings, this model's and the other's of the same faces, as they are compared.
    pub fn likeness(&self, other: &Self) -> Vec<f64> {
        let rows = self.gallery.rows().zip(other.gallery.rows());
        rows.map(|(own, other)| Likeness::of(&own, &other).cosine()).collect()
    }
}

/// Scores the pairs of a list, embedding each image that it names once; `done` is called after each image.
///
/// # Errors
/// As [`EmbeddedFaces`].
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
    Ok(EmbeddedFaces::new(model, images.len(), flip, load, done)?.pairs(&placed)?.0)
}

/// The images that a list names, each once, in their order in the source.
#[must_use]
pub fn images(pairs: &Pairs) -> Vec<usize> {
    let mut images: Vec<usize> = pairs.pairs().iter().flat_map(|pair| [pair.a, pair.b]).collect();
    images.sort_unstable();
    images.dedup();
    images
}
