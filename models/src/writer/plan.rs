//! Another plan for a finished file: which ops run together, in which slices, and where the tensors lie. What the network
//! computes stays, and so do its id and every result.
//!
//! ```text
//! Network::of(view) ─ step, stream ─> steps ─ tensors ─> lives, rows ─ (places) ─> replanned ─> file
//! ```
//!
//! Which steps are worth while, and where tensors lie, is left to the caller.

use core::ops::Range;
use std::vec::Vec;

use super::{WriteError, reseal};
use crate::ModelFile;
use crate::header::{self, HEADER};
use crate::op::Op;
use crate::record::{put, to_usize};
use crate::rows::{MAX_SLICES, Rows};
use crate::signature::BLOCK;
use crate::tensor::{TENSOR_RECORD, Tensor, TensorIndex};
use crate::view::ModelView;

/// Ops that run together, and how each makes its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The ops, counted from 0.
    pub ops: Range<usize>,
    /// How the rows of each op's output are made.
    pub rows: Vec<Rows>,
}

/// A network as planning sees it.
#[derive(Clone, Debug)]
pub struct Network<'a> {
    /// All ops in the order in which they run.
    pub ops: Vec<Op<'a>>,
    /// All tensors. Lives, rows and places are those of the file.
    pub tensors: Vec<Tensor>,
    /// For each tensor, the ops that read it.
    pub readers: Vec<Vec<usize>>,
    /// Tensors that the caller reads after the last op.
    pub outputs: Vec<TensorIndex>,
}

impl<'a> Network<'a> {
    /// The network of a file, whatever its plan is.
    #[must_use]
    pub fn of(view: &ModelView<'a>) -> Self {
        let ops: Vec<Op<'a>> = view.ops().collect();
        let reads = |op: &Op<'_>, tensor| op.reads().0 == tensor || op.reads().1 == Some(tensor);
        let readers = |(index, _)| {
            let readers = ops.iter().enumerate().filter(|(_, op)| reads(op, TensorIndex(index)));
            readers.map(|(at, _)| at).collect()
        };
        Self {
            readers: (0..).zip(view.tensors()).map(readers).collect(),
            tensors: view.tensors().collect(),
            outputs: view.outputs().map(|output| output.tensor).collect(),
            ops,
        }
    }

    /// The step of one op that runs by itself.
    #[must_use]
    pub fn step(&self, op: usize) -> Step {
        Step { ops: op..op.saturating_add(1), rows: std::vec![Rows::ALL] }
    }

    /// The stream of these ops that makes `pace` rows of its last output in `every` slices, with bands as small as that
    /// allows. `None` where they can't run together: an op needs a whole tensor, or one of their tensors is read elsewhere,
    /// or there would be more than [`MAX_SLICES`].
    #[must_use]
    pub fn stream(&self, ops: Range<usize>, pace: u16, every: u16) -> Option<Step> {
        let last = Rows { held: 0, lead: pace, pace, every };
        let slices = last.slices(self.output(ops.end.checked_sub(1)?)?.shape.height);
        let slices = u16::try_from(slices).ok().filter(|&slices| slices <= MAX_SLICES)?;
        if pace == 0 || every == 0 || !self.ops.get(ops.clone())?.iter().all(Op::runs_in_slices) {
            return None;
        }
        // From the last to the first: each makes what those behind it ask for.
        let mut rows = std::vec![last];
        for op in ops.clone().rev().skip(1) {
            let behind = op.saturating_add(1)..ops.end;
            rows.insert(0, self.band(op, &behind, &rows, slices)?);
        }
        Some(Step { ops, rows })
    }

    /// The band between `op` and those `behind` it, the rows of whose outputs are known.
    fn band(&self, op: usize, behind: &Range<usize>, rows: &[Rows], slices: u16) -> Option<Rows> {
        let tensor = self.ops.get(op)?.output();
        let height = self.tensor(tensor)?.shape.height;
        let readers = self.readers.get(usize::from(tensor.0))?;
        if readers.is_empty() || self.outputs.contains(&tensor) {
            return None;
        }
        let mut asked = Vec::new();
        // The fastest reader's pace.
        let (mut pace, mut every) = (0_u64, 1_u64);
        for &reader in readers {
            let rows = rows.get(reader.checked_sub(behind.start)?)?;
            let (op, output) = (self.ops.get(reader)?, self.output(reader)?);
            let (first, second) = op.reads();
            if second == Some(tensor) && matches!(op, Op::ScaleChannels(_)) {
                return None;
            }
            let reads = |made: Range<u16>| match first == tensor {
                true => op.input_rows(made, height),
                false => made,
            };
            for slice in 0..slices {
                let made = rows.of_slice(output.shape.height, slice);
                if !made.is_empty() {
                    asked.push((slice, reads(made)));
                }
            }
            let window = op.window().filter(|_| first == tensor);
            let stride = window.map_or(1, |window| window.stride[0]);
            let wanted =
                (u64::from(rows.pace).saturating_mul(stride.into()), u64::from(rows.every));
            if wanted.0.saturating_mul(every) > pace.saturating_mul(wanted.1) {
                (pace, every) = wanted;
            }
        }
        let common = greatest_common_divisor(pace, every);
        let (pace, every) = (pace.checked_div(common)?, every.checked_div(common)?);
        // All rows are made in the last slice, whether they are read or not.
        let ends = asked.iter().map(|(slice, asked)| (*slice, asked.end));
        let lead = ends.chain([(slices.saturating_sub(1), height)]).map(|(slice, end)| {
            let wanted = u64::from(end).saturating_mul(every);
            wanted.saturating_sub(u64::from(slice).saturating_mul(pace))
        });
        let lead = lead.max().unwrap_or_default();
        let [lead, pace, every] = [lead, pace, every].map(|number| u16::try_from(number).ok());
        let rows = Rows { held: 0, lead: lead?, pace: pace?, every: every? };
        let kept = asked
            .into_iter()
            .map(|(slice, asked)| rows.made(height, slice).saturating_sub(asked.start));
        let made = (0..slices).map(|slice| {
            let new = rows.of_slice(height, slice);
            new.end.saturating_sub(new.start)
        });
        // A rate that is no whole number may make a row more in later slices than in these.
        let most = rows.pace.div_ceil(rows.every).min(height);
        let held = kept.chain(made).max().unwrap_or_default().max(most);
        Some(Rows { held, ..rows })
    }

    /// The tensors of a plan of these steps, which are all ops in their order: with lives and rows, not yet placed.
    #[must_use]
    pub fn tensors(&self, steps: &[Step]) -> Vec<Tensor> {
        let mut tensors = self.tensors.clone();
        for tensor in &mut tensors {
            *tensor = Tensor { rows: Rows::ALL, first: 0, last: 0, offset: 0, ..*tensor };
        }
        let end = u16::try_from(steps.len()).unwrap_or(u16::MAX);
        for (at, step) in (1..).zip(steps) {
            let ops = self.ops.get(step.ops.clone()).unwrap_or_default();
            for (op, &rows) in ops.iter().zip(&step.rows) {
                let (first, second) = op.reads();
                for TensorIndex(read) in [Some(first), second].into_iter().flatten() {
                    if let Some(tensor) = tensors.get_mut(usize::from(read)) {
                        tensor.last = at;
                    }
                }
                if let Some(tensor) = tensors.get_mut(usize::from(op.output().0)) {
                    *tensor = Tensor { rows, first: at, last: at, ..*tensor };
                }
            }
        }
        for TensorIndex(output) in &self.outputs {
            if let Some(tensor) = tensors.get_mut(usize::from(*output)) {
                tensor.last = end;
            }
        }
        tensors
    }

    fn tensor(&self, TensorIndex(index): TensorIndex) -> Option<&Tensor> {
        self.tensors.get(usize::from(index))
    }

    fn output(&self, op: usize) -> Option<&Tensor> {
        self.tensor(self.ops.get(op)?.output())
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    match a.checked_rem(b) {
        None => a,
        Some(rest) => greatest_common_divisor(b, rest),
    }
}

/// The file of `view` with its tensors replaced by `tensors`, which say when they live and where they lie in an arena of
/// `arena_bytes`. A signature is left out: it is not of this file.
///
/// # Errors
/// [`WriteError::Format`] with the parser's reason if the plan does not hold together.
pub fn replanned(
    view: &ModelView<'_>,
    tensors: &[Tensor],
    arena_bytes: u32,
) -> Result<Vec<u8>, WriteError> {
    let mut file = view.bytes().to_vec();
    if view.signature().is_some() {
        file.truncate(file.len().saturating_sub(BLOCK));
    }
    let total = super::layout::offset(file.len())?;
    let mut at = 0;
    if let Some(header) = file.first_chunk_mut::<HEADER>() {
        use header::field;
        put::<{ field::TOTAL }, _, _>(header, total.to_le_bytes());
        put::<{ field::SIGNATURE }, _, _>(header, [0; 4]);
        put::<{ field::ARENA }, _, _>(header, arena_bytes.to_le_bytes());
        at = to_usize(crate::record::u32_at::<{ field::TENSORS }, _>(header));
    }
    let records = file.get_mut(at..).unwrap_or_default().as_chunks_mut::<TENSOR_RECORD>().0;
    for (record, tensor) in records.iter_mut().take(view.tensor_count()).zip(tensors) {
        *record = tensor.encode();
    }
    reseal(&mut file);
    ModelFile::from_bytes(&file)?;
    Ok(file)
}
