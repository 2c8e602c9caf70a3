//! Several programs that learn one run together: each learns from its share of every batch, and what they find is put together.
//!
//! ```text
//! rank 1 ──┐   sum:     rank 0 adds the others' numbers to its own in the order of their ranks, and sends the sum to all
//! rank 2 ──┼── rank 0   gather:  rank 0 collects everybody's numbers in that order, and sends them to all
//! rank 3 ──┘
//! ```
//!
//! So every rank has the same bits, however the messages overtake each other. `meeting` is how they find each other, `message`
//! is the bytes. Messages are neither encrypted nor signed: ranks belong on a network that only trusted machines are on.

mod error;
mod meeting;
mod message;
#[cfg(test)]
pub(crate) mod tests;

pub use error::RankError;
pub use meeting::Meeting;
pub use message::MessageError;

use message::{Kind, receive, send};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

/// This program among the ranks of a run.
#[derive(Debug)]
pub struct Ranks {
    rank: usize,
    count: usize,
    links: Mutex<Links>,
}

#[derive(Debug)]
struct Links {
    /// Rank 0's to all others, by their ranks; another's to rank 0 alone.
    streams: Vec<TcpStream>,
    /// What ended it all.
    lost: Option<RankError>,
}

impl Ranks {
    /// The only rank: what it sums and gathers is its own.
    #[must_use]
    pub fn alone() -> Arc<Self> {
        Self::new(0, 1, Vec::new())
    }

    fn new(rank: usize, count: usize, streams: Vec<TcpStream>) -> Arc<Self> {
        Arc::new(Self { rank, count, links: Mutex::new(Links { streams, lost: None }) })
    }

    /// Which rank this is, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Replaces `numbers` by their sums over all ranks, added in the order of the ranks. All ranks must ask for as many.
    ///
    /// # Errors
    /// A rank is lost; then this and every later call fails alike, and the numbers mean nothing.
    pub fn sum(&self, numbers: &mut [f32]) -> Result<(), RankError> {
        self.exchange(|streams| {
            let length = size_of_val(numbers) as u64;
            let bytes =
                |numbers: &[f32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
            if self.rank > 0 {
                to_first(streams, Kind::Sum, &bytes(numbers))?;
                let sums = from_first(streams, Kind::Sum, length)?;
                for (number, sum) in numbers.iter_mut().zip(sums.as_chunks().0) {
                    *number = f32::from_le_bytes(*sum);
                }
                return Ok(());
            }
            for (rank, stream) in (1..).zip(&mut *streams) {
                let theirs = receive(stream, Kind::Sum, length..=length).map_err(lost(rank))?;
                for (sum, theirs) in numbers.iter_mut().zip(theirs.as_chunks().0) {
                    *sum += f32::from_le_bytes(*theirs);
                }
            }
            if streams.is_empty() { Ok(()) } else { to_all(streams, Kind::Sum, &bytes(numbers)) }
        })
    }

    /// Everybody's `numbers`, in the order of the ranks. All ranks must give as many.
    ///
    /// # Errors
    /// A rank is lost; then this and every later call fails alike.
    pub fn gather(&self, numbers: &[f64]) -> Result<Vec<Vec<f64>>, RankError> {
        self.exchange(|streams| {
            let length = size_of_val(numbers) as u64;
            let mut all: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
            if self.rank > 0 {
                to_first(streams, Kind::Gather, &all)?;
                all = from_first(streams, Kind::Gather, length * self.count as u64)?;
            } else {
                for (rank, stream) in (1..).zip(&mut *streams) {
                    let theirs = receive(stream, Kind::Gather, length..=length);
                    all.extend(theirs.map_err(lost(rank))?);
                }
                to_all(streams, Kind::Gather, &all)?;
            }
            let all: Vec<f64> = all.as_chunks().0.iter().map(|n| f64::from_le_bytes(*n)).collect();
            let of = |rank: usize| all[rank * numbers.len()..][..numbers.len()].to_vec();
            Ok((0..self.count).map(of).collect())
        })
    }

    /// Everybody's `numbers` on rank 0, in the order of the ranks, of which each may have another count, up to twice rank 0's; the
    /// other ranks get none.
    ///
    /// # Errors
    /// A rank is lost.
    pub fn collect(&self, numbers: &[f32]) -> Result<Vec<Vec<f32>>, RankError> {
        self.exchange(|streams| {
            if self.rank > 0 {
                let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
                to_first(streams, Kind::Collect, &bytes)?;
                return Ok(Vec::new());
            }
            let most = 2 * size_of_val(numbers) as u64;
            let mut all = vec![numbers.to_vec()];
            for (rank, stream) in (1..).zip(&mut *streams) {
                let theirs = receive(stream, Kind::Collect, 0..=most).map_err(lost(rank))?;
                all.push(theirs.as_chunks().0.iter().map(|n| f32::from_le_bytes(*n)).collect());
            }
            Ok(all)
        })
    }

    /// Whether any rank says so.
    ///
    /// # Errors
    /// As [`Self::gather`].
    pub fn any(&self, so: bool) -> Result<bool, RankError> {
        Ok(self.gather(&[f64::from(so)])?.concat().contains(&1.0))
    }

    /// Rank 0's `state`, which all others wait for in [`Self::state_of_first`].
    ///
    /// # Errors
    /// A rank is lost.
    pub fn share_state(&self, state: &[u8]) -> Result<(), RankError> {
        self.exchange(|streams| to_all(streams, Kind::State, state))
    }

    /// What rank 0 gave to [`Self::share_state`], of `most` bytes at most.
    ///
    /// # Errors
    /// Rank 0 is lost, or sent more.
    pub fn state_of_first(&self, most: u64) -> Result<Vec<u8>, RankError> {
        self.exchange(|streams| {
            let state = streams.iter().map(|stream| receive(stream, Kind::State, 0..=most)).next();
            state.unwrap_or_else(|| Ok(Vec::new())).map_err(lost(0))
        })
    }

    /// One turn of messages; after one that failed there are no others. Hanging up tells the other ranks.
    fn exchange<T>(
        &self,
        turn: impl FnOnce(&mut [TcpStream]) -> Result<T, RankError>,
    ) -> Result<T, RankError> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lost) = &links.lost {
            return Err(lost.clone());
        }
        let result = turn(&mut links.streams);
        if let Err(error) = &result {
            links.lost = Some(error.clone());
            links.streams.clear();
        }
        result
    }
}

fn lost(rank: usize) -> impl Fn(MessageError) -> RankError {
    move |reason| RankError::Lost { rank, reason }
}

fn to_all(streams: &[TcpStream], kind: Kind, body: &[u8]) -> Result<(), RankError> {
    (1..).zip(streams).try_for_each(|(rank, stream)| send(stream, kind, body).map_err(lost(rank)))
}

fn to_first(streams: &[TcpStream], kind: Kind, body: &[u8]) -> Result<(), RankError> {
    streams.iter().try_for_each(|first| send(first, kind, body).map_err(lost(0)))
}

fn from_first(streams: &[TcpStream], kind: Kind, length: u64) -> Result<Vec<u8>, RankError> {
    let messages = streams.iter().map(|first| receive(first, kind, length..=length));
    messages.collect::<Result<Vec<_>, _>>().map(|messages| messages.concat()).map_err(lost(0))
}
