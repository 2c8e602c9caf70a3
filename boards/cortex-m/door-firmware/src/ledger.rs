//! What the door decided, as the log records it.
//!
//! | kind | reason |
//! |---|---|
//! | refused | as in `refusal` below: 1 no face, 2 unmeasured, 3 nobody enrolled, 4 unknown, 5 ambiguous, 6 and 7 the hour, 8 not live, 9 a still picture, 10 and 11 the second factor; 0x100 and more too low, 0x200 and more too high, by what was measured |
//! | locked out | how often it had refused |
//! | fault, recovered | 1 and so on in the order of [`Fault`](edge_infer::door::Fault), 0 for the clock |
//! | alarm | 1 forced, 2 left open |

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

/// The record of `entry`; `None` for what is the end of something that was recorded, or follows from settings and people.
fn record(entry: &Audit) -> Option<Event> {
    let new = |kind| Some(Event::new(kind));
    match entry {
        Audit::Unlocked(Cause::Person(person)) => Some(Event::new(Kind::Granted).person(*person)),
        Audit::Unlocked(Cause::Exit) => new(Kind::Opened),
        Audit::Refused { reason, person } => Some(Event { person: *person, ..refusal(reason) }),
        Audit::CredentialRefused => Some(refusal(&Reason::CredentialRefused)),
        Audit::Duress { person } => Some(Event::new(Kind::Duress).person(*person)),
        Audit::LockedOut { refusals, .. } => {
            let refusals = u16::try_from(*refusals).unwrap_or(u16::MAX);
            Some(Event::new(Kind::LockedOut).reason(refusals))
        }
        Audit::Held => new(Kind::Held),
        Audit::FaultRaised(fault) => Some(Event::new(Kind::Fault).reason(1 + *fault as u16)),
        Audit::FaultCleared(fault) => Some(Event::new(Kind::Recovered).reason(1 + *fault as u16)),
        Audit::Clock(_) => new(Kind::Fault),
        Audit::Forced => Some(Event::new(Kind::Alarm).reason(1)),
        Audit::LeftOpen => Some(Event::new(Kind::Alarm).reason(2)),
        Audit::Relocked(_) | Audit::Contact(_) | Audit::Calibrated { .. } => None,
    }
}

fn refusal(reason: &Reason) -> Event {
    let number = match reason {
        Reason::NoFace => 1,
        Reason::Unmeasured(_) => 2,
        Reason::NobodyEnrolled => 3,
        Reason::Unknown { .. } => 4,
        Reason::Ambiguous { .. } => 5,
        Reason::OutsideSchedule => 6,
        Reason::TimeUnknown => 7,
        Reason::NotLive { .. } => 8,
        Reason::Still { .. } => 9,
        Reason::SecondFactor => 10,
        Reason::CredentialRefused => 11,
        Reason::TooLow { measure, .. } => 0x100 + *measure as u16,
        Reason::TooHigh { measure, .. } => 0x200 + *measure as u16,
        _ => 0,
    };
    let event = Event::new(Kind::Refused).reason(number);
    match reason {
        Reason::Unknown { cosine, .. } => event.cosine(*cosine),
        _ => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_infer::door::{Ended, Fault, Measure};

    #[test]
    fn openings_refusals_and_alarms_are_recorded() {
        let of = |entry| record(&entry);
        assert_eq!(
            of(Audit::Unlocked(Cause::Person(7))),
            Some(Event::new(Kind::Granted).person(7))
        );
        assert_eq!(of(Audit::Unlocked(Cause::Exit)), Some(Event::new(Kind::Opened)));
        assert_eq!(of(Audit::Duress { person: 7 }), Some(Event::new(Kind::Duress).person(7)));
        let reason = Reason::Unknown { cosine: 0.25, limit: 0.5 };
        let unknown = Event::new(Kind::Refused).reason(4).cosine(0.25);
        assert_eq!(of(Audit::Refused { reason, person: None }), Some(unknown));
        let reason = Reason::TooLow { measure: Measure::Sharpness, value: 1.0, limit: 2.0 };
        let blurred = Event::new(Kind::Refused).reason(0x101).person(7);
        assert_eq!(of(Audit::Refused { reason, person: Some(7) }), Some(blurred));
        let lockout = Audit::LockedOut { refusals: 70_000, pause_ms: 1 };
        assert_eq!(of(lockout), Some(Event::new(Kind::LockedOut).reason(u16::MAX)));
        assert_eq!(of(Audit::FaultRaised(Fault::Camera)), Some(Event::new(Kind::Fault).reason(1)));
        assert_eq!(
            of(Audit::FaultCleared(Fault::Other)),
            Some(Event::new(Kind::Recovered).reason(8))
        );
        assert_eq!(of(Audit::LeftOpen), Some(Event::new(Kind::Alarm).reason(2)));
        assert_eq!(of(Audit::Relocked(Ended::Pulse)), None);
    }
}
