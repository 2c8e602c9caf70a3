//! The faces of an experiment, made or read once: those that are learned, those that are tested, and strangers.

use super::Event;
use super::error::FacesError;
use super::settings::{Photographs, Settings};
use crate::data::synthetic::{Difficulty, DrawnFaces, balanced_pairs};
use crate::data::{Dataset, FaceImage, InMemory, Pair, Pairs, Source, TrainingSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What runs learn from and are measured on.
pub(super) struct Faces {
    /// To learn from.
    pub(super) trained: Arc<dyn Dataset>,
    /// To test on; nobody of them was learned.
    pub(super) tested: Tested,
    /// One face each of people who are nowhere else.
    pub(super) distractors: Vec<FaceImage>,
    /// Side of every face, pixels.
    pub(super) side: usize,
    /// What they are, in words.
    pub(super) about: String,
}

/// Faces with people and pairs.
pub(super) struct Tested {
    pub(super) faces: Vec<FaceImage>,
    /// The person of each face.
    pub(super) identities: Vec<usize>,
    /// Places in `faces`.
    pub(super) pairs: Vec<Pair>,
}

impl Faces {
    /// Draws or reads all of them.
    pub(super) fn new(
        settings: &Settings,
        observe: &dyn Fn(Event<'_>),
    ) -> Result<Self, FacesError> {
        match &settings.photographs {
            None => Self::drawn(settings, observe),
            Some(photographs) => Self::photographs(photographs),
        }
    }

    /// All of one population, of which each part takes the people after those of the part before it.
    fn drawn(settings: &Settings, observe: &dyn Fn(Event<'_>)) -> Result<Self, FacesError> {
        let &Settings { people, shots, tested, tested_shots, distractors, .. } = settings;
        let draw = |what, first: u64, count: u64, shots: usize| {
            let (seed, side) = (settings.seed, settings.side);
            let set =
                DrawnFaces::new(seed, first..first + count, shots, side, Difficulty::default())?;
            observe(Event::Drawing { what, images: set.len() });
            Ok::<_, FacesError>(InMemory::of(&set, || ())?)
        };
        let trained = draw("people to learn from", 0, people, shots)?;
        let test = draw("people to test on", people, tested, tested_shots)?;
        let strangers = draw("strangers", people + tested, distractors, 1)?;
        let about = format!(
            "drawn faces of {side}x{side} pixels: {people} people, {} images to learn from; {tested} others, {} images to be \
             tested on; {distractors} strangers, an image each",
            trained.len(),
            test.len(),
            side = settings.side,
        );
        let faces = |set: &InMemory| set.entries().iter().map(|(face, _)| face.clone()).collect();
        let tested = Tested {
            faces: faces(&test),
            identities: test.entries().iter().map(|&(_, label)| label as usize).collect(),
            pairs: balanced_pairs(settings.tested as usize, tested_shots, settings.folds),
        };
        let distractors = faces(&strangers);
        Ok(Self { trained: Arc::new(trained), tested, distractors, side: settings.side, about })
    }

    /// The strangers are the people of the test's data whom no pair names.
    fn photographs(photographs: &Photographs) -> Result<Self, FacesError> {
        let source = Arc::new(Source::open(&photographs.data)?);
        let trained = match &photographs.manifest {
            Some(path) => TrainingSet::from_manifest(source, path)?,
            None => TrainingSet::from_folders(source)?,
        };
        let side = trained.image(0)?.0.width;
        let source = Source::open(&photographs.test)?;
        let pairs = Pairs::read(&photographs.pairs, &source)?;
        let used: BTreeSet<usize> =
            pairs.pairs().iter().flat_map(|pair| [pair.a, pair.b]).collect();
        let used: Vec<usize> = used.into_iter().collect();
        let place = |image: usize| used.partition_point(|&other| other < image);
        let person = |image: usize| source.images()[image].identity;
        let known: BTreeSet<usize> = used.iter().map(|&image| person(image)).collect();
        let mut seen = known.clone();
        let strangers = (0..source.images().len()).filter(|&image| seen.insert(person(image)));
        let load = |image: usize| source.load_of_size(image, (side, side));
        let distractors = strangers.map(load).collect::<Result<Vec<_>, _>>()?;
        let about = format!(
            "photographs of {side}x{side} pixels: {} people, {} images to learn from; {} others, {} images in {} pairs to be \
             tested on; {} strangers, an image each",
            trained.class_count(),
            trained.len(),
            known.len(),
            used.len(),
            pairs.pairs().len(),
            distractors.len()
        );
        let tested = Tested {
            faces: used.iter().map(|&image| load(image)).collect::<Result<_, _>>()?,
            identities: used.iter().map(|&image| person(image)).collect(),
            pairs: pairs
                .pairs()
                .iter()
                .map(|pair| Pair { a: place(pair.a), b: place(pair.b), ..*pair })
                .collect(),
        };
        Ok(Self { trained: Arc::new(trained), tested, distractors, side, about })
    }
}
