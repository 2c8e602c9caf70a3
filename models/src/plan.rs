//! When tensors live and where: every tensor is written once, read only while alive, and shares no arena byte with
//! another that lives at the same step.
//!
//! Every check looks a tensor's stated step up in the ops, or an op's tensors up in the list, so all but the arena check
//! take one pass. The arena check compares all pairs; 1024 tensors make half a million.

use crate::error::{FormatError, OpError};
use crate::op::Op;
use crate::tensor::{ElementType, Tensor, TensorIndex};
use crate::view::ModelView;

pub(crate) fn check(view: &ModelView<'_>) -> Result<(), FormatError> {
    check_endpoints(view)?;
    for (op, step) in (0..).zip(view.ops()) {
        check_op(view, op, &step).map_err(|error| FormatError::Op { op, error })?;
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
        if view.tensor(output).is_none() {
            let count = view.tensor_count();
            return Err(FormatError::EndpointMissing { tensor: output.0, count });
        }
    }
    let Tensor { shape, element, first, .. } = view.input();
    if shape.channels != 3 || element != ElementType::I8 {
        return Err(FormatError::InputTensor { channels: shape.channels, element });
    }
    if first != 0 {
        return Err(FormatError::FirstStep { tensor: input.0, first });
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

/// A tensor that op `index` writes must state this step as its first; one that it reads must be written before and
/// still alive.
fn check_op(view: &ModelView<'_>, index: u16, op: &Op<'_>) -> Result<(), OpError> {
    let step = index.saturating_add(1);
    let life = |index| view.tensor(index).map(|Tensor { first, last, .. }| (index.0, first, last));
    if let Some((tensor, first, _)) = life(op.output())
        && first != step
    {
        return Err(OpError::WrittenTwice { tensor, first });
    }
    let (input, second) = op.reads();
    for (tensor, first, last) in [Some(input), second].into_iter().flatten().filter_map(life) {
        if first >= step {
            return Err(OpError::ReadBeforeWritten { tensor, first });
        }
        if last < step {
            return Err(OpError::ReadAfterLast { tensor, last });
        }
    }
    Ok(())
}

/// The op at the tensor's first step must write it and the op at its last step must read it. With [`check_op`] for
/// all ops this makes both steps exact.
fn check_steps(
    view: &ModelView<'_>,
    index: TensorIndex,
    tensor: &Tensor,
) -> Result<(), FormatError> {
    let op_at = |step: u16| step.checked_sub(1).and_then(|op| view.op(op));
    let Tensor { first, last, .. } = *tensor;
    if index != view.input_index() && op_at(first).is_none_or(|op| op.output() != index) {
        return Err(FormatError::FirstStep { tensor: index.0, first });
    }
    let read = if view.outputs().any(|output| output.tensor == index) {
        usize::from(last) == view.op_count()
    } else {
        op_at(last).is_some_and(|op| op.reads().0 == index || op.reads().1 == Some(index))
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
