//! The door: what was told to it so far, and what follows from the next event.

use super::action::Actions;
use super::camera::Camera;
use super::clock::{Clock, Countdown, Passed};
use super::contact::Doorway;
use super::credential::Shown;
use super::event::Faults;
use super::evidence::{Evidence, Progress};
use super::lockout::Lockout;
use super::pulse::Pulse;
use super::{
    Action, Audit, Bolt, Calibration, Cause, Contact, Decision, Ended, Event, Exit, Fault,
    Observation, Policy, PolicyError, Reason, State, gate,
};

/// A door and all it remembers.
#[derive(Clone, Debug)]
pub struct Door {
    policy: Policy,
    calibration: Option<Calibration>,
    clock: Clock,
    camera: Camera,
    faults: Faults,
    lockout: Lockout,
    doorway: Doorway,
    evidence: Evidence,
    shown: Shown,
    hold: Countdown,
    cooldown: Countdown,
    retry: Countdown,
    pulse: Option<Pulse>,
}

impl Door {
    /// A locked door that is not calibrated and has seen nothing.
    ///
    /// # Errors
    /// [`PolicyError`] when the policy is unsafe.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        Self::resume(policy, 0)
    }

    /// A locked door after a restart, with the [`refusals`](Self::refusals) of the time before it. If they cost a pause, it starts
    /// anew.
    ///
    /// # Errors
    /// [`PolicyError`] when the policy is unsafe.
    pub fn resume(policy: Policy, refusals: u32) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Self {
            policy,
            calibration: None,
            clock: Clock::default(),
            camera: Camera::NEW,
            faults: Faults::default(),
            lockout: Lockout::resume(refusals, &policy.lockout),
            doorway: Doorway::default(),
            evidence: Evidence::default(),
            shown: Shown::default(),
            hold: Countdown::default(),
            cooldown: Countdown::default(),
            retry: Countdown::default(),
            pulse: None,
        })
    }

    /// The settings.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Refusals that count towards a pause. To be kept over a restart, so that switching the door off is no way around it.
    pub fn refusals(&self) -> u32 {
        self.lockout.refusals()
    }

    /// Where the door is, as of the last step.
    pub fn state(&self) -> State {
        if let Some(pulse) = self.pulse {
            return State::Granted { cause: pulse.cause(), left_ms: pulse.left_ms() };
        }
        if let Some(fault) = self.faults.first() {
            return State::Faulted(fault);
        }
        if let Some(left_ms) = self.lockout.left() {
            return State::LockedOut { left_ms };
        }
        if let Some(left_ms) = self.hold.left() {
            return State::Held { left_ms };
        }
        if let Some(left_ms) = self.cooldown.left().max(self.retry.left()) {
            return State::Cooldown { left_ms };
        }
        match self.evidence.candidate() {
            Some((track, good)) => State::Candidate { track, good },
            None => State::Locked,
        }
    }

    /// Tells the door what happened at `now_ms` of a clock that never goes back and runs while the board sleeps. A clock that does
    /// go back, jumps or stops ends an unlock and starts every attempt anew.
    ///
    /// Never panics, whatever the numbers are.
    pub fn step(&mut self, now_ms: u64, event: Event) -> Decision {
        let mut actions = Actions::default();
        let clock = self.pass(now_ms, &mut actions);
        let event = self.tell(now_ms, event, &mut actions);
        let (bolt, reason) = match self.pulse {
            Some(_) => (Bolt::Unlocked, Reason::Open),
            None => (
                Bolt::Locked,
                event.or(clock).unwrap_or_else(|| self.pending().unwrap_or(Reason::Idle)),
            ),
        };
        Decision::new(bolt, reason, actions)
    }

    /// Lets time go by; what is wrong with the clock.
    fn pass(&mut self, now_ms: u64, actions: &mut Actions) -> Option<Reason> {
        let (ms, oddity) = match self.clock.pass(now_ms, self.policy.step_ms) {
            Passed::Forward(ms) => (ms, None),
            Passed::Jumped(by_ms) => (self.policy.step_ms, Some(Reason::ClockJumped { by_ms })),
            Passed::Backwards(by_ms) => (0, Some(Reason::ClockBackwards { by_ms })),
        };
        self.evidence.pass(ms);
        self.camera.pass(ms);
        self.lockout.pass(ms);
        self.hold.run(ms);
        self.cooldown.run(ms);
        self.retry.run(ms);
        self.shown.pass(ms);
        if self.doorway.pass(ms) {
            actions.audit(Audit::LeftOpen);
        }
        // What begins now has none of that time behind it.
        if let Some(reason) = oddity {
            actions.audit(Audit::Clock(reason));
            self.close(Ended::Clock, actions);
            self.forget();
            // The frames so far belong to another time.
            self.camera.restart();
        }
        if let Some(why) = self.pulse.as_mut().and_then(|pulse| pulse.run(ms)) {
            self.close(why, actions);
        }
        if self.camera.is_stalled(&self.policy.camera) {
            self.raise(Fault::CameraStalled, actions);
        }
        oddity
    }

    /// What the event itself does; why it does not open.
    fn tell(&mut self, now_ms: u64, event: Event, actions: &mut Actions) -> Option<Reason> {
        match event {
            Event::Tick => None,
            Event::Frame(observation) => Some(self.see(now_ms, &observation, actions)),
            Event::Calibration(calibration) => {
                self.calibration = calibration;
                self.forget();
                actions
                    .audit(Audit::Calibrated { cosine: calibration.map(|chosen| chosen.cosine()) });
                None
            }
            Event::Credential(credential) => {
                if credential.duress {
                    actions.audit(Audit::Duress { person: credential.person });
                }
                // During a pause a right PIN is treated as a wrong one is, so that none can be found out.
                if self.lockout.left().is_none() {
                    self.shown.show(credential, self.policy.second_factor);
                }
                None
            }
            Event::CredentialRefused if self.lockout.left().is_some() => None,
            Event::CredentialRefused => {
                actions.audit(Audit::CredentialRefused);
                self.refuse(actions);
                Some(Reason::CredentialRefused)
            }
            Event::ExitButton => self.let_out(actions),
            Event::Contact(contact) => {
                let unlocked = self.pulse.is_some();
                if let Some(record) = self.doorway.set(contact, unlocked, &self.policy.contact) {
                    actions.audit(record);
                }
                if contact == Contact::Open && self.policy.contact.relock_on_open {
                    self.close(Ended::Opened, actions);
                }
                None
            }
            Event::FaultRaised(fault) => {
                self.raise(fault, actions);
                None
            }
            Event::FaultCleared(fault) => {
                if fault == Fault::Camera {
                    self.camera.restart();
                }
                self.clear(fault, actions);
                None
            }
        }
    }

    /// The exit button.
    fn let_out(&mut self, actions: &mut Actions) -> Option<Reason> {
        match (self.policy.exit, self.cooldown.left()) {
            (Exit::Off, _) => Some(Reason::ExitOff),
            (Exit::Free, Some(left_ms)) => Some(Reason::Cooldown { left_ms }),
            (Exit::Free, None) => {
                if self.pulse.is_none() {
                    self.open(Cause::Exit, actions);
                }
                None
            }
        }
    }

    /// A frame: new, alone, at a time when faces are judged, good, one of enough.
    fn see(&mut self, now_ms: u64, observation: &Observation, actions: &mut Actions) -> Reason {
        // Of an old frame too: it speaks against opening.
        self.watch_for_others(observation, actions);
        if let Err(reason) = self.camera.see(now_ms, observation.stamp, &self.policy.camera) {
            if self.camera.is_frozen(&self.policy.camera) {
                self.raise(Fault::CameraFrozen, actions);
            }
            return reason;
        }
        self.clear(Fault::CameraFrozen, actions);
        self.clear(Fault::CameraStalled, actions);
        let calibration = match (self.pending(), self.calibration) {
            (Some(reason), _) => {
                self.evidence.clear();
                return reason;
            }
            (None, None) => return Reason::Uncalibrated,
            (None, Some(calibration)) => calibration,
        };
        if calibration.target_fpir() > self.policy.target_fpir {
            return Reason::Uncalibrated;
        }
        let Some(face) = &observation.face else { return Reason::NoFace };
        self.evidence.follow(face.track);
        if let Err(reason) = self.policy.face.fit(face) {
            return reason;
        }
        let first = self.evidence.candidate().is_none();
        let judged = gate::recognise(&self.policy, &calibration, face, first);
        match self.evidence.add(judged, &self.policy.frames) {
            Progress::Open(reason) => reason,
            Progress::Proven(person) => self.admit(person, actions),
            Progress::Refused { reason, person, false_claim } => {
                self.evidence.clear();
                self.retry.start(self.policy.retry_ms);
                actions.audit(Audit::Refused { reason, person });
                if false_claim || (self.policy.lockout.strangers && reason.is_stranger()) {
                    self.refuse(actions);
                }
                reason
            }
        }
    }

    /// A second face, near enough to enter, holds the door. One of a size that nobody can tell does too.
    fn watch_for_others(&mut self, observation: &Observation, actions: &mut Actions) {
        let subject = observation.face.as_ref().map(|face| face.eye_distance);
        let holds = |other: f32| self.policy.face.holds(subject, other);
        if !observation.other_eye_distance.is_some_and(holds) {
            return;
        }
        if self.hold.left().is_none() {
            actions.audit(Audit::Held);
        }
        self.hold.start(self.policy.hold_ms);
        self.forget();
        self.end_entry(Ended::SecondFace, actions);
    }

    /// Why no face is judged now.
    fn pending(&self) -> Option<Reason> {
        if let Some(fault) = self.faults.first() {
            return Some(Reason::Faulted(fault));
        }
        if let Some(left_ms) = self.lockout.left() {
            return Some(Reason::LockedOut { left_ms });
        }
        if let Some(left_ms) = self.hold.left() {
            return Some(Reason::Held { left_ms });
        }
        if self.pulse.is_some() {
            return Some(Reason::Open);
        }
        if self.doorway.is_open() {
            return Some(Reason::StandsOpen);
        }
        let cooldown = self.cooldown.left().map(|left_ms| Reason::Cooldown { left_ms });
        cooldown.or(self.retry.left().map(|left_ms| Reason::Retry { left_ms }))
    }

    /// Enough good frames of `person`, the last just now.
    fn admit(&mut self, person: u32, actions: &mut Actions) -> Reason {
        if !self.shown.suffices(person, self.policy.second_factor) {
            return Reason::SecondFactor;
        }
        self.lockout.forgive();
        self.open(Cause::Person(person), actions);
        Reason::Open
    }

    fn open(&mut self, cause: Cause, actions: &mut Actions) {
        self.pulse = Some(Pulse::new(cause, self.policy.pulse_ms));
        self.forget();
        actions.push(Action::Unlock { cause, pulse_ms: self.policy.pulse_ms });
        actions.audit(Audit::Unlocked(cause));
    }

    /// Ends an unlock, if there is one.
    fn close(&mut self, why: Ended, actions: &mut Actions) {
        if self.pulse.take().is_some() {
            self.cooldown.start(self.policy.cooldown_ms);
            self.doorway.relocked(&self.policy.contact);
            actions.push(Action::Lock);
            actions.audit(Audit::Relocked(why));
        }
    }

    /// Ends an unlock for somebody who enters; who leaves is not kept in.
    fn end_entry(&mut self, why: Ended, actions: &mut Actions) {
        if self.pulse.is_some_and(|pulse| pulse.cause() != Cause::Exit) {
            self.close(why, actions);
        }
    }

    /// Nothing that was shown so far counts.
    fn forget(&mut self) {
        self.evidence.clear();
        self.shown.forget();
    }

    fn refuse(&mut self, actions: &mut Actions) {
        self.forget();
        if let Some(pause_ms) = self.lockout.refuse(&self.policy.lockout) {
            actions.audit(Audit::LockedOut { refusals: self.lockout.refusals(), pause_ms });
            self.end_entry(Ended::LockedOut, actions);
        }
    }

    fn raise(&mut self, fault: Fault, actions: &mut Actions) {
        if self.faults.raise(fault) {
            self.forget();
            actions.audit(Audit::FaultRaised(fault));
            self.end_entry(Ended::Fault, actions);
        }
    }

    fn clear(&mut self, fault: Fault, actions: &mut Actions) {
        if self.faults.clear(fault) {
            actions.audit(Audit::FaultCleared(fault));
        }
    }
}
