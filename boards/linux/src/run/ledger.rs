//! What the door decided, as the log records it.

use crate::audit::{Event, Kind};
use crate::store::PersonId;
use edge_infer::door::{Audit, Cause};

/// The record of `entry`; `None` for what is the end of something that was recorded.
pub(super) fn record(entry: &Audit) -> Option<Event> {
    let text = |kind, text: &str| Some(Event::new(kind).reason(text));
    match entry {
        Audit::Unlocked(Cause::Person(person)) => {
            Some(Event::new(Kind::Granted).person(PersonId(*person)))
        }
        Audit::Unlocked(Cause::Exit) => text(Kind::Opened, "the exit button"),
        Audit::Refused { reason, person } => {
            let event = Event::new(Kind::Refused).reason(&reason.to_string());
            Some(match person {
                Some(person) => event.person(PersonId(*person)),
                None => event,
            })
        }
        Audit::CredentialRefused => text(Kind::Refused, "the PIN or card is not valid"),
        Audit::Duress { person } => Some(Event::new(Kind::Duress).person(PersonId(*person))),
        Audit::LockedOut { refusals, pause_ms } => {
            let seconds = pause_ms.div_ceil(1_000);
            text(Kind::LockedOut, &format!("{refusals} refusals, a pause of {seconds} s"))
        }
        Audit::Held => text(Kind::Held, "a second face"),
        Audit::FaultRaised(fault) => text(Kind::Fault, fault.name()),
        Audit::FaultCleared(fault) => text(Kind::Recovered, fault.name()),
        Audit::Clock(reason) => text(Kind::Fault, &reason.to_string()),
        Audit::Forced => text(Kind::Alarm, "the door was opened without leave"),
        Audit::LeftOpen => text(Kind::Alarm, "the door was left open"),
        Audit::Calibrated { cosine: Some(cosine) } => {
            Some(Event::new(Kind::Configured).reason("calibrated").cosine(*cosine))
        }
        Audit::Calibrated { cosine: None } => text(Kind::Configured, "not calibrated"),
        Audit::Relocked(_) | Audit::Contact(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_infer::door::{Ended, Fault, Reason};

    #[test]
    fn openings_refusals_and_alarms_are_recorded() {
        let kind = |entry| record(&entry).map(|event| (event.kind, event.person));
        let ada = Some(PersonId(7));
        assert_eq!(kind(Audit::Unlocked(Cause::Person(7))), Some((Kind::Granted, ada)));
        assert_eq!(kind(Audit::Unlocked(Cause::Exit)), Some((Kind::Opened, None)));
        assert_eq!(kind(Audit::Duress { person: 7 }), Some((Kind::Duress, ada)));
        let refused = Audit::Refused { reason: Reason::NoFace, person: Some(7) };
        assert_eq!(kind(refused), Some((Kind::Refused, ada)));
        assert_eq!(kind(Audit::Forced), Some((Kind::Alarm, None)));
        assert_eq!(kind(Audit::Relocked(Ended::Pulse)), None);
        let fault = record(&Audit::FaultRaised(Fault::Camera)).unwrap();
        assert_eq!(fault.reason.as_deref(), Some("camera"));
    }
}
