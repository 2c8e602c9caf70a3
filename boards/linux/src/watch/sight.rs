//! What makes an observation of a frame: eyes and a roster, or in tests a script.

use super::{Roster, Shot, WatchError};
use crate::vision::{Eyes, Seen};
use edge_infer::door::{Fault, Observation};

/// Looks at frames, in their order.
pub trait Sight {
    /// What the frame shows. `utc_ms` is the time by the calendar, in milliseconds of Unix time, `None` if nobody knows it.
    ///
    /// # Errors
    /// Why it could not be looked at, and which fault the door has until it can.
    fn look(
        &mut self,
        shot: &Shot,
        utc_ms: Option<u64>,
    ) -> Result<Observation, (Fault, WatchError)>;

    /// What the last frame showed, for people who watch.
    fn seen(&self) -> Option<&Seen>;
}

/// The networks, and who may enter.
#[derive(Debug)]
pub struct Witness<'m> {
    /// What finds and measures faces.
    pub eyes: Eyes<'m>,
    /// Who they may be of.
    pub roster: Roster,
}

impl Sight for Witness<'_> {
    fn look(
        &mut self,
        shot: &Shot,
        utc_ms: Option<u64>,
    ) -> Result<Observation, (Fault, WatchError)> {
        let seen = self
            .eyes
            .look(&shot.picture, shot.stamp.captured_ms)
            .map_err(|error| (Fault::Model, error.into()))?;
        let matched = match seen.template() {
            Some(probe) => {
                self.roster.search(probe, utc_ms).map_err(|error| (Fault::Gallery, error.into()))?
            }
            None => None,
        };
        let other_eye_distance = seen.subject.and_then(|subject| subject.other_eye_distance);
        Ok(Observation { stamp: shot.stamp, face: seen.face(matched), other_eye_distance })
    }

    fn seen(&self) -> Option<&Seen> {
        Some(self.eyes.seen())
    }
}
