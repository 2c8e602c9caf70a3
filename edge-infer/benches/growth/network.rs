//! A MobileFaceNet of any width and input size with random weights, as a model file.

use model_format::writer::{
    ActivationSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, MetadataSpec,
    ModelBuilder, OpSpec, RequantizeSpec,
};
use model_format::{
    ColourOrder, ElementType, InputSpec, ModelFile, Padding, Residual, Rows, Shape, Tensor,
    TensorIndex, Window,
};

/// Expansion, channels at full width, blocks, stride of the first one.
const STAGES: [(u16, u16, usize, u8); 5] =
    [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)];
const EMBEDDING: u16 = 128;
/// No tensor is read later than three ops after the one that writes it.
const PLACES: usize = 4;

/// The network for images of `side` squared, with `width` percent of the usual channels.
pub(super) fn build(side: u16, width: u16) -> ModelFile {
    let channels = |full: u16| full * width / 100;
    let mut chain = Chain { tensors: Vec::new(), ops: Vec::new(), state: 1 };
    chain.push(Shape { height: side, width: side, channels: 3 }, ElementType::I8);
    chain.dense(channels(64), 3, 2, true, None);
    chain.depthwise(3, 1, 1, true);
    for (expansion, full, blocks, stride) in STAGES {
        for block in 0..blocks {
            let stride = if block == 0 { stride } else { 1 };
            let input = chain.newest();
            let inputs = chain.shape().channels;
            chain.dense(inputs * expansion, 1, 1, true, None);
            chain.depthwise(3, stride, 1, true);
            let residual = (stride == 1 && inputs == channels(full)).then_some(input);
            chain.dense(channels(full), 1, 1, false, residual);
        }
    }
    chain.dense(channels(512), 1, 1, true, None);
    let rest = u8::try_from(chain.shape().height).expect("a small map");
    chain.depthwise(rest, 1, 0, false);
    chain.fully_connected();
    chain.finish(side)
}

struct Chain {
    tensors: Vec<Tensor>,
    ops: Vec<OpSpec>,
    state: u64,
}

impl Chain {
    fn newest(&self) -> TensorIndex {
        TensorIndex(u16::try_from(self.tensors.len() - 1).expect("a few dozen tensors"))
    }

    fn shape(&self) -> Shape {
        self.tensors[self.tensors.len() - 1].shape
    }

    /// The next op's output.
    fn push(&mut self, shape: Shape, element: ElementType) -> TensorIndex {
        let step = u16::try_from(self.tensors.len()).expect("a few dozen tensors");
        // An op is a step; the next one reads what this one writes.
        self.tensors.push(Tensor {
            shape,
            element,
            scale: 0.02,
            zero_point: -3,
            offset: 0,
            first: step,
            last: step + 1,
            rows: Rows::ALL,
        });
        self.newest()
    }

    fn weights(&mut self, count: usize) -> Vec<i8> {
        let mut next = || {
            self.state = self.state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            ((self.state >> 56) as i8).max(-127)
        };
        (0..count).map(|_| next()).collect()
    }

    fn dense(
        &mut self,
        channels: u16,
        kernel: u8,
        stride: u8,
        prelu: bool,
        residual: Option<TensorIndex>,
    ) {
        let inputs = usize::from(self.shape().channels);
        let spec = self.convolution(channels, inputs, kernel, stride, kernel / 2, prelu);
        let residual = residual.map(|tensor| {
            self.tensors[usize::from(tensor.0)].last = spec.output.0;
            Residual { tensor, multiplier: 0.9 }
        });
        self.ops.push(OpSpec::Conv2d(ConvSpec { residual, ..spec }));
    }

    fn depthwise(&mut self, kernel: u8, stride: u8, padding: u8, prelu: bool) {
        let channels = self.shape().channels;
        let spec = self.convolution(channels, 1, kernel, stride, padding, prelu);
        self.ops.push(OpSpec::DepthwiseConv2d(spec));
    }

    fn convolution(
        &mut self,
        channels: u16,
        inputs: usize,
        kernel: u8,
        stride: u8,
        padding: u8,
        prelu: bool,
    ) -> ConvSpec {
        let (input, from) = (self.newest(), self.shape());
        let side =
            |side: u16| (side + 2 * u16::from(padding) - u16::from(kernel)) / u16::from(stride) + 1;
        let output = Shape { height: side(from.height), width: side(from.width), channels };
        let depth = usize::from(kernel) * usize::from(kernel) * inputs;
        let weights = self.weights(depth * usize::from(channels));
        // Keeps activations in their range: random products add up with the root of their number.
        let multiplier = vec![0.01 / (depth as f32).sqrt(); channels.into()];
        let negative = multiplier.iter().map(|multiplier| multiplier / 4.0).collect();
        let activation = if prelu { ActivationSpec::Prelu(negative) } else { ActivationSpec::None };
        let all = padding;
        ConvSpec {
            input,
            output: self.push(output, ElementType::I8),
            window: Window {
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: Padding { top: all, left: all, bottom: all, right: all },
            },
            weights,
            bias: vec![0; channels.into()],
            requantize: RequantizeSpec { multiplier, activation },
            residual: None,
        }
    }

    fn fully_connected(&mut self) {
        let (input, inputs) = (self.newest(), self.shape().elements());
        let weights = self.weights(inputs * usize::from(EMBEDDING));
        let shape = Shape { height: 1, width: 1, channels: EMBEDDING };
        let output = self.push(shape, ElementType::I32);
        self.ops.push(OpSpec::FullyConnected(FullyConnectedSpec {
            input,
            output,
            weights,
            bias: vec![0; EMBEDDING.into()],
            result: FullyConnectedResultSpec::Sums { scales: vec![0.001; EMBEDDING.into()] },
        }));
    }

    fn finish(mut self, side: u16) -> ModelFile {
        let largest = self.tensors.iter().map(Tensor::byte_len).max().expect("not empty");
        let place = u32::try_from(largest.next_multiple_of(64)).expect("a small network");
        for (offset, tensor) in (0..PLACES as u32).map(|i| i * place).cycle().zip(&mut self.tensors)
        {
            tensor.offset = offset;
        }
        let output = self.newest();
        if let Some(last) = self.tensors.last_mut() {
            last.last = last.first;
        }
        let metadata = MetadataSpec {
            input: InputSpec {
                colour: ColourOrder::Rgb,
                mean: [128.0; 3],
                scale: [1.0 / 128.0; 3],
            },
            landmarks: [[f32::from(side) / 2.0; 2]; 5],
            embedding_len: EMBEDDING,
            name: "growth".into(),
            data: String::new(),
            command: String::new(),
            seed: 0,
            commit: String::new(),
            licence: String::new(),
            verdict: String::new(),
        };
        let builder = ModelBuilder {
            metadata,
            thresholds: Vec::new(),
            tensors: self.tensors,
            ops: self.ops,
            input: TensorIndex(0),
            output,
            outputs: Vec::new(),
            arena_bytes: place * PLACES as u32,
        };
        ModelFile::from_bytes(builder.build().expect("the model holds together"))
            .expect("it parses")
    }
}
