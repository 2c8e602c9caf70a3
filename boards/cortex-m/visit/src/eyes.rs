//! What a board must compute, computed here with the same library.

use std::error::Error;

use door_firmware::eyes::{Eyes, Memory};
use door_firmware::ports::{Enrolled, GalleryStore, Shot};
use door_firmware::ram_gallery::RamGallery;
use door_firmware::rehearsal::{CAPACITY, LEN};
use door_firmware::roster::{Roster, RosterMemory};
use door_firmware::self_test::KnownAnswer;
use door_firmware::visit::Visit;
use edge_infer::door::Observation;
use model_format::ModelFile;

/// Buffers for one pair of networks.
struct Buffers {
    arena: Vec<u8>,
    crop: Vec<u8>,
    embedding: Vec<f32>,
    templates: [Vec<i8>; 2],
}

impl Buffers {
    fn new(arena: usize, embedding: &ModelFile) -> Self {
        let model = embedding.view();
        let len = model.metadata().embedding_len.into();
        Self {
            arena: vec![0; arena],
            crop: vec![0; model.input().shape.elements()],
            embedding: vec![0.0; len],
            templates: [vec![0; len], vec![0; len]],
        }
    }

    fn memory(&mut self) -> Memory<'_> {
        let Self { arena, crop, embedding, templates: [template, previous] } = self;
        Memory { arena, crop, embedding, template, previous }
    }
}

fn model(path: &str) -> Result<ModelFile, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(ModelFile::from_bytes(bytes).map_err(|error| format!("{path}: {error}"))?)
}

/// The known answer of the embedding network in the file at `path`, as bytes.
pub(crate) fn answer(path: &str) -> Result<[u8; 20], Box<dyn Error>> {
    let embedding = model(path)?;
    let mut buffers = Buffers::new(embedding.view().arena_bytes(), &embedding);
    Ok(KnownAnswer::of(embedding.view(), &mut buffers.memory())?.to_bytes())
}

/// Prints the template of every frame of a visit, those of enrolment first, and on standard error how like each visitor is.
pub(crate) fn expected(detector: &str, embedding: &str, visit: &str) -> Result<(), Box<dyn Error>> {
    let (detector, embedding) = (model(detector)?, model(embedding)?);
    let bytes = std::fs::read(visit)?;
    let visit = Visit::parse(&bytes)?;
    let arena = detector.view().arena_bytes().max(embedding.view().arena_bytes());
    let mut buffers = Buffers::new(arena, &embedding);
    let mut eyes = Eyes::new(detector.view(), embedding.view(), buffers.memory())?;
    let mut people = RamGallery::<CAPACITY, LEN>::new(embedding.view().id());
    let (mut rows, mut inverse_norms, mut whose) =
        ([0; CAPACITY * LEN], [0.0; CAPACITY], [0; CAPACITY]);
    let memory =
        RosterMemory { rows: &mut rows, inverse_norms: &mut inverse_norms, people: &mut whose };
    let mut roster = Roster::new(&embedding.view(), memory);
    let in_order = visit.frames().filter(|taken| taken.person != 0);
    let in_order = in_order.chain(visit.frames().filter(|taken| taken.person == 0));
    for (taken, sequence) in in_order.zip(1..) {
        let shot = Shot { captured_ms: sequence * 800, sequence, frame: taken.frame };
        let Observation { face, .. } = eyes.look(&shot, &roster)?;
        let face = face.ok_or("a photograph in which no face is found")?;
        let values = eyes.template().ok_or("a photograph without a template")?;
        let hex: String = values.iter().map(|value| format!("{value:02x}")).collect();
        println!("template {hex}");
        match face.matched {
            None => {
                let (person, model) = (taken.person, eyes.model());
                people.add(Enrolled { person, name: "", model, values })?;
                roster.load(&mut people)?;
            }
            Some(matched) => eprintln!("visit: frame {sequence}, cosine {}", matched.best.cosine),
        }
    }
    Ok(())
}
