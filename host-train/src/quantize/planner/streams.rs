//! Which ops run together: the plan of a finished file, chosen for speed or for a small arena.
//!
//! ```text
//! ops       0   1   2   3   4   5   6   7  ..
//! steps   | 0 - 4             | 5   6   7    streams hold a few rows of what passes between their ops,
//!           whole tensors only ^  and here   single ops whole tensors
//! ```
//!
//! Ops that run one by one are the fastest, and keep most in the arena. In a stream an op runs many times, and brings its
//! weights into the processor's order each time. What a step needs depends on its own ops alone: on the whole tensors that
//! are alive there, and on its bands. So the cheapest steps within a limit, and the least limit, are each found by going
//! through the ops once from the last to the first, with every step that may begin there.

use super::{ALIGNMENT, Lifetime, plan};
use model_format::ModelFile;
use model_format::writer::WriteError;
use model_format::writer::plan::{Network, Step, replanned};

/// What a plan is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// Ops one by one: the fastest.
    #[default]
    Speed,
    /// The smallest arena that is found.
    Memory,
    /// The fastest plan with an arena of at most so many bytes.
    Within(usize),
}

/// Why there is no such plan.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// No plan is that small.
    #[error(
        "this network cannot run in an arena of {limit} bytes: the smallest plan takes {least}"
    )]
    ArenaLimit {
        /// Bytes asked for.
        limit: usize,
        /// Bytes of the smallest plan that was found.
        least: usize,
    },
    /// The file can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The most ops of a stream. Each holds a few more rows than the one behind it, so long ones do not pay.
const LONGEST: usize = 32;

/// What it costs to run an op once more, in bytes of weights brought into order: measured on AVX-512.
const CALL: usize = 6144;

/// Limits below the one asked for that are tried when the tensors do not fit as tightly as they could.
const TRIES: usize = 16;

/// The same network with another plan: the same id and the same results. A signature is left out, for the bytes differ.
///
/// # Errors
/// [`PlanError::ArenaLimit`].
pub fn replan(file: &ModelFile, goal: Goal) -> Result<ModelFile, PlanError> {
    let view = file.view();
    let planner = Planner::new(Network::of(&view));
    let placed = match goal {
        Goal::Speed => planner.placed(&planner.one_by_one()),
        Goal::Memory => planner.smallest(),
        Goal::Within(limit) => planner.within(limit)?,
    };
    let arena = u32::try_from(placed.arena_bytes);
    let arena = arena.map_err(|_| too_large(placed.arena_bytes))?;
    let bytes = replanned(&view, &placed.tensors, arena)?;
    Ok(ModelFile::from_bytes(bytes).map_err(WriteError::Format)?)
}

fn too_large(bytes: usize) -> WriteError {
    WriteError::FileTooLarge { bytes, limit: u32::MAX }
}

/// A plan with every tensor in its place.
struct Placed {
    tensors: Vec<model_format::Tensor>,
    arena_bytes: usize,
}

/// A step that a plan may have.
struct Candidate {
    step: Step,
    /// Bytes alive during it.
    bytes: usize,
    /// What is done beyond running each op once, in bytes.
    cost: usize,
}

struct Planner<'a> {
    network: Network<'a>,
    /// For each tensor, the op that writes it; none for the image.
    writers: Vec<Option<usize>>,
    /// For each tensor, the last op that reads it; of an output, the number of ops.
    last: Vec<usize>,
}

impl<'a> Planner<'a> {
    fn new(network: Network<'a>) -> Self {
        let mut writers = vec![None; network.tensors.len()];
        for (at, op) in network.ops.iter().enumerate() {
            writers[usize::from(op.output().0)] = Some(at);
        }
        let last = |readers: &Vec<usize>| readers.last().copied().unwrap_or(0);
        let mut last: Vec<usize> = network.readers.iter().map(last).collect();
        for output in &network.outputs {
            last[usize::from(output.0)] = network.ops.len();
        }
        Self { network, writers, last }
    }

    fn ops(&self) -> usize {
        self.network.ops.len()
    }

    fn one_by_one(&self) -> Vec<Step> {
        (0..self.ops()).map(|op| self.network.step(op)).collect()
    }

    fn placed(&self, steps: &[Step]) -> Placed {
        let mut tensors = self.network.tensors(steps);
        let lifetime = |tensor: &model_format::Tensor| Lifetime {
            bytes: tensor.byte_len(),
            first: tensor.first.into(),
            last: tensor.last.into(),
        };
        let plan = plan(&tensors.iter().map(lifetime).collect::<Vec<_>>());
        for (tensor, offset) in tensors.iter_mut().zip(plan.offsets) {
            // What lies beyond is refused with the arena's size.
            tensor.offset = u32::try_from(offset).unwrap_or(u32::MAX);
        }
        Placed { tensors, arena_bytes: plan.arena_bytes }
    }

    fn smallest(&self) -> Placed {
        let steps = self.cheapest(self.least_bytes());
        self.placed(&steps.expect("what needs the fewest bytes fits them"))
    }

    fn within(&self, limit: usize) -> Result<Placed, PlanError> {
        let mut bytes = limit;
        for _ in 0..TRIES {
            let Some(placed) = self.cheapest(bytes).map(|steps| self.placed(&steps)) else {
                break;
            };
            if placed.arena_bytes <= limit {
                return Ok(placed);
            }
            bytes = bytes.saturating_sub(placed.arena_bytes - limit);
        }
        let placed = self.smallest();
        match placed.arena_bytes {
            least if least > limit => Err(PlanError::ArenaLimit { limit, least }),
            _ => Ok(placed),
        }
    }

    /// The fewest bytes that must be alive in some step, whatever the steps are.
    fn least_bytes(&self) -> usize {
        let mut from = vec![0; self.ops() + 1];
        for first in (0..self.ops()).rev() {
            let step = |end: usize| Some(self.smallest_step(first, end)?.bytes.max(from[end]));
            from[first] = self.ends(first).filter_map(step).min().unwrap_or(usize::MAX);
        }
        from[0]
    }

    /// The steps with the least work, none of which needs more than `limit` bytes.
    fn cheapest(&self, limit: usize) -> Option<Vec<Step>> {
        let mut from: Vec<Option<(usize, Step)>> = vec![None; self.ops() + 1];
        let mut costs = vec![usize::MAX; self.ops() + 1];
        costs[self.ops()] = 0;
        for first in (0..self.ops()).rev() {
            for end in self.ends(first).filter(|&end| costs[end] < usize::MAX).collect::<Vec<_>>() {
                let Some(Candidate { step, cost, .. }) = self.cheapest_step(first, end, limit)
                else {
                    continue;
                };
                if cost + costs[end] < costs[first] {
                    costs[first] = cost + costs[end];
                    from[first] = Some((end, step));
                }
            }
        }
        let mut steps = Vec::new();
        let mut at = 0;
        while at < self.ops() {
            let (end, step) = from[at].clone()?;
            steps.push(step);
            at = end;
        }
        Some(steps)
    }

    /// Where a step that begins with op `first` may end.
    fn ends(&self, first: usize) -> impl Iterator<Item = usize> {
        let in_slices = self.network.ops[first..].iter().take(LONGEST);
        let in_slices = in_slices.take_while(|op| op.runs_in_slices()).count();
        first + 1..=first + in_slices.max(1)
    }

    fn smallest_step(&self, first: usize, end: usize) -> Option<Candidate> {
        if end == first + 1 {
            return Some(self.alone(first));
        }
        let slow = self.rates(first, end).into_iter().filter(|&(pace, _)| pace == 1);
        let steps = slow.filter_map(|(pace, every)| self.stream(first, end, pace, every));
        steps.min_by_key(|candidate| candidate.bytes)
    }

    fn cheapest_step(&self, first: usize, end: usize, limit: usize) -> Option<Candidate> {
        let fits = |candidate: &Candidate| candidate.bytes <= limit;
        if end == first + 1 {
            return Some(self.alone(first)).filter(fits);
        }
        if self.whole_bytes(first, end) > limit {
            return None;
        }
        // The faster, the more rows are held.
        let rates = self.rates(first, end).into_iter();
        let steps = rates.map(|(pace, every)| self.stream(first, end, pace, every).filter(fits));
        let steps = steps.skip_while(Option::is_none).map_while(|step| step);
        steps.min_by_key(|candidate| candidate.cost)
    }

    /// Rows that a stream's last op may make in so many slices, the slowest first.
    fn rates(&self, first: usize, end: usize) -> Vec<(u16, u16)> {
        let ops = &self.network.ops[first..end];
        let height = self.network.tensors[usize::from(ops[ops.len() - 1].output().0)].shape.height;
        // A slice may be no more than a row of any of the bands.
        let mut every = 1_u16;
        let strides = ops.iter().rev().filter_map(|op| Some(u16::from(op.window()?.stride[0])));
        let mut slow: Vec<(u16, u16)> = strides
            .filter(|&stride| stride > 1)
            .map_while(|stride| {
                every = every.checked_mul(stride)?;
                Some((1, every))
            })
            .collect();
        slow.reverse();
        // For each number of slices, the fewest rows.
        let mut paces: Vec<u16> = (2..=height).map(|slices| height.div_ceil(slices)).collect();
        paces.sort_unstable();
        paces.dedup();
        slow.into_iter().chain(paces.into_iter().map(|pace| (pace, 1))).collect()
    }

    fn alone(&self, op: usize) -> Candidate {
        let bytes = self.whole_bytes(op, op + 1);
        Candidate { step: self.network.step(op), bytes, cost: 0 }
    }

    fn stream(&self, first: usize, end: usize, pace: u16, every: u16) -> Option<Candidate> {
        let step = self.network.stream(first..end, pace, every)?;
        let (mut bytes, mut cost) = (self.whole_bytes(first, end), 0);
        let output = |op: usize| self.network.tensors[usize::from(self.network.ops[op].output().0)];
        let slices = step.rows.last()?.slices(output(end - 1).shape.height);
        for (op, rows) in (first..end).zip(&step.rows) {
            let tensor = model_format::Tensor { rows: *rows, ..output(op) };
            let busy = |&slice: &u32| {
                u16::try_from(slice).is_ok_and(|slice| !tensor.new_rows(slice).is_empty())
            };
            let again = (0..slices).filter(busy).count().saturating_sub(1);
            cost += again * (weight_bytes(&self.network.ops[op]) + CALL);
            if rows.is_band() {
                bytes += aligned(tensor.byte_len());
                // In most slices it moves the rows that it keeps.
                cost += again * tensor.byte_len() * usize::from(rows.held - rows.pace / rows.every)
                    / usize::from(rows.held);
            }
        }
        Some(Candidate { step, bytes, cost })
    }

    /// Bytes of the whole tensors that are alive while ops `first..end` run together.
    fn whole_bytes(&self, first: usize, end: usize) -> usize {
        let tensors = self.network.tensors.iter().zip(&self.writers).zip(&self.last);
        let alive = tensors.filter(|((_, writer), last)| match writer {
            Some(writer) if (first..end).contains(writer) => *writer == end - 1,
            Some(writer) => *writer < first && **last >= first,
            None => **last >= first,
        });
        let whole = |tensor: &model_format::Tensor| {
            let rows = model_format::Rows::ALL;
            aligned(model_format::Tensor { rows, ..*tensor }.byte_len())
        };
        alive.map(|((tensor, _), _)| whole(tensor)).sum()
    }
}

/// Bytes of what a kernel brings into its own order before it runs.
fn weight_bytes(op: &model_format::Op<'_>) -> usize {
    match op {
        model_format::Op::Conv2d(op) => op.weights.len(),
        model_format::Op::DepthwiseConv2d(op) => op.weights.len(),
        _ => 0,
    }
}

/// Tensors begin at multiples of [`ALIGNMENT`].
fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
mod tests;
