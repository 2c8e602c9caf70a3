//! The operations on the CPU backend with gradients: what each forward keeps, and its backward step.

use super::flex::{
    batch_norm_forward, contiguous, depthwise_forward, dims, global_depthwise_forward, matrix_dims,
    nhwc, pointwise_forward, statistics_tensor, stem_forward, tensor, values,
};
use super::{FaceOps, batch_norm, depthwise, global_depthwise, pointwise, stem};
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};
use std::sync::Arc;

/// A convolution whose backward needs its input, its weights and a setting `S`.
trait ConvGradient: core::fmt::Debug + Send + Sync + 'static {
    type Setting: Clone + core::fmt::Debug + Send + Sync + 'static;
    /// `(dx, dw)`; no `dx` where the input takes none.
    fn gradient(
        x: &FlexTensor,
        w: &FlexTensor,
        dy: &FlexTensor,
        setting: &Self::Setting,
    ) -> (Option<FlexTensor>, FlexTensor);
}

#[derive(Debug)]
struct Step<G>(core::marker::PhantomData<G>);

impl<G: ConvGradient> Backward<Flex, 2> for Step<G> {
    type State = (FlexTensor, FlexTensor, G::Setting);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x_node, w_node] = ops.parents;
        let dy = contiguous(grads.consume::<Flex>(&ops.node));
        let (x, w, setting) = ops.state;
        let (dx, dw) = G::gradient(&x, &w, &dy, &setting);
        if let (Some(node), Some(dx)) = (x_node, dx) {
            grads.register::<Flex>(node.id, dx);
        }
        if let Some(node) = w_node {
            grads.register::<Flex>(node.id, dw);
        }
    }
}

/// Runs a convolution forward and records its backward step.
fn record<G: ConvGradient, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    w: FloatTensor<Autodiff<Flex, C>>,
    setting: G::Setting,
    forward: impl FnOnce(&FlexTensor, &FlexTensor) -> FlexTensor,
) -> FloatTensor<Autodiff<Flex, C>> {
    let ((x, x_node), (w, w_node)) = (x.into_parts(), w.into_parts());
    let (x, w) = (contiguous(x), contiguous(w));
    let y = forward(&x, &w);
    match Step::<G>(core::marker::PhantomData)
        .prepare::<C>([x_node, w_node])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(step) => step.finish((x, w, setting), y),
        OpsKind::UnTracked(step) => step.finish(y),
    }
}

#[derive(Debug)]
struct Pointwise;
impl ConvGradient for Pointwise {
    type Setting = ();
    fn gradient(
        x: &FlexTensor,
        w: &FlexTensor,
        dy: &FlexTensor,
        (): &(),
    ) -> (Option<FlexTensor>, FlexTensor) {
        let [outputs, inputs] = matrix_dims(w);
        let (dx, dw) = pointwise::backward(values(x), values(w), values(dy), inputs, outputs);
        (Some(tensor(dx, dims(x))), tensor(dw, dims(w)))
    }
}

#[derive(Debug)]
struct Depthwise;
impl ConvGradient for Depthwise {
    type Setting = usize;
    fn gradient(
        x: &FlexTensor,
        w: &FlexTensor,
        dy: &FlexTensor,
        stride: &usize,
    ) -> (Option<FlexTensor>, FlexTensor) {
        let (dx, dw) = depthwise::backward(values(x), values(w), values(dy), nhwc(x), *stride);
        (Some(tensor(dx, dims(x))), tensor(dw, dims(w)))
    }
}

#[derive(Debug)]
struct GlobalDepthwise;
impl ConvGradient for GlobalDepthwise {
    type Setting = ();
    fn gradient(
        x: &FlexTensor,
        w: &FlexTensor,
        dy: &FlexTensor,
        (): &(),
    ) -> (Option<FlexTensor>, FlexTensor) {
        let (dx, dw) =
            global_depthwise::backward(values(x), values(w), values(dy), nhwc(x).channels);
        (Some(tensor(dx, dims(x))), tensor(dw, dims(w)))
    }
}

#[derive(Debug)]
struct Stem;
impl ConvGradient for Stem {
    type Setting = ();
    fn gradient(
        x: &FlexTensor,
        w: &FlexTensor,
        dy: &FlexTensor,
        (): &(),
    ) -> (Option<FlexTensor>, FlexTensor) {
        let [outputs, _] = matrix_dims(w);
        let dw = stem::backward(values(x), values(dy), nhwc(x), outputs);
        (None, tensor(dw, dims(w)))
    }
}

#[derive(Debug)]
struct BatchNorm;

/// What the backward of a normalization needs.
#[derive(Clone, Debug)]
struct BatchNormState {
    x: FlexTensor,
    gamma: FlexTensor,
    slope: Option<FlexTensor>,
    statistics: Arc<batch_norm::Statistics>,
}

impl Backward<Flex, 4> for BatchNorm {
    type State = BatchNormState;

    fn backward(
        self,
        ops: Ops<BatchNormState, 4>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x_node, gamma_node, beta_node, slope_node] = ops.parents;
        let dy = contiguous(grads.consume::<Flex>(&ops.node));
        let BatchNormState { x, gamma, slope, statistics } = ops.state;
        let slope_values = slope.as_ref().map(values);
        let g = batch_norm::backward(
            values(&x),
            values(&dy),
            values(&gamma),
            slope_values,
            &statistics,
        );
        let channels = g.gamma.len();
        // Without PReLU, `slope` is the bias under another name and must not take a gradient.
        let slope_node = slope_node.filter(|_| slope.is_some());
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, tensor(g.x, dims(&x)));
        }
        for (node, gradient) in [(gamma_node, g.gamma), (beta_node, g.beta), (slope_node, g.slope)]
        {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, tensor(gradient, [channels]));
            }
        }
    }
}

impl<C: CheckpointStrategy> FaceOps for Autodiff<Flex, C> {
    fn pointwise(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<Pointwise, C>(x, w, (), pointwise_forward)
    }

    fn depthwise(x: FloatTensor<Self>, w: FloatTensor<Self>, stride: usize) -> FloatTensor<Self> {
        record::<Depthwise, C>(x, w, stride, |x, w| depthwise_forward(x, w, stride))
    }

    fn global_depthwise(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<GlobalDepthwise, C>(x, w, (), global_depthwise_forward)
    }

    fn stem(x: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<Stem, C>(x, w, (), stem_forward)
    }

    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        slope: FloatTensor<Self>,
        prelu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let ((x, x_node), (gamma, gamma_node)) = (x.into_parts(), gamma.into_parts());
        let ((beta, beta_node), (slope, slope_node)) = (beta.into_parts(), slope.into_parts());
        let (x, gamma, beta) = (contiguous(x), contiguous(gamma), contiguous(beta));
        let slope = prelu.then(|| contiguous(slope));
        let (y, statistics) = batch_norm_forward(&x, &gamma, &beta, slope.as_ref());
        let both = Self::from_inner(statistics_tensor(&statistics));
        let y = match BatchNorm
            .prepare::<C>([x_node, gamma_node, beta_node, slope_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(step) => {
                let statistics = Arc::new(statistics);
                step.finish(BatchNormState { x, gamma, slope, statistics }, y)
            }
            OpsKind::UnTracked(step) => step.finish(y),
        };
        (y, both)
    }
}
