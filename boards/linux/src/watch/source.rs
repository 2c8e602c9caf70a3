//! Where frames and time come from: a camera under a clock, or a list under the list's own clock.

use crate::vision::Picture;
use edge_infer::door::{Event, Stamp};

/// A frame as it came.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Which frame it is, and when it was captured.
    pub stamp: Stamp,
    /// Its pixels.
    pub picture: Picture,
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Moment {
    /// A frame.
    Frame {
        /// Now.
        now_ms: u64,
        /// It.
        shot: Shot,
    },
    /// Something else happened: a button, a contact, a camera that was lost.
    Told {
        /// Now.
        now_ms: u64,
        /// What.
        event: Event,
    },
    /// Nothing came.
    Quiet {
        /// Now.
        now_ms: u64,
    },
}

impl Moment {
    /// Now.
    pub fn now_ms(&self) -> u64 {
        match *self {
            Self::Frame { now_ms, .. } | Self::Told { now_ms, .. } | Self::Quiet { now_ms } => {
                now_ms
            }
        }
    }
}

/// Frames in the order in which they are captured. Of several that wait, the newest: a queue would show the past.
pub trait FrameSource {
    /// Why there is no frame.
    type Error;

    /// The next frame, or [`Moment::Quiet`] if none has come until `until_ms` of the source's clock; `None` at the end of a list.
    ///
    /// # Errors
    /// The source failed. It may be asked again.
    fn next(&mut self, until_ms: u64) -> Result<Option<Moment>, Self::Error>;
}
