//! A model on a tier that is timed image by image, so that several can take turns, and what its times come to.

use super::peak::Peak;
use super::quantile;
use edge_infer::engine::{Engine, EngineError};
use edge_infer::kernels::Tier;
use model_format::ModelView;
use serde::Serialize;
use std::time::Instant;

/// The engine, its memory, and the times so far.
pub(super) struct Contender<'m> {
    engine: Engine<'m>,
    image: Vec<u8>,
    arena: Vec<u8>,
    /// Of each run, in ms.
    totals: Vec<f64>,
    /// Of each op, the same of each run.
    ops: Vec<Vec<f64>>,
    /// Times that each op ran in the last run.
    slices: Vec<usize>,
    peak: Peak,
}

/// What a contender's times come to; the JSON of `bench`.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) median_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) min_ms: f64,
    pub(super) macs: u64,
    /// Billions of multiply-accumulates a second that the tier's dot product reaches by itself.
    pub(super) peak_gmacs: f64,
    /// What of it the model reaches, by its median.
    pub(super) share_of_peak: f64,
    pub(super) arena_bytes: usize,
    pub(super) weights_bytes: usize,
    pub(super) tier: &'static str,
    pub(super) ops: Vec<OpTime>,
}

/// An op of a [`Report`].
#[derive(Serialize)]
pub(super) struct OpTime {
    pub(super) op: &'static str,
    pub(super) macs: u64,
    pub(super) median_ms: f64,
    pub(super) share_of_peak: f64,
    /// Times that it runs for an image.
    pub(super) slices: usize,
}

impl<'m> Contender<'m> {
    pub(super) fn new(model: ModelView<'m>, tier: Tier) -> Self {
        let engine = Engine::with_tier(model, tier);
        // Speed does not depend on the pixels; these are not all alike, in case it ever does.
        let image = (0..model.input().shape.elements()).map(|i| (i * 37 % 251) as u8);
        Self {
            engine,
            image: image.collect(),
            arena: vec![0; engine.arena_bytes()],
            totals: Vec::new(),
            ops: vec![Vec::new(); model.op_count()],
            slices: Vec::new(),
            peak: Peak::of(tier),
        }
    }

    /// Runs an image and keeps its times, then measures the tier's peak, which moves with the clock of the processor.
    pub(super) fn turn(&mut self) -> Result<(), EngineError> {
        let mut took = vec![0.0; self.ops.len()];
        self.slices = vec![0; self.ops.len()];
        let start = Instant::now();
        let mut last = start;
        self.engine.run_with(&self.image, &mut self.arena, |index, _, _| {
            let now = Instant::now();
            took[index] += (now - last).as_secs_f64() * 1e3;
            self.slices[index] += 1;
            last = now;
        })?;
        self.totals.push(start.elapsed().as_secs_f64() * 1e3);
        for (times, took) in self.ops.iter_mut().zip(took) {
            times.push(took);
        }
        self.peak.measure();
        Ok(())
    }

    /// Forgets the times so far.
    pub(super) fn forget(&mut self) {
        self.totals.clear();
        self.ops.iter_mut().for_each(Vec::clear);
    }

    /// The times of all runs, the first one first, in ms.
    pub(super) fn times(&self) -> &[f64] {
        &self.totals
    }

    pub(super) fn report(mut self) -> Report {
        let model = self.engine.model();
        let share = |macs: u64, ms: f64| gmacs(macs, ms) / self.peak.gmacs;
        let ops = model.ops().zip(&mut self.ops).zip(self.slices).map(|((op, times), slices)| {
            let macs = model.tensor(op.output()).map_or(0, |tensor| op.macs(tensor.shape));
            let median_ms = quantile(times, 0.5);
            let share_of_peak = share(macs, median_ms);
            OpTime { op: op.name(), macs, median_ms, share_of_peak, slices }
        });
        let ops = ops.collect();
        let median_ms = quantile(&mut self.totals, 0.5);
        Report {
            median_ms,
            p99_ms: quantile(&mut self.totals, 0.99),
            min_ms: quantile(&mut self.totals, 0.0),
            macs: model.macs(),
            peak_gmacs: self.peak.gmacs,
            share_of_peak: share(model.macs(), median_ms),
            arena_bytes: self.engine.arena_bytes(),
            weights_bytes: model.weights_bytes(),
            tier: self.engine.tier().name(),
            ops,
        }
    }
}

/// Billions of multiply-accumulates a second.
pub(super) fn gmacs(macs: u64, ms: f64) -> f64 {
    macs as f64 / ms / 1e6
}
