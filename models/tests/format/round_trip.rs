//! Every field that goes in comes out.

use model_format::writer::{
    ActivationSpec, AddSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, LookupSpec,
    MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec, ScaleChannelsSpec,
};
use model_format::{
    Activation, FullyConnectedResult, ModelFile, ModelView, NamedOutput, Op, Requantize,
    TensorIndex,
};

use crate::sample;

/// The builder that would write `view`.
fn builder(view: &ModelView<'_>) -> ModelBuilder {
    let metadata = view.metadata();
    let spec = |NamedOutput { name, tensor }| OutputSpec { name: name.into(), tensor };
    ModelBuilder {
        metadata: MetadataSpec {
            input: metadata.input,
            landmarks: metadata.landmarks,
            embedding_len: metadata.embedding_len,
            name: metadata.name.into(),
            data: metadata.data.into(),
            command: metadata.command.into(),
            seed: metadata.seed,
            commit: metadata.commit.into(),
            licence: metadata.licence.into(),
            verdict: metadata.verdict.into(),
        },
        thresholds: view.thresholds().collect(),
        tensors: view.tensors().collect(),
        ops: view.ops().map(op_spec).collect(),
        input: view.input_index(),
        output: view.output_index(),
        outputs: view.outputs().filter(|_| !view.is_embedding()).map(spec).collect(),
        arena_bytes: u32::try_from(view.arena_bytes()).unwrap(),
    }
}

fn op_spec(op: Op<'_>) -> OpSpec {
    match op {
        Op::Conv2d(op) => OpSpec::Conv2d(ConvSpec {
            input: op.input,
            output: op.output,
            window: op.window,
            weights: op.weights.into(),
            bias: op.bias.into(),
            requantize: requantize(op.requantize),
            residual: op.residual,
        }),
        Op::DepthwiseConv2d(op) => OpSpec::DepthwiseConv2d(ConvSpec {
            input: op.input,
            output: op.output,
            window: op.window,
            weights: op.weights.into(),
            bias: op.bias.into(),
            requantize: requantize(op.requantize),
            residual: op.residual,
        }),
        Op::FullyConnected(op) => OpSpec::FullyConnected(FullyConnectedSpec {
            input: op.input,
            output: op.output,
            weights: op.weights.into(),
            bias: op.bias.into(),
            result: match op.result {
                FullyConnectedResult::Requantized(plain) => {
                    FullyConnectedResultSpec::Requantized(requantize(plain))
                }
                FullyConnectedResult::Sums { scales } => {
                    FullyConnectedResultSpec::Sums { scales: scales.into() }
                }
            },
        }),
        Op::Add(op) => OpSpec::Add(AddSpec {
            inputs: op.inputs,
            output: op.output,
            multipliers: op.multipliers,
            activation: activation(op.activation),
        }),
        Op::MaxPool(op) => OpSpec::MaxPool(op),
        Op::GlobalAveragePool(op) => OpSpec::GlobalAveragePool(op),
        Op::ScaleChannels(op) => OpSpec::ScaleChannels(ScaleChannelsSpec {
            input: op.input,
            gate: op.gate,
            output: op.output,
            factors: op.factors.into(),
        }),
        Op::Lookup(op) => OpSpec::Lookup(LookupSpec {
            input: op.input,
            output: op.output,
            table: op.table.into(),
        }),
        Op::Concat(op) => OpSpec::Concat(op),
        Op::Upsample(op) => OpSpec::Upsample(op),
    }
}

fn requantize(requantize: Requantize<'_>) -> RequantizeSpec {
    RequantizeSpec {
        multiplier: requantize.multiplier.into(),
        activation: activation(requantize.activation),
    }
}

fn activation(activation: Activation<'_>) -> ActivationSpec {
    match activation {
        Activation::None => ActivationSpec::None,
        Activation::Relu => ActivationSpec::Relu,
        Activation::Prelu(negative) => ActivationSpec::Prelu(negative.into()),
    }
}

#[test]
fn what_is_written_is_read_back() {
    for model in [sample::model(), sample::gated(), sample::detector()] {
        let file = ModelFile::from_bytes(model.build().unwrap()).unwrap();
        assert_eq!(builder(&file.view()), model);
    }
}

#[test]
fn counts_and_sizes_are_those_of_the_network() {
    let file = ModelFile::from_bytes(sample::bytes()).unwrap();
    let view = file.view();
    assert_eq!((view.tensor_count(), view.op_count()), (7, 6));
    assert_eq!(view.arena_bytes(), 192);
    assert_eq!(view.total_bytes(), file.bytes().len());
    assert_eq!(view.input(), view.tensor(TensorIndex(0)).unwrap());
    assert_eq!(view.output(), view.tensor(TensorIndex(6)).unwrap());
    assert_eq!(view.tensor(TensorIndex(7)), None);
    assert_eq!(view.op(6), None);
    // 16 positions of 4x3x3x3, 3x3x4 and 4x4 weights, then 64 x 8 and 8 x 2.
    assert_eq!(view.macs(), 16 * (108 + 36 + 16) + 512 + 16);
    let names: Vec<_> = view.ops().map(|op| op.name()).collect();
    let convs = ["conv2d", "depthwise_conv2d", "conv2d"];
    assert_eq!(names[..3], convs);
    assert_eq!(names[3..], ["add", "fully_connected", "fully_connected"]);
    assert_eq!(view.op(2).unwrap().reads(), (TensorIndex(2), Some(TensorIndex(1))));
}

#[test]
fn ops_without_weights_have_names_and_reads_but_no_products() {
    let file = ModelFile::from_bytes(sample::gated().build().unwrap()).unwrap();
    let view = file.view();
    let names: Vec<_> = view.ops().map(|op| op.name()).collect();
    assert_eq!(names, ["max_pool", "global_average_pool", "scale_channels"]);
    assert_eq!(view.macs(), 0);
    assert_eq!(view.op(0).unwrap().reads(), (TensorIndex(0), None));
    assert_eq!(view.op(2).unwrap().reads(), (TensorIndex(1), Some(TensorIndex(2))));
    assert_eq!(view.op(2).unwrap().output(), TensorIndex(3));
}

#[test]
fn an_embedding_is_the_one_output_and_a_list_keeps_its_order() {
    let of = |model: ModelBuilder| {
        let file = ModelFile::from_bytes(model.build().unwrap()).unwrap();
        let names: Vec<(String, u16)> =
            file.view().outputs().map(|output| (output.name.into(), output.tensor.0)).collect();
        (file.view().is_embedding(), names)
    };
    assert_eq!(of(sample::model()), (true, vec![("embedding".into(), 6)]));
    let expected = vec![("maps".into(), 3), ("scores".into(), 2)];
    assert_eq!(of(sample::detector()), (false, expected));
}

#[test]
fn a_verdict_stands_behind_the_outputs_and_none_is_no_bytes() {
    let plain = sample::detector();
    let mut judged = plain.clone();
    judged.metadata.verdict = "0 of 232 faces lost".into();
    let (before, after) = (plain.build().unwrap(), judged.build().unwrap());
    assert_eq!(after.len(), before.len() + judged.metadata.verdict.len());
    assert!(after.ends_with(b"0 of 232 faces lost"));
    let file = ModelFile::from_bytes(after).unwrap();
    assert_eq!(builder(&file.view()), judged);
    let file = ModelFile::from_bytes(before).unwrap();
    assert_eq!(file.view().metadata().verdict, "");
}

#[test]
fn ops_that_move_values_have_names_and_reads_but_no_products() {
    let file = ModelFile::from_bytes(sample::detector().build().unwrap()).unwrap();
    let view = file.view();
    let names: Vec<_> = view.ops().map(|op| op.name()).collect();
    assert_eq!(names, ["upsample", "lookup", "concat"]);
    assert_eq!(view.macs(), 0);
    assert_eq!(view.op(1).unwrap().reads(), (TensorIndex(1), None));
    assert_eq!(view.op(2).unwrap().reads(), (TensorIndex(1), Some(TensorIndex(2))));
    assert_eq!(view.op(2).unwrap().output(), TensorIndex(3));
}

#[test]
fn weights_are_aligned_to_cache_lines_in_memory() {
    let file = ModelFile::from_bytes(sample::bytes()).unwrap();
    for op in file.view().ops() {
        let weights = match op {
            Op::Conv2d(op) => op.weights,
            Op::DepthwiseConv2d(op) => op.weights,
            Op::FullyConnected(op) => op.weights,
            _ => continue,
        };
        assert_eq!(weights.as_ptr().addr() % 64, 0);
    }
}
