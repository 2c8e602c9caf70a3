//! One face of a frame to its template, by a shipped network.
#![allow(clippy::std_instead_of_core, reason = "tests run on the host")]

use edge_infer::embedder::{EmbedError, Embedded, Embedder, Scratch};
use edge_infer::engine::{Engine, EngineError};
use edge_infer::image::align::Landmarks;
use edge_infer::image::quality::Quality;
use edge_infer::image::{Frame, FrameError};
use edge_infer::matching::quantize;
use model_format::ModelFile;

const SIDE: usize = 112;
const LEN: usize = 128;

fn model() -> ModelFile {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm");
    ModelFile::from_bytes(std::fs::read(path).expect("the file is shipped")).expect("it is whole")
}

/// Pixels without a pattern.
fn pixels() -> Vec<u8> {
    (0..SIDE * SIDE * 3).map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Embeds the face with these landmarks, with `crop` and `arena` bytes less than needed.
fn embed(
    model: &ModelFile,
    landmarks: &Landmarks,
    [crop, arena]: [usize; 2],
) -> Result<(Embedded, [i8; LEN]), EmbedError> {
    let embedder = Embedder::new(Engine::new(model.view()));
    assert_eq!((embedder.len(), embedder.crop_bytes()), (LEN, SIDE * SIDE * 3));
    let mut crop = vec![0x55; embedder.crop_bytes() - crop];
    let mut arena = vec![0x55; embedder.engine().arena_bytes() - arena];
    let (mut embedding, mut template) = ([0.0; LEN], [0; LEN]);
    let rgb = pixels();
    let frame = Frame::new(&rgb, SIDE, SIDE, SIDE * 3).expect("a whole frame");
    let scratch = Scratch { crop: &mut crop, embedding: &mut embedding, arena: &mut arena };
    let embedded = embedder.embed(&frame, landmarks, scratch, &mut template)?;
    Ok((embedded, template))
}

#[test]
fn a_face_that_stands_as_the_network_wants_it_is_embedded_as_it_is() {
    let model = model();
    let (found, template) =
        embed(&model, &model.view().metadata().landmarks, [0; 2]).expect("memory fits");
    let rgb = pixels();
    let engine = Engine::new(model.view());
    let mut arena = vec![0; engine.arena_bytes()];
    let (mut embedding, mut expected) = ([0.0; LEN], [0; LEN]);
    let output = engine.run(&rgb, &mut arena).expect("image and arena fit");
    output.embedding(&mut embedding).expect("128 values");
    quantize(&embedding, &mut expected).expect("a direction");
    assert_eq!(template, expected);
    let quality = Quality::of(&Frame::new(&rgb, SIDE, SIDE, SIDE * 3).expect("a whole frame"));
    assert_eq!(found, Embedded { quality, has_template: true });
}

#[test]
fn landmarks_that_make_no_face_give_no_template_and_no_light() {
    for landmarks in [[[50.0; 2]; 5], [[f32::NAN; 2]; 5]] {
        let (found, template) = embed(&model(), &landmarks, [0; 2]).expect("memory fits");
        assert!(!found.has_template);
        assert_eq!((found.quality.brightness, found.quality.dark), (0.0, 1.0));
        assert_eq!(template, [0; LEN]);
    }
}

#[test]
fn rejects_memory_that_is_too_small() {
    let model = model();
    let landmarks = model.view().metadata().landmarks;
    let needed = SIDE * SIDE * 3;
    let error = embed(&model, &landmarks, [1, 0]).expect_err("a byte of the crop is missing");
    assert_eq!(error, EmbedError::Crop(FrameError::Length { needed, got: needed - 1 }));
    let needed = model.view().arena_bytes();
    let error = embed(&model, &landmarks, [0, 1]).expect_err("a byte of the arena is missing");
    assert_eq!(error, EmbedError::Engine(EngineError::ArenaTooSmall { needed, got: needed - 1 }));
}
