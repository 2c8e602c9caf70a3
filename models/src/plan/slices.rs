//! What each slice of a step needs is there: an op's rows are made from rows that are made already and not given up, and
//! the last slice leaves none unmade.
//!
//! Every slice is played through, which takes less than running it.

use core::ops::Range;

use crate::error::OpError;
use crate::op::Op;
use crate::rows::Rows;
use crate::tensor::{Tensor, TensorIndex};
use crate::view::ModelView;

/// Checks `op`, one of those of `step`.
pub(super) fn check(view: &ModelView<'_>, step: &Range<u16>, op: &Op<'_>) -> Result<(), OpError> {
    let Some(output) = view.tensor(op.output()) else {
        return Ok(());
    };
    let (input, second) = op.reads();
    let operands = [Some(input), second].map(|index| {
        let index = index?;
        Some((index, view.tensor(index)?)).filter(|(_, tensor)| tensor.rows.is_band())
    });
    check_kind(op, &output, operands.map(|operand| operand.map(|(index, _)| index)))?;
    let slices = view.slices(step);
    for slice in 0..slices {
        let made = output.new_rows(slice);
        if made.is_empty() {
            continue;
        }
        let [input, second] = operands;
        if let Some((TensorIndex(tensor), band)) = input {
            let needed = op.input_rows(made.clone(), band.shape.height);
            check_held(tensor, slice, &needed, &band.rows_in_arena(slice))?;
        }
        if let Some((TensorIndex(tensor), band)) = second {
            check_held(tensor, slice, &made, &band.rows_in_arena(slice))?;
        }
    }
    let (height, TensorIndex(tensor)) = (output.shape.height, op.output());
    match output.rows.made(height, slices.saturating_sub(1)) {
        made if made < height => Err(OpError::RowsUnmade { tensor, made, height, slices }),
        _ => Ok(()),
    }
}

/// An op that does not run in slices, and the gate of one that does, take and make whole tensors.
fn check_kind(
    op: &Op<'_>,
    output: &Tensor,
    [input, second]: [Option<TensorIndex>; 2],
) -> Result<(), OpError> {
    let in_parts = (output.rows != Rows::ALL).then_some(op.output());
    let refused = match op {
        Op::ScaleChannels(_) => second,
        op if op.runs_in_slices() => None,
        _ => in_parts.or(input).or(second),
    };
    refused.map_or(Ok(()), |TensorIndex(tensor)| Err(OpError::NotInSlices { tensor }))
}

fn check_held(
    tensor: u16,
    slice: u16,
    needed: &Range<u16>,
    held: &Range<u16>,
) -> Result<(), OpError> {
    if held.start <= needed.start && needed.end <= held.end {
        Ok(())
    } else {
        let [needed, held] = [needed, held].map(|rows| [rows.start, rows.end]);
        Err(OpError::RowsNotHeld { tensor, slice, needed, held })
    }
}
