//! One visit: its frames as a source, and the loop over them until the door is locked again.

use super::{Kind, Outcome, Report, Visit};
use crate::lock::SimulatedLock;
use crate::vision::decode::{self, DecodeError};
use crate::watch::{FrameSource, Moment, Shot, Sight, Turn, Watch, WatchError, WatchStartError};
use edge_infer::door::{Action, Cause, Stamp, State};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pause before a visit, in which the camera sends nothing.
const PAUSE_MS: u64 = 10_000;

/// A visit that could not be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A frame is no picture.
    #[error("visit {visit}, {}: {error}", path.display())]
    Frame {
        /// Which visit.
        visit: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        error: DecodeError,
    },
    /// The door did not start.
    #[error(transparent)]
    Start(#[from] WatchStartError),
    /// A frame could not be judged.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// A genuine visit is of somebody who has no folder.
    #[error("visit {visit}: `{person}` is not among the people")]
    Unknown {
        /// Which visit.
        visit: String,
        /// Whom it names.
        person: String,
    },
}

/// The frames of a visit, under the list's own clock.
#[derive(Debug)]
pub struct VisitFrames<'a> {
    root: &'a Path,
    frames: VecDeque<(u64, &'a Path)>,
    now_ms: u64,
    /// Frames given so far, of all visits.
    sequence: u64,
    /// When the list's clock was at `list_ms`, the door's was at `door_ms`.
    list_ms: u64,
    door_ms: u64,
    end_ms: Option<u64>,
    tail_ms: u64,
}

impl<'a> VisitFrames<'a> {
    /// The frames of `visit`, whose files are below `root`. The first is captured at `start_ms` of the door's clock; `tail_ms` after
    /// the last the visit ends. `sequence` counts the frames of all visits.
    pub fn new(root: &'a Path, visit: &'a Visit, start_ms: u64, tail_ms: u64, sequence: u64) -> Self {
        let frames = visit.frames.iter().map(|(t_ms, path)| (*t_ms, path.as_path())).collect();
        let list_ms = visit.frames.first().map_or(0, |(t_ms, _)| *t_ms);
        Self { root, frames, now_ms: start_ms, sequence, list_ms, door_ms: start_ms, end_ms: None, tail_ms }
    }

    /// The door's time now.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Frames given so far, of all visits.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The door's time at the list's `t_ms`, also where the list goes back.
    fn door_time(&self, t_ms: u64) -> u64 {
        self.door_ms.saturating_add(t_ms).saturating_sub(self.list_ms)
    }
}

impl FrameSource for VisitFrames<'_> {
    type Error = (PathBuf, DecodeError);

    fn next(&mut self, until_ms: u64) -> Result<Option<Moment>, Self::Error> {
        let Some(&(t_ms, path)) = self.frames.front() else {
            let end_ms = *self.end_ms.get_or_insert(self.now_ms.saturating_add(self.tail_ms));
            if self.now_ms >= end_ms {
                return Ok(None);
            }
            self.now_ms = until_ms.clamp(self.now_ms + 1, end_ms);
            return Ok(Some(Moment::Quiet { now_ms: self.now_ms }));
        };
        let at_ms = self.door_time(t_ms);
        if at_ms > until_ms && until_ms > self.now_ms {
            self.now_ms = until_ms;
            return Ok(Some(Moment::Quiet { now_ms: until_ms }));
        }
        self.frames.pop_front();
        let path = self.root.join(path);
        let picture = decode::open(&path).map_err(|error| (path, error))?;
        self.sequence += 1;
        self.now_ms = at_ms;
        let stamp = Stamp { captured_ms: at_ms, sequence: self.sequence, digest: picture.digest() };
        Ok(Some(Moment::Frame { now_ms: at_ms, shot: Shot { stamp, picture } }))
    }
}

/// Replays all visits. `id` finds the enrolled person of a name: the inner `None` if they have no usable picture, the outer if nobody has
/// the name. `tell` gets every turn.
///
/// # Errors
/// [`ReplayError`].
pub fn replay<S: Sight>(
    watch: &mut Watch<S, SimulatedLock>,
    visits: &[Visit],
    root: &Path,
    id: impl Fn(&str) -> Option<Option<u32>>,
    mut tell: impl FnMut(&Visit, &Turn<'_>),
) -> Result<Report, ReplayError> {
    let mut report = Report::default();
    let mut took: Vec<Duration> = Vec::new();
    let (mut now_ms, mut sequence) = (0, 0);
    for visit in visits {
        let expected = match visit.kind {
            Kind::Genuine => id(&visit.person).ok_or_else(|| ReplayError::Unknown {
                visit: visit.name.clone(),
                person: visit.person.clone(),
            })?,
            Kind::Stranger | Kind::Print => None,
        };
        now_ms += PAUSE_MS;
        watch.restart(now_ms)?;
        let mut frames = VisitFrames::new(root, visit, now_ms, watch.rest_ms(), sequence);
        let mut outcome = Outcome::default();
        let frame_error = |(path, error)| ReplayError::Frame { visit: visit.name.clone(), path, error };
        while let Some(moment) = frames.next(watch.until_ms()).map_err(frame_error)? {
            let turn = watch.turn(&moment, None, &mut |_| ())?;
            for action in turn.decision.actions() {
                if let Action::Unlock { cause: Cause::Person(person), .. } = action {
                    outcome.opened_for.get_or_insert(person);
                    outcome.wrong |= Some(person) != expected;
                }
            }
            outcome.held |= matches!(turn.state, State::Held { .. });
            if turn.seen.is_some() {
                took.push(turn.took);
            }
            tell(visit, &turn);
        }
        (now_ms, sequence) = (now_ms.max(frames.now_ms()), frames.sequence());
        report.add(visit.kind, outcome);
    }
    report.time(took);
    report.longest_open_ms = watch.lock().longest_open_ms(now_ms);
    Ok(report)
}
