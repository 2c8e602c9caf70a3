//! Random networks and images for tests: real shapes and statistics, no training.

use super::{BatchNorm, Conv2d, Executor, FullyConnected, Graph, Input, NodeId, Op};
use model_format::ColourOrder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::OnceLock;

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Normal values by Box and Muller.
pub(crate) fn normal(rng: &mut ChaCha8Rng, count: usize, deviation: f32) -> Vec<f32> {
    let mut value = || {
        let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
        deviation * radius * (core::f32::consts::TAU * rng.random::<f32>()).cos()
    };
    (0..count).map(|_| value()).collect()
}

fn uniform(rng: &mut ChaCha8Rng, count: usize, low: f32, high: f32) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(low..high)).collect()
}

/// Smooth colour patterns, HWC RGB: a few waves of random direction and length a channel.
pub(crate) fn images(count: usize, height: usize, width: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut rng = rng(seed);
    let mut image = || {
        let mut rgb = vec![0; height * width * 3];
        for channel in 0..3 {
            let waves: Vec<_> =
                (0..5).map(|_| [(); 4].map(|()| rng.random_range(-1.0_f32..1.0))).collect();
            for (i, byte) in rgb.iter_mut().skip(channel).step_by(3).enumerate() {
                let (y, x) = ((i / width) as f32, (i % width) as f32);
                let wave = |w: &[f32; 4]| w[3] * (0.5 * (w[0] * y + w[1] * x) + 6.0 * w[2]).sin();
                *byte = (127.5 + 60.0 * waves.iter().map(wave).sum::<f32>()) as u8;
            }
        }
        rgb
    };
    (0..count).map(|_| image()).collect()
}

/// Builds a graph node by node; normalisations take the statistics that their operand really has on random images,
/// as they would after training.
pub(crate) struct Builder {
    pub(crate) graph: Graph,
    rng: ChaCha8Rng,
}

impl Builder {
    pub(crate) fn new(height: usize, width: usize, seed: u64) -> Self {
        let graph = Graph::new(Input {
            height,
            width,
            colour: ColourOrder::Rgb,
            mean: [127.5; 3],
            scale: [1.0 / 127.5; 3],
        });
        let rng = rng(seed);
        Self { graph, rng }
    }

    fn name(&self, kind: &str) -> String {
        format!("{kind}_{}", self.graph.nodes.len())
    }

    fn channels(&self, x: NodeId) -> usize {
        self.graph.check().expect("every test graph is well formed")[x.0].channels
    }

    fn window(&mut self, x: NodeId, outs: usize, groups: usize, window: [usize; 3]) -> NodeId {
        let [kernel, stride, padding] = window;
        let in_per_group = self.channels(x) / groups;
        let taps = kernel * kernel * in_per_group;
        let conv = Conv2d {
            weight: normal(&mut self.rng, outs * taps, (2.0 / taps as f32).sqrt()),
            bias: None,
            out_channels: outs,
            in_per_group,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 4],
            groups,
        };
        let name = self.name(if groups == 1 { "conv" } else { "depthwise" });
        self.graph.push(name, Op::Conv2d(conv), [x])
    }

    pub(crate) fn conv(
        &mut self,
        x: NodeId,
        outs: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> NodeId {
        self.window(x, outs, 1, [kernel, stride, padding])
    }

    pub(crate) fn depthwise(
        &mut self,
        x: NodeId,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> NodeId {
        let channels = self.channels(x);
        self.window(x, channels, channels, [kernel, stride, padding])
    }

    pub(crate) fn norm(&mut self, x: NodeId) -> NodeId {
        let channels = self.channels(x);
        let mut statistics = vec![(0.0_f64, 0.0_f64); channels];
        let mut pixels = 0.0;
        let executor = Executor::new(&self.graph).expect("every test graph is well formed");
        let Input { height, width, .. } = self.graph.input;
        // Behind a global convolution an image is one sample, so it takes several; large images take long.
        let count = if height * width <= 1024 { 32 } else { 8 };
        for image in images(count, height, width, 99) {
            let observed = executor.activations(&image, |id, values| {
                if id == x {
                    for pixel in values.chunks_exact(channels) {
                        pixels += 1.0;
                        for (sums, value) in statistics.iter_mut().zip(pixel) {
                            sums.0 += f64::from(*value);
                            sums.1 += f64::from(*value).powi(2);
                        }
                    }
                }
            });
            observed.expect("the image has the input's size");
        }
        let mean = |sums: &(f64, f64)| sums.0 / pixels;
        let variance = |sums: &(f64, f64)| (sums.1 / pixels - mean(sums).powi(2)).max(1e-3) as f32;
        let norm = BatchNorm {
            gamma: uniform(&mut self.rng, channels, 0.5, 1.5),
            beta: normal(&mut self.rng, channels, 0.3),
            mean: statistics.iter().map(|sums| mean(sums) as f32).collect(),
            variance: statistics.iter().map(variance).collect(),
            epsilon: 1e-5,
        };
        let name = self.name("norm");
        self.graph.push(name, Op::BatchNorm(norm), [x])
    }

    pub(crate) fn prelu(&mut self, x: NodeId) -> NodeId {
        let channels = self.channels(x);
        let slope = uniform(&mut self.rng, channels, -0.1, 0.5);
        let name = self.name("prelu");
        self.graph.push(name, Op::Prelu { slope }, [x])
    }

    pub(crate) fn relu(&mut self, x: NodeId) -> NodeId {
        let name = self.name("relu");
        self.graph.push(name, Op::Relu, [x])
    }

    pub(crate) fn add(&mut self, left: NodeId, right: NodeId) -> NodeId {
        let name = self.name("add");
        self.graph.push(name, Op::Add, [left, right])
    }

    pub(crate) fn dense(&mut self, x: NodeId, outs: usize) -> NodeId {
        let ins = self.graph.check().expect("every test graph is well formed")[x.0].elements();
        let dense = FullyConnected {
            weight: normal(&mut self.rng, ins * outs, (1.0 / ins as f32).sqrt()),
            bias: Some(normal(&mut self.rng, outs, 0.1)),
            out_features: outs,
        };
        let name = self.name("dense");
        self.graph.push(name, Op::FullyConnected(dense), [x])
    }

    /// Convolution, normalisation, PReLU.
    pub(crate) fn block(&mut self, x: NodeId) -> NodeId {
        let x = self.norm(x);
        self.prelu(x)
    }

    /// Expand, depthwise, project; a residual where shapes allow. `t` is the expansion's width.
    fn bottleneck(&mut self, x: NodeId, t: usize, outs: usize, stride: usize) -> NodeId {
        let channels = self.channels(x);
        let y = self.conv(x, t * channels, 1, 1, 0);
        let y = self.block(y);
        let y = self.depthwise(y, 3, stride, 1);
        let y = self.block(y);
        let y = self.conv(y, outs, 1, 1, 0);
        let y = self.norm(y);
        if stride == 1 && outs == channels { self.add(x, y) } else { y }
    }

    /// Global depthwise convolution, then the embedding.
    pub(crate) fn head(&mut self, x: NodeId, kernel: usize, embedding: usize) {
        let x = self.depthwise(x, kernel, 1, 0);
        let x = self.norm(x);
        let x = self.dense(x, embedding);
        self.norm(x);
    }
}

/// One of each layer of a MobileFaceNet, 12x12 pixels, 16 outputs.
pub(crate) fn small(seed: u64) -> Graph {
    let mut builder = Builder::new(12, 12, seed);
    let x = builder.conv(NodeId(0), 8, 3, 2, 1);
    let x = builder.block(x);
    let x = builder.depthwise(x, 3, 1, 1);
    let x = builder.block(x);
    let x = builder.bottleneck(x, 2, 8, 1);
    let x = builder.bottleneck(x, 2, 8, 2);
    builder.head(x, 3, 16);
    builder.graph
}

/// Table 1 of arXiv 1804.07573, 112x112, 128 outputs; expansion factors as printed there. Built once: it takes seconds.
pub(crate) fn mobilefacenet() -> &'static Graph {
    static GRAPH: OnceLock<Graph> = OnceLock::new();
    GRAPH.get_or_init(build_mobilefacenet)
}

fn build_mobilefacenet() -> Graph {
    let mut builder = Builder::new(112, 112, 1);
    let x = builder.conv(NodeId(0), 64, 3, 2, 1);
    let x = builder.block(x);
    let x = builder.depthwise(x, 3, 1, 1);
    let mut x = builder.block(x);
    for (t, outs, repeats, stride) in
        [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)]
    {
        for repeat in 0..repeats {
            x = builder.bottleneck(x, t, outs, if repeat == 0 { stride } else { 1 });
        }
    }
    let x = builder.conv(x, 512, 1, 1, 0);
    let x = builder.block(x);
    builder.head(x, 7, 128);
    builder.graph
}
