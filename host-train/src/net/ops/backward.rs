//! The operations on the CPU backend with gradients: what each forward keeps, and its backward step.

use super::flex::{
    batch_norm_forward, channels, clipped, contiguous, dims, requantized, statistics_tensor,
    tensor, values,
};
use super::requantize::{self, Steps};
use super::{ConvKind, FaceOps, Moments, batch_norm, clip, convolution};
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};
use std::sync::Arc;

#[derive(Debug)]
struct Convolution;

impl Backward<Flex, 2> for Convolution {
    type State = (FlexTensor, FlexTensor, ConvKind);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x_node, w_node] = ops.parents;
        let dy = contiguous(grads.consume::<Flex>(&ops.node));
        let (x, w, kind) = ops.state;
        let (dx, dw) = convolution::backward(&x, &w, &dy, kind, x_node.is_some());
        if let (Some(node), Some(dx)) = (x_node, dx) {
            grads.register::<Flex>(node.id, dx);
        }
        if let Some(node) = w_node {
            grads.register::<Flex>(node.id, dw);
        }
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

#[derive(Debug)]
struct Clip;

impl Backward<Flex, 1> for Clip {
    type State = (FlexTensor, [f32; 2]);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = contiguous(grads.consume::<Flex>(&ops.node));
        let ([node], (x, limits)) = (ops.parents, ops.state);
        if let Some(node) = node {
            let dx = clip::backward(values(&x), values(&dy), limits);
            grads.register::<Flex>(node.id, tensor(dx, dims(&x)));
        }
    }
}

#[derive(Debug)]
struct Requantize;

impl Backward<Flex, 5> for Requantize {
    type State = ([FlexTensor; 5], Steps);

    fn backward(
        self,
        ops: Ops<Self::State, 5>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = contiguous(grads.consume::<Flex>(&ops.node));
        let (tensors, steps) = ops.state;
        let [sums, .., residual] = tensors.each_ref().map(values);
        let g = requantize::backward(sums, channels(&tensors), residual, steps, values(&dy));
        let [sums_node, bias_node, positive_node, negative_node, residual_node] = ops.parents;
        // Without a factor, the residual is the sums under another name.
        for (node, gradient) in [(sums_node, Some(g.sums)), (residual_node, g.residual)] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, tensor(gradient, dims(&dy)));
            }
        }
        for (node, gradient) in
            [(bias_node, g.bias), (positive_node, g.positive), (negative_node, g.negative)]
        {
            if let Some(node) = node {
                let count = gradient.len();
                grads.register::<Flex>(node.id, tensor(gradient, [count]));
            }
        }
    }
}

impl<C: CheckpointStrategy> FaceOps for Autodiff<Flex, C> {
    fn convolution(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        kind: ConvKind,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (w, w_node)) = (x.into_parts(), w.into_parts());
        let (x, w) = (contiguous(x), contiguous(w));
        let y = convolution::forward(&x, &w, kind);
        match Convolution.prepare::<C>([x_node, w_node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, w, kind), y),
            OpsKind::UnTracked(step) => step.finish(y),
        }
    }

    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        slope: FloatTensor<Self>,
        prelu: bool,
        moments: Moments,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let ((x, x_node), (gamma, gamma_node)) = (x.into_parts(), gamma.into_parts());
        let ((beta, beta_node), (slope, slope_node)) = (beta.into_parts(), slope.into_parts());
        let (x, gamma, beta) = (contiguous(x), contiguous(gamma), contiguous(beta));
        let slope = prelu.then(|| contiguous(slope));
        let (y, statistics) = batch_norm_forward(&x, &gamma, &beta, slope.as_ref(), moments);
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

    fn clip(x: FloatTensor<Self>, limits: [f32; 2]) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = contiguous(x);
        let y = clipped(&x, limits);
        match Clip.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x, limits), y),
            OpsKind::UnTracked(step) => step.finish(y),
        }
    }

    fn requantize(
        sums: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: FloatTensor<Self>,
        negative: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self> {
        let ((sums, sums_node), (residual, residual_node)) =
            (sums.into_parts(), residual.into_parts());
        let (bias, bias_node) = bias.into_parts();
        let (positive, positive_node) = positive.into_parts();
        let (negative, negative_node) = negative.into_parts();
        let nodes = [sums_node, bias_node, positive_node, negative_node, residual_node];
        let tensors = [sums, bias, positive, negative, residual].map(contiguous);
        let y = requantized(&tensors, steps);
        match Requantize.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((tensors, steps), y),
            OpsKind::UnTracked(step) => step.finish(y),
        }
    }
}
