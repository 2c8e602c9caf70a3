//! The flags of a run on several ranks.

use super::failure::Failure;
use crate::ranks::{Meeting, Ranks};
use crate::train::RunConfig;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Which rank this program is.
#[derive(clap::Args)]
pub(crate) struct RankArgs {
    /// Programs that learn this run together, on one or several machines. Start the same command for each, but for --rank. They
    /// trust each other: use a network of your own.
    #[arg(long, value_name = "N", requires = "rank", requires = "meet", help_heading = RANKS)]
    ranks: Option<usize>,
    /// Which of them this one is, from 0. Rank 0 writes --out and measures accuracy; the others begin where it does.
    #[arg(long, value_name = "I", requires = "ranks", help_heading = RANKS)]
    rank: Option<usize>,
    /// Where rank 0 listens: an address of its machine and a free port.
    #[arg(long, value_name = "HOST:PORT", requires = "ranks", help_heading = RANKS)]
    meet: Option<String>,
    /// How long to wait for another rank, to come or in a step; longer than a measurement of accuracy takes [default: 1800].
    #[arg(long, value_name = "SECONDS", requires = "ranks", help_heading = RANKS)]
    patience: Option<u64>,
}

const RANKS: &str = "Several ranks";

/// In seconds.
const PATIENCE: u64 = 1800;

impl RankArgs {
    /// Which rank this is, from 0; 0 when there is no other.
    pub(super) fn rank(&self) -> usize {
        self.rank.unwrap_or(0)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ranks.unwrap_or(1)
    }

    /// What follows `train --resume --out RUN` for the run to go on among as many ranks.
    pub(super) fn again(&self) -> String {
        let (Some(ranks), Some(address)) = (self.ranks, &self.meet) else {
            return String::new();
        };
        format!(
            " --ranks {ranks} --rank 0 --meet {address}; the other ranks with the command that they began with"
        )
    }

    /// Meets the others, who must have the same settings and as much data.
    ///
    /// # Errors
    /// They do not come, or do not agree.
    pub(super) fn meet(&self, config: &RunConfig) -> Result<Arc<Ranks>, Failure> {
        let (Some(ranks), Some(address)) = (self.ranks, &self.meet) else {
            return Ok(Ranks::alone());
        };
        let (classes, images) = (config.classes, config.images);
        let settings = json!({"classes": classes, "images": images, "train": config.train});
        let patience = Duration::from_secs(self.patience.unwrap_or(PATIENCE).max(1));
        eprintln!("rank {} of {ranks}: waiting for the others at {address}", self.rank());
        Ok(Meeting { rank: self.rank(), ranks, settings, patience }.at(address)?)
    }
}
