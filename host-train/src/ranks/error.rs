//! What goes wrong between ranks.

use super::message::MessageError;

/// A run on several ranks that can't begin or go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RankError {
    /// A number that no rank has.
    #[error("rank {rank} of {ranks}: ranks are numbered from 0, and there are at least 2 of them")]
    Number {
        /// Its number.
        rank: usize,
        /// How many there are.
        ranks: usize,
    },
    /// Rank 0 can't be reached at the address.
    #[error(
        "can't listen at {address} ({reason}): give --meet an address of this machine and a free port"
    )]
    Listen {
        /// Where.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// Rank 0 was not there.
    #[error(
        "no rank 0 at {address} within {seconds} s ({reason}): start it with the same --meet, or wait longer with --patience"
    )]
    Connect {
        /// Where.
        address: String,
        /// How long it was tried.
        seconds: u64,
        /// What the system said last.
        reason: String,
    },
    /// Others did not come.
    #[error(
        "rank {rank} did not come within {seconds} s: start it, or wait longer with --patience"
    )]
    Missing {
        /// The first that is missing.
        rank: usize,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A rank of another build came.
    #[error("a rank can't take part: {0}")]
    Build(MessageError),
    /// A number twice.
    #[error(
        "two ranks say that they are rank {rank}: give each its own --rank, rank 0 where --meet is"
    )]
    Taken {
        /// The number.
        rank: usize,
    },
    /// Another setting than rank 0's.
    #[error(
        "rank {rank} has {name} = {there} where rank 0 has {here}: start all ranks with the same settings and the same data"
    )]
    Setting {
        /// Whose.
        rank: usize,
        /// Which setting.
        name: String,
        /// At rank 0.
        here: String,
        /// At that rank.
        there: String,
    },
    /// Rank 0 said no.
    #[error("rank 0 refused this rank: {0}")]
    Refused(String),
    /// A rank that does not answer, or not as agreed.
    #[error(
        "rank {rank} is lost ({reason}): no rank can go on without it. Start all of them again, rank 0 with --resume"
    )]
    Lost {
        /// Which.
        rank: usize,
        /// What was seen of it.
        reason: MessageError,
    },
    /// Two ranks look at different batches.
    #[error(
        "rank {rank} has other labels at step {step} than rank 0: give all ranks the same data"
    )]
    Batch {
        /// Which.
        rank: usize,
        /// The step, counted from 0.
        step: u64,
    },
}
