//! How ranks find each other: rank 0 listens, the others come, say who they are, and are let in when everything agrees.
//!
//! ```text
//! rank i -> rank 0   Hello {rank, settings}        settings: whatever must be the same everywhere
//! rank 0 -> rank i   Answer: why not               then both end
//!                    Answer: nothing               once all have come
//! ```

use super::message::{Kind, MessageError, receive, send};
use super::{RankError, Ranks, lost};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest hello, and the longest answer.
const LONGEST: u64 = 64 * 1024;

/// A stranger that connects and says nothing holds up the others for this long.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// What a rank knows when it sets out.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// Which rank it is, from 0.
    pub rank: usize,
    /// How many there are, at least 2.
    pub ranks: usize,
    /// What must be the same on all of them.
    pub settings: Value,
    /// How long another rank is waited for: to come, and later in every step.
    pub patience: Duration,
}

#[derive(Serialize, Deserialize)]
struct Hello {
    rank: usize,
    ranks: usize,
    settings: Value,
}

impl Meeting {
    /// Meets the others at `address` (`HOST:PORT`), where rank 0 listens.
    ///
    /// # Errors
    /// They do not come, or do not agree.
    pub fn at(&self, address: &str) -> Result<Arc<Ranks>, RankError> {
        let Self { rank, ranks, .. } = *self;
        if ranks < 2 || rank >= ranks {
            return Err(RankError::Number { rank, ranks });
        }
        if rank > 0 {
            return self.join(address);
        }
        let listener = TcpListener::bind(address);
        self.lead(&listener.map_err(|error| refused_address(address, &error))?)
    }

    /// Rank 0's side: lets all others in, or tells all that have come why not.
    pub(super) fn lead(&self, listener: &TcpListener) -> Result<Arc<Ranks>, RankError> {
        let mut others: Vec<Option<TcpStream>> = (1..self.ranks).map(|_| None).collect();
        if let Err(error) = self.wait_for(&mut others, listener) {
            others.iter().flatten().for_each(|other| refuse(other, &error));
            return Err(error);
        }
        let streams: Vec<TcpStream> = others.into_iter().flatten().collect();
        for (rank, stream) in (1..).zip(&streams) {
            self.keep(stream).and_then(|()| send(stream, Kind::Answer, &[])).map_err(lost(rank))?;
        }
        Ok(Ranks::new(0, self.ranks, streams))
    }

    /// Fills the places of all others, by their ranks.
    fn wait_for(
        &self,
        others: &mut [Option<TcpStream>],
        listener: &TcpListener,
    ) -> Result<(), RankError> {
        let here = || listener.local_addr().map_or_else(|_| "?".to_owned(), |a| a.to_string());
        let failed = |error: io::Error| refused_address(&here(), &error);
        // Without waiting, so that the time can run out.
        listener.set_nonblocking(true).map_err(failed)?;
        let start = Instant::now();
        while let Some(missing) = others.iter().position(Option::is_none) {
            match listener.accept() {
                Ok((stream, _)) => match self.welcome(&stream, others) {
                    Ok(Some(rank)) => others[rank - 1] = Some(stream),
                    // Whoever it was, it was no rank: a port scan must not end the run.
                    Ok(None) => {}
                    Err(error) => {
                        refuse(&stream, &error);
                        return Err(error);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if start.elapsed() > self.patience {
                        let seconds = self.patience.as_secs();
                        return Err(RankError::Missing { rank: missing + 1, seconds });
                    }
                    sleep(PAUSE);
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// The rank at the other end of a new connection, none when it is no rank at all.
    fn welcome(
        &self,
        stream: &TcpStream,
        others: &[Option<TcpStream>],
    ) -> Result<Option<usize>, RankError> {
        let hello = || -> Result<Hello, MessageError> {
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(HELLO_WITHIN))?;
            stream.set_write_timeout(Some(HELLO_WITHIN))?;
            let hello = receive(stream, Kind::Hello, 0..=LONGEST)?;
            serde_json::from_slice(&hello).map_err(|_| MessageError::Foreign)
        };
        let Hello { rank, ranks, settings } = match hello() {
            Ok(hello) => hello,
            Err(error @ MessageError::Version { .. }) => return Err(RankError::Build(error)),
            Err(_) => return Ok(None),
        };
        let setting = |(name, here, there)| RankError::Setting { rank, name, here, there };
        if ranks != self.ranks {
            let (here, there) = (self.ranks.to_string(), ranks.to_string());
            return Err(setting(("ranks".to_owned(), here, there)));
        }
        match rank.checked_sub(1).and_then(|place| others.get(place)) {
            Some(None) => {}
            Some(Some(_)) => return Err(RankError::Taken { rank }),
            None if rank == 0 => return Err(RankError::Taken { rank }),
            None => return Err(RankError::Number { rank, ranks }),
        }
        match difference("", &self.settings, &settings) {
            Some(different) => Err(setting(different)),
            None => Ok(Some(rank)),
        }
    }

    /// Another rank's side.
    pub(super) fn join(&self, address: &str) -> Result<Arc<Ranks>, RankError> {
        let stream = self.reach(address)?;
        let Self { rank, ranks, settings, .. } = self;
        let hello = Hello { rank: *rank, ranks: *ranks, settings: settings.clone() };
        let answer = || -> Result<Vec<u8>, MessageError> {
            self.keep(&stream)?;
            let hello = serde_json::to_vec(&hello).map_err(io::Error::from)?;
            send(&stream, Kind::Hello, &hello)?;
            receive(&stream, Kind::Answer, 0..=LONGEST)
        };
        let answer = answer().map_err(lost(0))?;
        if answer.is_empty() {
            return Ok(Ranks::new(*rank, *ranks, vec![stream]));
        }
        Err(RankError::Refused(String::from_utf8_lossy(&answer).into_owned()))
    }

    /// Tries until rank 0 is there.
    fn reach(&self, address: &str) -> Result<TcpStream, RankError> {
        let start = Instant::now();
        loop {
            let left = self.patience.saturating_sub(start.elapsed());
            let error = match connect(address, left.max(PAUSE)) {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            // An address that is none gets no better.
            if left.is_zero() || error.kind() == io::ErrorKind::InvalidInput {
                let (address, reason) = (address.to_owned(), error.to_string());
                let seconds = start.elapsed().as_secs();
                return Err(RankError::Connect { address, seconds, reason });
            }
            sleep(PAUSE);
        }
    }

    /// Sets a connection up for the run.
    fn keep(&self, stream: &TcpStream) -> Result<(), MessageError> {
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        // Many messages are small and waited for.
        Ok(stream.set_nodelay(true)?)
    }
}

/// Tells a rank why the run does not begin. It may be gone already; that changes nothing.
fn refuse(rank: &TcpStream, why: &RankError) {
    let _ = send(rank, Kind::Answer, why.to_string().as_bytes());
}

/// The first of the host's addresses that answers.
fn connect(address: &str, within: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, within) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn refused_address(address: &str, error: &io::Error) -> RankError {
    RankError::Listen { address: address.to_owned(), reason: error.to_string() }
}

/// The first setting that differs: its path, and both values.
fn difference(path: &str, here: &Value, there: &Value) -> Option<(String, String, String)> {
    match (here, there) {
        (Value::Object(here), Value::Object(there)) => {
            let mut names = here.keys().chain(there.keys());
            names.find_map(|name| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let value =
                    |of: &serde_json::Map<_, Value>| of.get(name).cloned().unwrap_or_default();
                difference(&path, &value(here), &value(there))
            })
        }
        _ if here == there => None,
        _ => Some((path.to_owned(), here.to_string(), there.to_string())),
    }
}
