//! What the door decided, as the log in flash records it.

use edge_infer::door::{Action, Audit, Cause, Decision, Reason};
use embedded_storage::nor_flash::NorFlash;

use crate::store::audit::{self, Event, Kind, Moment};

/// Records what was decided.
pub fn keep<F: NorFlash + Clone>(decision: &Decision, log: &mut audit::Audit<F>, now: Moment) {
    for action in decision.actions() {
        if let Action::Audit(entry) = action
            && let Some(event) = record(&entry)
        {
            // What is lost is counted.
            let _ = log.append(event, now);
        }
    }
}

/// Why, in the log's numbers: the place in this list, from 1 on; 0 for what is not in it. Names are those of [`Reason::name`] and of
/// faults; new ones go to the end.
const REASONS: [&str; 18] = [
    "no-face",
    "too-low",
    "too-high",
    "unmeasured",
    "unknown",
    "ambiguous",
    "not-live",
    "still",
    "second-factor",
    "nobody-enrolled",
    "uncalibrated",
    "clock-backwards",
    "clock-jumped",
    "camera",
    "camera-frozen",
    "camera-stalled",
    "model",
    "gallery",
];

/// The number of a name.
fn code(name: &str) -> u16 {
    let at = REASONS.iter().position(|known| *known == name);
    at.and_then(|at| u16::try_from(at + 1).ok()).unwrap_or(0)
}

/// The record of `entry`; `None` for what is the end of something that was recorded, or that this log has no word for.
fn record(entry: &Audit) -> Option<Event> {
    let with = |kind, name: &str| Some(Event::new(kind).reason(code(name)));
    match entry {
        Audit::Unlocked(Cause::Person(person)) => Some(Event::new(Kind::Granted).person(*person)),
        Audit::Unlocked(Cause::Exit) => Some(Event::new(Kind::Opened)),
        Audit::Refused { reason, person } => {
            let mut event = Event::new(Kind::Refused).reason(code(reason.name()));
            event.person = *person;
            event.cosine = match reason {
                Reason::Unknown { cosine, .. } => Some(*cosine),
                _ => None,
            };
            Some(event)
        }
        Audit::CredentialRefused => with(Kind::Refused, "credential-refused"),
        Audit::LockedOut { .. } => Some(Event::new(Kind::LockedOut)),
        Audit::Held => Some(Event::new(Kind::Held)),
        Audit::FaultRaised(fault) => with(Kind::Fault, fault.name()),
        Audit::FaultCleared(fault) => with(Kind::Recovered, fault.name()),
        Audit::Clock(reason) => with(Kind::Fault, reason.name()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_infer::door::{Ended, Fault};

    #[test]
    fn openings_refusals_and_faults_are_recorded() {
        let granted = record(&Audit::Unlocked(Cause::Person(7))).unwrap();
        assert_eq!((granted.kind, granted.person), (Kind::Granted, Some(7)));
        assert_eq!(record(&Audit::Unlocked(Cause::Exit)).unwrap().kind, Kind::Opened);
        let reason = Reason::Unknown { cosine: 0.25, limit: 0.5 };
        let refused = record(&Audit::Refused { reason, person: Some(3) }).unwrap();
        assert_eq!((refused.kind, refused.person), (Kind::Refused, Some(3)));
        assert_eq!((refused.reason, refused.cosine), (5, Some(0.25)));
        let fault = record(&Audit::FaultRaised(Fault::CameraStalled)).unwrap();
        assert_eq!((fault.kind, fault.reason), (Kind::Fault, 16));
        let fault = record(&Audit::FaultCleared(Fault::Tamper)).unwrap();
        assert_eq!((fault.kind, fault.reason), (Kind::Recovered, 0));
        assert_eq!(record(&Audit::Relocked(Ended::Pulse)), None);
    }

    /// The numbers are in flash, and stay.
    #[test]
    fn reasons_keep_their_numbers_and_are_those_of_the_door() {
        for (reason, number) in [
            (Reason::NoFace.name(), 1),
            (Reason::NotLive { score: 0.0, limit: 0.5 }.name(), 7),
            (Reason::SecondFactor.name(), 9),
            (Reason::ClockJumped { by_ms: 1 }.name(), 13),
            (Fault::Camera.name(), 14),
            (Fault::Model.name(), 17),
            (Fault::Gallery.name(), 18),
        ] {
            assert_eq!(code(reason), number, "{reason}");
        }
    }
}
