//! What the door says: actions in their order, and why it is not open.

use super::{Contact, Fault, Reason};

/// Most actions of one step.
pub const MAX_ACTIONS: usize = 8;

/// Something for the board to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Release the lock. A board that can should end the pulse by itself too.
    Unlock {
        /// On whose account.
        cause: Cause,
        /// For how long at most.
        pulse_ms: u32,
    },
    /// Engage the lock.
    Lock,
    /// Write this into the audit log.
    Audit(Audit),
}

/// On whose account the lock was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody's face, and their PIN or card if that is asked for.
    Person(u32),
    /// The button on the inside.
    Exit,
}

/// An entry of the audit log. Entries come with changes, never with every frame, so that nobody can push the log full by standing
/// before the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Audit {
    /// The lock was released.
    Unlocked(Cause),
    /// The lock was engaged again.
    Relocked(Ended),
    /// An attempt ended without an unlock.
    Refused {
        /// Of its last frame that was not good.
        reason: Reason,
        /// Whom its good frames were of; `None` if it had none.
        person: Option<u32>,
    },
    /// A PIN or card was nobody's.
    CredentialRefused,
    /// Somebody gave the PIN or card for being forced. An alarm, in silence.
    Duress {
        /// Whose it is.
        person: u32,
    },
    /// A pause began.
    LockedOut {
        /// Refusals so far.
        refusals: u32,
        /// The pause.
        pause_ms: u32,
    },
    /// A second face came.
    Held,
    /// Something broke.
    FaultRaised(Fault),
    /// It works again.
    FaultCleared(Fault),
    /// The clock went backwards or jumped: [`Reason::ClockBackwards`] or [`Reason::ClockJumped`].
    Clock(Reason),
    /// The door was opened or closed as it may be.
    Contact(Contact),
    /// The door was opened without leave. An alarm.
    Forced,
    /// The door has stood open for too long. An alarm.
    LeftOpen,
    /// A cosine to match at was set, or taken away.
    Calibrated {
        /// `None`: taken away.
        cosine: Option<f32>,
    },
}

impl Audit {
    /// One word that stays the same, for logs, counters and programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unlocked(_) => "unlocked",
            Self::Relocked(_) => "relocked",
            Self::Refused { .. } => "refused",
            Self::CredentialRefused => "credential-refused",
            Self::Duress { .. } => "duress",
            Self::LockedOut { .. } => "locked-out",
            Self::Held => "held",
            Self::FaultRaised(_) => "fault-raised",
            Self::FaultCleared(_) => "fault-cleared",
            Self::Clock(_) => "clock",
            Self::Contact(Contact::Open) => "door-opened",
            Self::Contact(Contact::Closed) => "door-closed",
            Self::Forced => "forced",
            Self::LeftOpen => "left-open",
            Self::Calibrated { .. } => "calibrated",
        }
    }

    /// Whether somebody should look at once: duress, a door forced or left open.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Duress { .. } | Self::Forced | Self::LeftOpen)
    }
}

/// Why an unlock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time was over.
    Pulse,
    /// The door was opened.
    Opened,
    /// A second face came.
    SecondFace,
    /// Something broke.
    Fault,
    /// The clock went backwards, jumped or stood still.
    Clock,
    /// Refusals locked the door for a while.
    LockedOut,
}

/// The level of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bolt {
    /// Engaged.
    Locked,
    /// Released.
    Unlocked,
}

/// What a step came to.
///
/// It is no condition, and cannot be left unread:
///
/// ```compile_fail,E0308
/// # let mut door = edge_infer::door::Door::new(Default::default()).unwrap();
/// if door.step(0, edge_infer::door::Event::Tick) {}
/// ```
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # let mut door = edge_infer::door::Door::new(Default::default()).unwrap();
/// door.step(0, edge_infer::door::Event::Tick);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a lock that is not driven as decided stays as it was"]
pub struct Decision {
    bolt: Bolt,
    reason: Reason,
    actions: Actions,
}

impl Decision {
    pub(super) fn new(bolt: Bolt, reason: Reason, actions: Actions) -> Self {
        Self { bolt, reason, actions }
    }

    /// The level of the lock from now on. It follows from all actions so far; a board that drives it after every step needs no
    /// memory of its own.
    pub fn bolt(&self) -> Bolt {
        self.bolt
    }

    /// Why the door is not open; [`Reason::Open`] if it is.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What to do, in this order.
    pub fn actions(&self) -> impl Iterator<Item = Action> + '_ {
        self.actions.list.iter().flatten().copied()
    }
}

/// Actions in the order in which they were decided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Actions {
    list: [Option<Action>; MAX_ACTIONS],
}

impl Actions {
    /// Adds one. No step has more than there are places; if one had, the last would be left out, and the lock still be driven
    /// right by [`Decision::bolt`].
    pub(super) fn push(&mut self, action: Action) {
        if let Some(place) = self.list.iter_mut().find(|place| place.is_none()) {
            *place = Some(action);
        }
    }

    pub(super) fn audit(&mut self, record: Audit) {
        self.push(Action::Audit(record));
    }
}
