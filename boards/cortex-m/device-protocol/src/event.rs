//! What a device's log can say. The numbers are in its flash and on the line, and stay.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum EventKind {
    /// The door began to decide.
    Started = 1,
    /// A face opened it.
    Granted = 2,
    /// Something else did: the exit button, an operator.
    Opened = 3,
    /// Somebody was enrolled.
    Enrolled = 4,
    /// Somebody was removed.
    Removed = 5,
    /// People were read out over the device protocol.
    Exported = 6,
    /// A model was installed, on trial.
    Installed = 7,
    /// The model on trial was confirmed.
    Confirmed = 8,
    /// The model on trial was not, and the one before came back.
    RolledBack = 9,
    /// A torn last record of this log was dropped; `times` says how many slots.
    Repaired = 10,
    /// Records could not be written; `times` says how many.
    Lost = 11,
    /// The self-test failed; the reason says which part.
    SelfTestFailed = 12,
    /// It was opened under duress.
    Duress = 13,
    /// A face did not open the door.
    Refused = 64,
    /// Something was unclear, such as two faces, and the door waited.
    Held = 65,
    /// Too many refusals.
    LockedOut = 66,
    /// A part failed: camera, flash, clock.
    Fault = 67,
    /// It works again.
    Recovered = 68,
    /// Somebody without the key spoke to the device.
    Unauthorized = 69,
    /// Events came too fast to be recorded one by one; `times` says how many were not.
    Suppressed = 70,
    /// The door was forced, or left open.
    Alarm = 71,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Started,
        Self::Granted,
        Self::Opened,
        Self::Enrolled,
        Self::Removed,
        Self::Exported,
        Self::Installed,
        Self::Confirmed,
        Self::RolledBack,
        Self::Repaired,
        Self::Lost,
        Self::SelfTestFailed,
        Self::Duress,
        Self::Refused,
        Self::Held,
        Self::LockedOut,
        Self::Fault,
        Self::Recovered,
        Self::Unauthorized,
        Self::Suppressed,
        Self::Alarm,
    ];

    /// Its number in records.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Of a number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether whoever stands before the door, or speaks to it without the key, can make as many of these as they like.
    pub fn is_routine(self) -> bool {
        self.code() >= Self::Refused.code()
    }

    /// Its name in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Granted => "granted",
            Self::Opened => "opened",
            Self::Enrolled => "enrolled",
            Self::Removed => "removed",
            Self::Exported => "exported",
            Self::Installed => "installed",
            Self::Confirmed => "confirmed",
            Self::RolledBack => "rolled_back",
            Self::Repaired => "repaired",
            Self::Lost => "lost",
            Self::SelfTestFailed => "self_test_failed",
            Self::Duress => "duress",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::LockedOut => "locked_out",
            Self::Fault => "fault",
            Self::Recovered => "recovered",
            Self::Unauthorized => "unauthorized",
            Self::Suppressed => "suppressed",
            Self::Alarm => "alarm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_numbers() {
        for (kind, code) in [
            (EventKind::Started, 1),
            (EventKind::SelfTestFailed, 12),
            (EventKind::Duress, 13),
            (EventKind::Refused, 64),
            (EventKind::Suppressed, 70),
            (EventKind::Alarm, 71),
        ] {
            assert_eq!((kind.code(), EventKind::from_code(code)), (code, Some(kind)));
        }
        assert_eq!((EventKind::from_code(0), EventKind::from_code(14)), (None, None));
        assert!(EventKind::Refused.is_routine() && !EventKind::Duress.is_routine());
        assert_eq!(EventKind::RolledBack.name(), "rolled_back");
    }
}
