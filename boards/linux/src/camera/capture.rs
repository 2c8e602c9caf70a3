//! The camera's thread: frames into the inbox, and the camera opened again when it fails.

use super::{Camera, CameraError};
use crate::run::Inbox;
use edge_infer::door::{Event, Fault};
use std::time::{Duration, Instant};

/// The first pause before a camera is opened again; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// A camera that worked for so long failed anew.
const SETTLED: Duration = Duration::from_secs(10);

/// Puts frames of the camera that `open` opens into `inbox`, until that is stopped. The door is told when the camera is lost and when it
/// is back; frames are counted on.
pub fn capture(open: impl Fn() -> Result<Box<dyn Camera>, CameraError>, inbox: &Inbox) {
    let (mut pause, mut sequence, mut lost) = (FIRST, 0, false);
    while !inbox.is_stopped() {
        let started = Instant::now();
        let Err(error) =
            open().and_then(|mut camera| stream(&mut *camera, inbox, &mut sequence, &mut lost))
        else {
            return;
        };
        if !lost {
            inbox.tell(Event::FaultRaised(Fault::Camera));
            eprintln!("the camera is lost: {error}");
        }
        lost = true;
        if started.elapsed() > SETTLED {
            pause = FIRST;
        }
        if inbox.rest(pause) {
            return;
        }
        pause = (2 * pause).min(LONGEST);
    }
}

/// Until the inbox is stopped.
fn stream(
    camera: &mut dyn Camera,
    inbox: &Inbox,
    sequence: &mut u64,
    lost: &mut bool,
) -> Result<(), CameraError> {
    let mut buffer = Vec::new();
    while !inbox.is_stopped() {
        let mut frame = camera.frame(buffer)?;
        *sequence += 1;
        frame.sequence = *sequence;
        if core::mem::take(lost) {
            inbox.tell(Event::FaultCleared(Fault::Camera));
            eprintln!("the camera is back");
        }
        buffer = inbox.show(frame).map(|missed| missed.bytes).unwrap_or_default();
    }
    Ok(())
}
