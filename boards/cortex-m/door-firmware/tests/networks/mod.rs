//! Networks by hand: every output is one convolution without weights, so that it is its bias whatever the picture shows.

use model_format::writer::{
    ActivationSpec, ConvSpec, MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec,
};
use model_format::{
    ColourOrder, ElementType, InputSpec, ModelFile, Padding, Rows, Shape, Tensor, TensorIndex,
    Window,
};

/// A network of `side` x `side` pixels with these outputs: name, pixels a cell, bias of each value. One without a name is an embedding.
fn network(side: u16, outputs: &[(&str, u8, Vec<i32>)]) -> ModelFile {
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
    let (mut offset, mut embedding_len) = (input.byte_len() as u32, 0);
    for (name, stride, bias) in outputs {
        let (cells, channels) = (side / u16::from(*stride), bias.len() as u16);
        let index = TensorIndex(tensors.len() as u16);
        let shape = Shape { height: cells, width: cells, channels };
        let tensor = Tensor { shape, scale: 1.0 / 16.0, offset, first: index.0, ..input };
        offset += tensor.byte_len() as u32;
        tensors.push(tensor);
        if name.is_empty() {
            embedding_len = channels;
        } else {
            named.push(OutputSpec { name: (*name).to_owned(), tensor: index });
        }
        ops.push(OpSpec::Conv2d(ConvSpec {
            input: TensorIndex(0),
            output: index,
            window: Window {
                kernel: [*stride; 2],
                stride: [*stride; 2],
                padding: Padding::default(),
            },
            weights: vec![0; usize::from(*stride).pow(2) * 3 * bias.len()],
            bias: bias.clone(),
            requantize: RequantizeSpec {
                multiplier: vec![1.0; bias.len()],
                activation: ActivationSpec::None,
            },
            residual: None,
        }));
    }
    let metadata = MetadataSpec {
        input: InputSpec { colour: ColourOrder::Rgb, mean: [0.0; 3], scale: [1.0; 3] },
        landmarks: [[0.0; 2]; 5],
        embedding_len,
        name: "by hand".to_owned(),
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
    ModelFile::from_bytes(builder.build().unwrap()).unwrap()
}

/// A detector of 32x32 pixels that finds nobody.
#[allow(dead_code, reason = "not every test needs one")]
pub(crate) fn detector() -> ModelFile {
    detector_scoring(0)
}

/// One whose scores are this, in sixteenths, wherever it looks.
#[allow(dead_code, reason = "not every test needs one")]
pub(crate) fn detector_scoring(score: i32) -> ModelFile {
    let maps =
        [("cls", vec![score]), ("obj", vec![score]), ("bbox", vec![0; 4]), ("kps", vec![0; 10])];
    let outputs = [8_u8, 16, 32].into_iter().flat_map(|stride| {
        maps.clone().map(|(map, bias)| (format!("{map}_{stride}"), stride, bias))
    });
    let outputs: Vec<(String, u8, Vec<i32>)> = outputs.collect();
    let outputs: Vec<_> =
        outputs.iter().map(|(name, stride, bias)| (name.as_str(), *stride, bias.clone())).collect();
    network(32, &outputs)
}

/// An embedding network that gives everybody the same 16 values.
#[allow(dead_code, reason = "not every test needs one")]
pub(crate) fn collapsed() -> ModelFile {
    network(32, &[("", 32, (1..=16).collect())])
}
