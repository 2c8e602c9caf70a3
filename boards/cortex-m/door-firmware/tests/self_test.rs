//! What a board refuses to be a door with, one by one, and what it starts with.
#![allow(
    clippy::unwrap_used,
    clippy::std_instead_of_core,
    clippy::panic,
    reason = "a failed test may panic"
)]

mod networks;

use door_firmware::eyes::Memory;
use door_firmware::self_test::{COLLAPSED, KnownAnswer, Role, SelfTestError, check, open};
use model_format::writer::SigningKey;
use model_format::{ModelFile, ModelId, SignatureError};

const ZOO: [&str; 2] = ["mobilefacenet-128", "mobilefacenet-128-ms1m"];

fn shipped(name: &str) -> ModelFile {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../models/zoo");
    ModelFile::from_bytes(std::fs::read(format!("{folder}/{name}.afm")).unwrap()).unwrap()
}

/// Runs `work` with memory for `model`, its arena of `arena` bytes.
fn with_memory<T>(model: &ModelFile, arena: usize, work: impl FnOnce(&mut Memory<'_>) -> T) -> T {
    let len = usize::from(model.view().metadata().embedding_len);
    let (mut arena, mut crop) = (vec![0; arena], vec![0; model.view().input().shape.elements()]);
    let (mut embedding, mut template, mut previous) = (vec![0.0; len], vec![0; len], vec![0; len]);
    work(&mut Memory {
        arena: &mut arena,
        crop: &mut crop,
        embedding: &mut embedding,
        template: &mut template,
        previous: &mut previous,
    })
}

/// Checks `embedding` beside a detector, with the answer that `edit` makes of the right one.
fn checked(
    embedding: &ModelFile,
    edit: impl FnOnce(&mut KnownAnswer),
) -> Result<f32, SelfTestError> {
    let detector = networks::detector();
    let arena = embedding.view().arena_bytes().max(detector.view().arena_bytes());
    with_memory(embedding, arena, |memory| {
        let mut answer = KnownAnswer::of(embedding.view(), memory).unwrap();
        edit(&mut answer);
        check(detector.view(), embedding.view(), &answer, memory)
    })
}

/// The answers are those of every machine and every tier: they are what a board must give.
#[test]
fn shipped_models_pass_with_the_answers_that_boards_give() {
    let answers = ZOO.map(|name| {
        let model = shipped(name);
        let cosine = checked(&model, |_| ()).unwrap();
        assert!(cosine < 0.6, "{name}: {cosine}");
        with_memory(&model, model.view().arena_bytes(), |memory| {
            KnownAnswer::of(model.view(), memory).unwrap().sums
        })
    });
    assert_eq!(answers, ANSWERS, "{answers:08x?}");
}

const ANSWERS: [u32; 2] = [0xbd40_8ec8, 0x74b2_3d18];

#[test]
fn an_answer_comes_back_from_its_bytes() {
    let answer = KnownAnswer { model: ModelId([7; 16]), sums: 0x0102_0304 };
    let bytes = answer.to_bytes();
    assert_eq!(bytes[16..], [4, 3, 2, 1]);
    assert_eq!(KnownAnswer::from_bytes(&bytes), Some(answer));
    assert_eq!(KnownAnswer::from_bytes(&bytes[..19]), None);
    assert_eq!(KnownAnswer::from_bytes(&[0; 21]), None);
}

#[test]
fn rejects_what_the_host_did_not_compute() {
    let model = shipped(ZOO[1]);
    let error = checked(&model, |answer| answer.sums ^= 1).unwrap_err();
    let (expected, found) = (ANSWERS[1] ^ 1, ANSWERS[1]);
    assert_eq!(error, SelfTestError::Answer { expected, found });
    assert_eq!(error.blink().flashes(), 6);
}

#[test]
fn rejects_the_answer_of_another_model() {
    let model = shipped(ZOO[1]);
    let other = ModelId([9; 16]);
    let error = checked(&model, |answer| answer.model = other).unwrap_err();
    assert_eq!(error, SelfTestError::OtherModel { model: model.view().id(), answer: other });
}

#[test]
fn rejects_a_network_that_tells_nobody_apart() {
    let error = checked(&networks::collapsed(), |_| ()).unwrap_err();
    let SelfTestError::Collapsed { cosine } = error else { panic!("{error}") };
    assert!(cosine >= COLLAPSED, "{cosine}");
    assert_eq!(error.blink().flashes(), 7);
}

#[test]
fn rejects_networks_in_each_others_place() {
    let (detector, embedding) = (networks::detector(), networks::collapsed());
    let answer = KnownAnswer { model: embedding.view().id(), sums: 0 };
    with_memory(&embedding, 1 << 16, |memory| {
        let error = check(embedding.view(), embedding.view(), &answer, memory).unwrap_err();
        assert!(matches!(error, SelfTestError::Detector(_)), "{error}");
        let error = check(detector.view(), detector.view(), &answer, memory).unwrap_err();
        assert_eq!((error, error.blink().flashes()), (SelfTestError::NoEmbedding, 4));
    });
}

#[test]
fn rejects_an_arena_that_is_too_small() {
    let (detector, embedding) = (networks::detector(), shipped(ZOO[0]));
    let answer = KnownAnswer { model: embedding.view().id(), sums: 0 };
    let needed = embedding.view().arena_bytes();
    with_memory(&embedding, needed - 1, |memory| {
        let error = check(detector.view(), embedding.view(), &answer, memory).unwrap_err();
        let role = Role::Embedding;
        assert_eq!(error, SelfTestError::Arena { role, needed, got: needed - 1 });
        assert_eq!(error.blink().flashes(), 5);
    });
}

#[test]
fn rejects_a_damaged_file_at_every_byte() {
    let bytes = networks::collapsed().view().bytes().to_vec();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let error = open(Role::Embedding, &damaged, None).map(|_| ()).unwrap_err();
        assert!(matches!(error, SelfTestError::Format { role: Role::Embedding, .. }), "{at}");
        assert_eq!(error.blink().flashes(), 2);
    }
}

#[test]
fn rejects_what_the_owner_did_not_sign() {
    let [owner, other] = [[1; 32], [2; 32]].map(|seed| SigningKey::from_seed(&seed));
    let plain = networks::collapsed();
    let signed = owner.sign(&plain.view()).unwrap();
    let (role, key) = (Role::Detector, owner.public());
    assert_eq!(open(role, &signed, Some(&key)).unwrap().id(), plain.view().id());
    let unsigned = open(role, plain.view().bytes(), Some(&key)).map(|_| ()).unwrap_err();
    assert_eq!(unsigned, SelfTestError::Signature { role, error: SignatureError::Unsigned });
    let stranger = open(role, &signed, Some(&other.public())).map(|_| ()).unwrap_err();
    assert!(matches!(
        stranger,
        SelfTestError::Signature { error: SignatureError::OtherKey { .. }, .. }
    ));
    assert_eq!(stranger.blink().flashes(), 3);
}
