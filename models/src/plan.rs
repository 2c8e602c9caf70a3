//! When tensors live and where: every tensor is written once, read only while alive, and shares no arena byte with
//! another that lives at the same step. What the slices of a stream need of its bands is checked in `plan/slices.rs`.
//!
//! Every check looks a tensor's stated step up in the ops, or an op's tensors up in the list. The arena check compares all
//! pairs of tensors, that of steps all ops with all tensors: of 1024, half a million and a million.

mod slices;

use core::ops::Range;

use crate::error::{FormatError, OpError};
use crate::op::Op;
use crate::rows::Rows;
use crate::tensor::{ElementType, Tensor, TensorIndex};
use crate::view::ModelView;

pub(crate) fn check(view: &ModelView<'_>) -> Result<(), FormatError> {
    check_endpoints(view)?;
    let in_op = |op| move |error| FormatError::Op { op, error };
    let each = |ops: Range<u16>| ops.filter_map(|index| Some((index, view.op(index)?)));
    for (step, ops) in (1..).zip(view.steps()) {
        for (index, op) in each(ops.clone()) {
            check_op(view, step, ops.start..index, &op).map_err(in_op(index))?;
        }
    }
    for ops in view.steps() {
        for (index, op) in each(ops.clone()) {
            slices::check(view, &ops, &op).map_err(in_op(index))?;
        }
    }
    for (index, tensor) in (0..).zip(view.tensors()) {
        check_steps(view, TensorIndex(index), &tensor)?;
    }
    check_arena(view)
}

fn check_endpoints(view: &ModelView<'_>) -> Result<(), FormatError> {
    let input = view.input_index();
    for output in view.outputs().map(|output| output.tensor) {
        if input == output {
            return Err(FormatError::EndpointsEqual { tensor: input.0 });
        }
        let count = view.tensor_count();
        let missing = FormatError::EndpointMissing { tensor: output.0, count };
        if view.tensor(output).ok_or(missing)?.rows.is_band() {
            return Err(FormatError::EndpointInParts { tensor: output.0 });
        }
    }
    let Tensor { shape, element, first, rows, .. } = view.input();
    if shape.channels != 3 || element != ElementType::I8 {
        return Err(FormatError::InputTensor { channels: shape.channels, element });
    }
    if first != 0 {
        return Err(FormatError::FirstStep { tensor: input.0, first });
    }
    if rows != Rows::ALL {
        return Err(FormatError::EndpointInParts { tensor: input.0 });
    }
    let (stated, channels) = (view.metadata().embedding_len, view.output().shape.channels);
    if !view.is_embedding() {
        let outputs = view.outputs().count();
        if stated != 0 {
            return Err(FormatError::EmbeddingOrOutputs { stated, outputs });
        }
        let (plan, first) = (view.output_index(), view.outputs().next().map(|o| o.tensor));
        return match first {
            Some(first) if first != plan => {
                Err(FormatError::FirstOutput { plan: plan.0, first: first.0 })
            }
            _ => Ok(()),
        };
    }
    if stated != channels {
        return Err(FormatError::EmbeddingLength { stated, channels });
    }
    Ok(())
}

/// A tensor that an op of step `step` writes must state this step as its first; one that it reads must be written before
/// and still alive. Ops `before` run before it in each slice of the step.
fn check_op(
    view: &ModelView<'_>,
    step: u16,
    before: Range<u16>,
    op: &Op<'_>,
) -> Result<(), OpError> {
    let life = |index| view.tensor(index).map(|Tensor { first, last, .. }| (index, first, last));
    let written =
        |index| before.clone().filter_map(|op| view.op(op)).any(|op| op.output() == index);
    if let Some((tensor, first, _)) = life(op.output())
        && (first != step || written(tensor))
    {
        return Err(OpError::WrittenTwice { tensor: tensor.0, first });
    }
    let (input, second) = op.reads();
    for (tensor, first, last) in [Some(input), second].into_iter().flatten().filter_map(life) {
        if first > step || (first == step && !written(tensor)) {
            return Err(OpError::ReadBeforeWritten { tensor: tensor.0, first });
        }
        if last < step {
            return Err(OpError::ReadAfterLast { tensor: tensor.0, last });
        }
    }
    Ok(())
}

/// An op of the tensor's first step must write it and one of its last step must read it. With [`check_op`] for all ops
/// this makes both steps exact.
fn check_steps(
    view: &ModelView<'_>,
    index: TensorIndex,
    tensor: &Tensor,
) -> Result<(), FormatError> {
    let Tensor { first, last, rows, .. } = *tensor;
    let in_step = |step: u16, is: fn(&Op<'_>, TensorIndex) -> bool| {
        let ops = (1..).zip(view.steps()).find_map(|(at, ops)| (at == step).then_some(ops));
        ops.is_some_and(|mut ops| ops.any(|op| view.op(op).is_some_and(|op| is(&op, index))))
    };
    if index != view.input_index() && !in_step(first, |op, index| op.output() == index) {
        return Err(FormatError::FirstStep { tensor: index.0, first });
    }
    if rows.is_band() && first != last {
        return Err(FormatError::BandOutlivesStep { tensor: index.0, first, last });
    }
    let read = if view.outputs().any(|output| output.tensor == index) {
        usize::from(last) == view.steps().count()
    } else {
        in_step(last, |op, index| op.reads().0 == index || op.reads().1 == Some(index))
    };
    if read { Ok(()) } else { Err(FormatError::LastStep { tensor: index.0, last }) }
}

fn check_arena(view: &ModelView<'_>) -> Result<(), FormatError> {
    for (second, later) in (0_u16..).zip(view.tensors()) {
        for (first, earlier) in (0..second).zip(view.tensors()) {
            if earlier.collides(&later) {
                return Err(FormatError::ArenaOverlap { first, second });
            }
        }
    }
    Ok(())
}
