//! Networks by hand, in files: what is taken, and a refusal for each that is not what its role needs.

use super::*;
use model_format::writer::{
    ActivationSpec, ConvSpec, MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec,
    SigningKey,
};
use model_format::{
    ColourOrder, ElementType, InputSpec, Padding, Rows, Shape, Tensor, TensorIndex, Window,
};

const ZOO: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/zoo/mobilefacenet-128-ms1m.afm");

/// A network of `side` x `side` pixels, each of whose outputs (name, pixels a cell, values) is one convolution without weights.
fn network(name: &str, side: u16, outputs: &[(&str, u8, u16)]) -> Vec<u8> {
    let input = Tensor {
        shape: Shape { height: side, width: side, channels: 3 },
        element: ElementType::I8,
        scale: 1.0,
        zero_point: 0,
        offset: 0,
        first: 0,
        last: outputs.len() as u16,
        rows: Rows::ALL,
    };
    let (mut tensors, mut ops, mut named) = (vec![input], Vec::new(), Vec::new());
    let mut offset = input.byte_len() as u32;
    for &(name, stride, channels) in outputs {
        let cells = side / u16::from(stride);
        let index = TensorIndex(tensors.len() as u16);
        let shape = Shape { height: cells, width: cells, channels };
        let tensor = Tensor { shape, scale: 1.0 / 16.0, offset, first: index.0, ..input };
        offset += tensor.byte_len() as u32;
        tensors.push(tensor);
        named.push(OutputSpec { name: name.to_owned(), tensor: index });
        let values = usize::from(channels);
        ops.push(OpSpec::Conv2d(ConvSpec {
            input: TensorIndex(0),
            output: index,
            window: Window {
                kernel: [stride; 2],
                stride: [stride; 2],
                padding: Padding::default(),
            },
            weights: vec![0; usize::from(stride).pow(2) * 3 * values],
            bias: vec![0; values],
            requantize: RequantizeSpec {
                multiplier: vec![1.0; values],
                activation: ActivationSpec::None,
            },
            residual: None,
        }));
    }
    let metadata = MetadataSpec {
        input: InputSpec { colour: ColourOrder::Bgr, mean: [0.0; 3], scale: [1.0; 3] },
        landmarks: [[0.0; 2]; 5],
        embedding_len: 0,
        name: name.to_owned(),
        data: String::new(),
        command: String::new(),
        seed: 0,
        commit: String::new(),
        licence: String::new(),
        verdict: String::new(),
    };
    let (input, output) = (TensorIndex(0), TensorIndex(1));
    let builder = ModelBuilder {
        metadata,
        thresholds: Vec::new(),
        tensors,
        ops,
        input,
        output,
        outputs: named,
        arena_bytes: offset,
    };
    builder.build().unwrap()
}

fn detector(side: u16) -> Vec<u8> {
    let maps = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];
    let all = [8_u8, 16, 32]
        .into_iter()
        .flat_map(|stride| maps.map(|(map, values)| (map, stride, values)));
    let names: Vec<String> =
        all.clone().map(|(map, stride, _)| format!("{map}_{stride}")).collect();
    let outputs =
        all.zip(&names).map(|((_, stride, values), name)| (name.as_str(), stride, values));
    network("detector", side, &outputs.collect::<Vec<_>>())
}

fn liveness(name: &str) -> Vec<u8> {
    network(name, 80, &[("logits", 80, 3)])
}

fn signed(bytes: Vec<u8>, key: &SigningKey) -> Vec<u8> {
    key.sign(&ModelFile::from_bytes(bytes).unwrap().view()).unwrap()
}

/// The files of a door, which a test spoils one of.
pub(crate) struct Door {
    _folder: tempfile::TempDir,
    paths: Paths,
}

impl Door {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: Vec<u8>| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths = Paths {
            detector: put("detector.afm", detector(32)),
            embedding: put("embedding.afm", std::fs::read(ZOO).unwrap()),
            liveness: Some([
                put("near.afm", liveness("v2-2.7-80x80")),
                put("far.afm", liveness("v1se-4.0-80x80")),
            ]),
        };
        Self { _folder: folder, paths }
    }

    pub(crate) fn open(&self) -> Result<Models, ModelsError> {
        Models::open(&self.paths, None)
    }

    fn error(&self) -> ModelsError {
        let error = self.open().unwrap_err();
        assert!(error.to_string().contains(".afm"), "{error}");
        error
    }
}

#[test]
fn what_is_as_it_must_be_is_taken() {
    let mut door = Door::new();
    let models = door.open().unwrap();
    assert_eq!(models.embedding_len(), 128);
    assert_eq!(models.loosest_cosine(), 0.2622);
    assert!(models.liveness().is_some());
    door.paths.liveness = None;
    assert!(door.open().unwrap().liveness().is_none());
}

/// insightface 1838: another detector finds other landmarks, so its templates are of another pipeline.
#[test]
fn the_pipeline_is_of_detector_and_embedding_network() {
    let door = Door::new();
    let before = door.open().unwrap().pipeline();
    assert_eq!(door.open().unwrap().pipeline(), before);
    std::fs::write(&door.paths.detector, detector(64)).unwrap();
    let after = door.open().unwrap().pipeline();
    assert_eq!(after.model, before.model);
    assert_ne!(after.preprocessing, before.preprocessing);
}

#[test]
fn rejects_a_missing_file() {
    let door = Door::new();
    std::fs::remove_file(&door.paths.embedding).unwrap();
    assert!(matches!(door.error(), ModelsError::Io { role: Role::Embedding, .. }));
}

/// tensorflow 115308: an 8-byte file. Every shorter file is refused too, and so is one with a changed byte.
#[test]
fn tensorflow_115308_rejects_a_damaged_file() {
    let door = Door::new();
    let whole = std::fs::read(&door.paths.detector).unwrap();
    let mut changed = whole.clone();
    changed[200] ^= 1;
    for bytes in [&b"TFL3\0\0\0\0"[..], b"", &whole[..whole.len() - 1], &changed] {
        std::fs::write(&door.paths.detector, bytes).unwrap();
        assert!(matches!(door.error(), ModelsError::Format { role: Role::Detector, .. }));
    }
}

#[test]
fn rejects_a_detector_that_is_none() {
    let door = Door::new();
    std::fs::write(&door.paths.detector, liveness("x")).unwrap();
    assert!(matches!(
        door.error(),
        ModelsError::Detector { error: DetectorError::Missing { .. }, .. }
    ));
}

#[test]
fn rejects_an_embedding_network_that_is_none() {
    let door = Door::new();
    std::fs::write(&door.paths.embedding, detector(32)).unwrap();
    let error = door.error();
    assert!(
        matches!(&error, ModelsError::Outputs { outputs, .. } if outputs.contains("kps_32")),
        "{error}"
    );
}

#[test]
fn rejects_liveness_networks_of_another_shape() {
    let door = Door::new();
    let [near, _] = door.paths.liveness.as_ref().unwrap();
    for bytes in [
        std::fs::read(ZOO).unwrap(),
        network("x", 80, &[("logits", 80, 2)]),
        network("x", 64, &[("logits", 64, 3)]),
    ] {
        std::fs::write(near, bytes).unwrap();
        assert!(matches!(door.error(), ModelsError::Shape { role: Role::LivenessNear, .. }));
    }
}

#[test]
fn rejects_liveness_networks_that_are_swapped() {
    let mut door = Door::new();
    door.paths.liveness.as_mut().unwrap().swap(0, 1);
    assert!(matches!(door.error(), ModelsError::Swapped { role: Role::LivenessNear, .. }));
}

#[test]
fn rejects_what_the_key_s_owner_did_not_sign() {
    let door = Door::new();
    let (owner, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let open = || Models::open(&door.paths, Some(&owner.public()));
    let error = open().unwrap_err();
    assert!(
        matches!(error, ModelsError::Signature { error: SignatureError::Unsigned, .. }),
        "{error}"
    );
    let [near, far] = door.paths.liveness.as_ref().unwrap();
    for path in [&door.paths.detector, &door.paths.embedding, near, far] {
        assert!(matches!(open(), Err(ModelsError::Signature { .. })), "{}", path.display());
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, signed(bytes, &owner)).unwrap();
    }
    open().unwrap();
    std::fs::write(far, signed(liveness("v1se-4.0"), &other)).unwrap();
    let error = open().unwrap_err();
    assert!(matches!(
        error,
        ModelsError::Signature {
            role: Role::LivenessFar,
            error: SignatureError::OtherKey { .. },
            ..
        }
    ));
}
