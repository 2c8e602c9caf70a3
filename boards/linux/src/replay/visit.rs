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
    pub fn new(
        root: &'a Path,
        visit: &'a Visit,
        start_ms: u64,
        tail_ms: u64,
        sequence: u64,
    ) -> Self {
        let frames = visit.frames.iter().map(|(t_ms, path)| (*t_ms, path.as_path())).collect();
        let list_ms = visit.frames.first().map_or(0, |(t_ms, _)| *t_ms);
        Self {
            root,
            frames,
            now_ms: start_ms,
            sequence,
            list_ms,
            door_ms: start_ms,
            end_ms: None,
            tail_ms,
        }
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
        let frame_error =
            |(path, error)| ReplayError::Frame { visit: visit.name.clone(), path, error };
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

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder as _;

    /// The moments of a visit whose frames were captured at these times, for a door that waits at most a second.
    fn moments(times: &[u64]) -> Vec<(bool, u64)> {
        let folder = tempfile::tempdir().unwrap();
        let frames = times.iter().enumerate().map(|(at, &t_ms)| {
            let name = format!("{at}.png");
            let file = std::fs::File::create(folder.path().join(&name)).unwrap();
            image::codecs::png::PngEncoder::new(file)
                .write_image(&[at as u8; 12], 2, 2, image::ExtendedColorType::Rgb8)
                .unwrap();
            (t_ms, PathBuf::from(name))
        });
        let visit = Visit {
            name: "1".to_owned(),
            person: String::new(),
            kind: Kind::Stranger,
            frames: frames.collect(),
        };
        let mut source = VisitFrames::new(folder.path(), &visit, 10_000, 1_500, 40);
        let mut seen = Vec::new();
        let mut sequence = 40;
        while let Some(moment) = source.next(source.now_ms() + 1_000).unwrap() {
            seen.push(match moment {
                Moment::Frame { now_ms, shot } => {
                    sequence += 1;
                    assert_eq!((shot.stamp.captured_ms, shot.stamp.sequence), (now_ms, sequence));
                    (true, now_ms)
                }
                other => (false, other.now_ms()),
            });
        }
        seen
    }

    #[test]
    fn frames_come_at_their_times_and_the_door_is_never_left_waiting() {
        let expected = [
            (true, 10_000),
            (true, 10_066),
            (false, 11_066),
            (false, 12_066),
            (true, 12_566),
            // The tail.
            (false, 13_566),
            (false, 14_066),
        ];
        // A list's clock starts anywhere.
        assert_eq!(moments(&[500, 566, 3_066]), expected);
    }

    #[test]
    fn octoprint_3266_a_clock_that_goes_back_is_passed_on() {
        assert_eq!(moments(&[500, 300])[..2], [(true, 10_000), (true, 9_800)]);
        assert_eq!(moments(&[20_000, 0])[..2], [(true, 10_000), (true, 0)], "no time before all");
    }

    #[test]
    fn rejects_a_frame_that_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let visit = Visit {
            name: "7".to_owned(),
            person: String::new(),
            kind: Kind::Stranger,
            frames: vec![(0, PathBuf::from("gone.jpg"))],
        };
        let (path, error) =
            VisitFrames::new(folder.path(), &visit, 0, 0, 0).next(1_000).unwrap_err();
        assert!(path.ends_with("gone.jpg") && matches!(error, DecodeError::Io(_)));
    }
}
