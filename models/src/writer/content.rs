//! The name of a network by what it computes: SHA-256 over the content in a fixed order, cut to 16 bytes.
//!
//! Hashed: how images enter (colour order, mean, scale, landmark template), endpoints, shapes, element types and
//! quantization of all tensors, all ops with their constants. Not hashed: arena places and lives, thresholds, texts,
//! seed. Names of outputs are hashed where there is a list of them. So another arena plan, or a new calibration, keeps the templates made with the model valid. Every list is
//! preceded by its length, so that no two networks give one byte sequence.

use sha2::{Digest, Sha256};

use crate::id::ModelId;
use crate::op::{
    Activation, Add, Concat, Conv2d, DepthwiseConv2d, FullyConnected, FullyConnectedResult,
    GlobalAveragePool, Lookup, MaxPool, Op, Padding, Requantize, Residual, ScaleChannels, Upsample,
    Window, tag,
};
use crate::tensor::TensorIndex;
use crate::view::ModelView;

/// Separates this hash from all others, and from later definitions of it.
const DOMAIN: &[u8] = b"afm content 1";

/// Computes the name of `view`'s network. It equals [`ModelView::id`] in every file that the writer made.
#[must_use]
pub fn content_id(view: &ModelView<'_>) -> ModelId {
    let mut content = Content(Sha256::new_with_prefix(DOMAIN));
    let metadata = view.metadata();
    content.bytes(&[metadata.input.colour.tag()]);
    content.floats(&metadata.input.mean);
    content.floats(&metadata.input.scale);
    content.floats(metadata.landmarks.as_flattened());
    content.tensor(view.input_index());
    content.tensor(view.output_index());
    content.len(view.tensor_count());
    for tensor in view.tensors() {
        for size in [tensor.shape.height, tensor.shape.width, tensor.shape.channels] {
            content.bytes(&size.to_le_bytes());
        }
        content.bytes(&[tensor.element.tag()]);
        content.bytes(&tensor.zero_point.to_le_bytes());
        content.bytes(&tensor.scale.to_le_bytes());
    }
    content.len(view.op_count());
    for op in view.ops() {
        content.op(&op);
    }
    if !view.is_embedding() {
        content.len(view.outputs().count());
        for output in view.outputs() {
            content.tensor(output.tensor);
            content.len(output.name.len());
            content.bytes(output.name.as_bytes());
        }
    }
    content.finish()
}

struct Content(Sha256);

impl Content {
    fn finish(self) -> ModelId {
        let digest: [u8; 32] = self.0.finalize().into();
        ModelId(digest.first_chunk().copied().unwrap_or_default())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn len(&mut self, len: usize) {
        self.bytes(&u64::try_from(len).unwrap_or(u64::MAX).to_le_bytes());
    }

    fn tensor(&mut self, TensorIndex(index): TensorIndex) {
        self.bytes(&index.to_le_bytes());
    }

    fn floats(&mut self, values: &[f32]) {
        self.len(values.len());
        self.bytes(bytemuck::cast_slice(values));
    }

    fn op(&mut self, op: &Op<'_>) {
        match *op {
            Op::Conv2d(Conv2d { input, output, window, weights, bias, requantize, residual }) => {
                self.bytes(&[tag::CONV2D]);
                self.window(window);
                self.sums(input, output, weights, bias);
                self.requantize(&requantize);
                self.residual(residual);
            }
            Op::DepthwiseConv2d(DepthwiseConv2d {
                input,
                output,
                window,
                weights,
                bias,
                requantize,
                residual,
            }) => {
                self.bytes(&[tag::DEPTHWISE_CONV2D]);
                self.window(window);
                self.sums(input, output, weights, bias);
                self.requantize(&requantize);
                self.residual(residual);
            }
            Op::FullyConnected(FullyConnected { input, output, weights, bias, result }) => {
                self.bytes(&[tag::FULLY_CONNECTED]);
                self.sums(input, output, weights, bias);
                match result {
                    FullyConnectedResult::Requantized(requantize) => {
                        self.bytes(&[tag::PLAIN]);
                        self.requantize(&requantize);
                    }
                    FullyConnectedResult::Sums { scales } => {
                        self.bytes(&[tag::SUMS]);
                        self.floats(scales);
                    }
                }
            }
            Op::Add(Add { inputs, output, multipliers, activation }) => {
                self.bytes(&[tag::ADD]);
                for tensor in inputs {
                    self.tensor(tensor);
                }
                self.tensor(output);
                self.floats(&multipliers);
                self.activation(&activation);
            }
            Op::MaxPool(MaxPool { input, output, window }) => {
                self.bytes(&[tag::MAX_POOL]);
                self.tensor(input);
                self.tensor(output);
                self.window(window);
            }
            Op::GlobalAveragePool(GlobalAveragePool { input, output, multiplier }) => {
                self.bytes(&[tag::GLOBAL_AVERAGE_POOL]);
                self.tensor(input);
                self.tensor(output);
                self.floats(&[multiplier]);
            }
            Op::ScaleChannels(ScaleChannels { input, gate, output, factors }) => {
                self.bytes(&[tag::SCALE_CHANNELS]);
                for tensor in [input, gate, output] {
                    self.tensor(tensor);
                }
                self.floats(factors);
            }
            Op::Lookup(Lookup { input, output, table }) => {
                self.bytes(&[tag::LOOKUP]);
                self.tensor(input);
                self.tensor(output);
                self.len(table.len());
                self.bytes(bytemuck::cast_slice(table));
            }
            Op::Concat(Concat { inputs, output, multipliers }) => {
                self.bytes(&[tag::CONCAT]);
                for tensor in inputs {
                    self.tensor(tensor);
                }
                self.tensor(output);
                self.floats(&multipliers);
            }
            Op::Upsample(Upsample { input, output, factor }) => {
                self.bytes(&[tag::UPSAMPLE]);
                self.tensor(input);
                self.tensor(output);
                self.bytes(&factor);
            }
        }
    }

    fn window(&mut self, Window { kernel, stride, padding }: Window) {
        let Padding { top, left, bottom, right } = padding;
        self.bytes(&kernel);
        self.bytes(&stride);
        self.bytes(&[top, left, bottom, right]);
    }

    fn sums(&mut self, input: TensorIndex, output: TensorIndex, weights: &[i8], bias: &[i32]) {
        self.tensor(input);
        self.tensor(output);
        self.len(weights.len());
        self.bytes(bytemuck::cast_slice(weights));
        self.len(bias.len());
        self.bytes(bytemuck::cast_slice(bias));
    }

    fn requantize(&mut self, requantize: &Requantize<'_>) {
        self.floats(requantize.multiplier);
        self.activation(&requantize.activation);
    }

    fn activation(&mut self, activation: &Activation<'_>) {
        match activation {
            Activation::None => self.bytes(&[tag::NO_ACTIVATION]),
            Activation::Relu => self.bytes(&[tag::RELU]),
            Activation::Prelu(negative) => {
                self.bytes(&[tag::PRELU]);
                self.floats(negative);
            }
        }
    }

    fn residual(&mut self, residual: Option<Residual>) {
        match residual {
            None => self.bytes(&[tag::PLAIN]),
            Some(Residual { tensor, multiplier }) => {
                self.bytes(&[tag::RESIDUAL]);
                self.tensor(tensor);
                self.floats(&[multiplier]);
            }
        }
    }
}
