//! How many multiply-accumulates a second a tier's dot product reaches by itself, here and now.

use super::contender::gmacs;
use edge_infer::kernels::Tier;
use std::time::Instant;

/// Long enough for the clock's own steps not to matter, short enough to be seldom interrupted.
const BURST_MS: f64 = 0.1;

/// The fastest burst so far.
pub(super) struct Peak {
    tier: Tier,
    /// Length of a burst, see [`Tier::saturate`].
    turns: u32,
    /// Billions of multiply-accumulates a second.
    pub(super) gmacs: f64,
}

impl Peak {
    pub(super) fn of(tier: Tier) -> Self {
        Self { tier, turns: 1, gmacs: 0.0 }
    }

    /// One more burst.
    pub(super) fn measure(&mut self) {
        loop {
            let start = Instant::now();
            let macs = self.tier.saturate(self.turns);
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if ms >= BURST_MS {
                self.gmacs = self.gmacs.max(gmacs(macs, ms));
                return;
            }
            self.turns = self.turns.saturating_mul(2);
        }
    }
}
