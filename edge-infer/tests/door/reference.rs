//! The door once more, slow and plain: it keeps everything that ever happened, and looks it all through at every step.

use edge_infer::door::{
    Action, Admission, Bolt, Calibration, Contact, Door, Event, Exit, Face, Fault, Liveness,
    Observation, Policy, SecondFactor,
};
use proptest::prelude::*;

use crate::story::{Story, story};

/// Something that happened, at a time that only goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Note {
    /// A step, whatever it brought.
    Step,
    /// The clock did not move.
    Standstill,
    /// What was shown so far counts no more.
    Forget,
    /// An attempt ends, but a PIN stays.
    Drop,
    /// The camera begins anew.
    Restart,
    Pixels(u64),
    Repeated,
    New {
        captured_ms: u64,
        sequence: u64,
    },
    SecondFace,
    Face {
        track: u32,
    },
    Fit {
        good: Option<u32>,
        claim: bool,
        stranger: bool,
    },
    /// An attempt ended without an unlock.
    Refused,
    /// A refusal that counts.
    Counted,
    Opened {
        entry: bool,
    },
    Closed,
    Raised(Fault),
    Cleared(Fault),
    Pin(u32),
    Door(Contact),
}

struct Reference {
    policy: Policy,
    calibration: Option<Calibration>,
    last_ms: Option<u64>,
    time: u64,
    notes: Vec<(u64, Note)>,
}

impl Reference {
    fn new(policy: Policy) -> Self {
        Self { policy, calibration: None, last_ms: None, time: 0, notes: Vec::new() }
    }

    fn note(&mut self, note: Note) {
        self.notes.push((self.time, note));
    }

    fn last(&self, wanted: impl Fn(Note) -> bool) -> Option<(u64, Note)> {
        self.notes.iter().rfind(|(_, note)| wanted(*note)).copied()
    }

    /// What happened after the last note of a kind.
    fn since(&self, wanted: impl Fn(Note) -> bool) -> &[(u64, Note)] {
        let at = self.notes.iter().rposition(|(_, note)| wanted(*note)).map_or(0, |at| at + 1);
        &self.notes[at..]
    }

    fn within(&self, ms: u32, wanted: impl Fn(Note) -> bool) -> bool {
        self.last(wanted).is_some_and(|(at, _)| self.time < at + u64::from(ms))
    }

    fn open(&self) -> Option<(u64, bool)> {
        match self.last(|note| matches!(note, Note::Opened { .. } | Note::Closed))? {
            (at, Note::Opened { entry }) => Some((at, entry)),
            _ => None,
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.last(|note| note == Note::Raised(fault) || note == Note::Cleared(fault))
            .is_some_and(|(_, note)| note == Note::Raised(fault))
    }

    fn faulted(&self) -> bool {
        self.notes.iter().any(|(_, note)| matches!(note, Note::Raised(fault) if self.has(*fault)))
    }

    /// Refusals that count, and the end of the last pause.
    fn refusals(&self) -> (u32, u64) {
        let policy = self.policy.lockout;
        let (mut refusals, mut pause_end, mut quiet_since) = (0_u32, 0, None);
        for &(at, note) in &self.notes {
            if at >= pause_end && quiet_since.is_none() {
                quiet_since = Some(at);
            }
            if quiet_since.is_some_and(|since| at >= since + u64::from(policy.forget_ms)) {
                refusals = 0;
            }
            match note {
                Note::Counted => {
                    refusals += 1;
                    quiet_since = Some(at);
                    if refusals > policy.free.into() {
                        let doublings = (refusals - u32::from(policy.free) - 1).min(20);
                        let pause =
                            (u64::from(policy.first_ms) << doublings).min(policy.longest_ms.into());
                        pause_end = at + pause;
                        quiet_since = None;
                    }
                }
                Note::Opened { entry: true } => refusals = 0,
                _ => {}
            }
        }
        (refusals, pause_end)
    }

    fn locked_out(&self) -> bool {
        self.time < self.refusals().1
    }

    /// No face is judged now.
    fn pending(&self) -> bool {
        let policy = self.policy;
        self.faulted()
            || self.locked_out()
            || self.within(policy.hold_ms, |note| note == Note::SecondFace)
            || self.open().is_some()
            || self.stands_open()
            || self.within(policy.cooldown_ms, |note| note == Note::Closed)
            || self.within(policy.retry_ms, |note| note == Note::Refused)
    }

    fn stands_open(&self) -> bool {
        self.last(|note| matches!(note, Note::Door(_)))
            .is_some_and(|(_, note)| note == Note::Door(Contact::Open))
    }

    /// The fit frames of the attempt that goes on.
    fn attempt(&self) -> Vec<(u64, Note)> {
        let mut frames: Vec<(u64, Note)> = Vec::new();
        let mut of = None;
        for &(at, note) in &self.notes {
            if frames
                .first()
                .is_some_and(|(first, _)| at >= first + u64::from(self.policy.frames.window_ms))
            {
                frames.clear();
            }
            match note {
                Note::Forget | Note::Drop | Note::Refused => frames.clear(),
                Note::Face { track } => {
                    if of != Some(track) {
                        frames.clear();
                    }
                    of = Some(track);
                }
                Note::Fit { .. } => frames.push((at, note)),
                _ => {}
            }
        }
        frames
    }

    fn close(&mut self, commands: &mut Vec<Bolt>) {
        if self.open().is_some() {
            self.note(Note::Closed);
            commands.push(Bolt::Locked);
        }
    }

    fn end_entry(&mut self, commands: &mut Vec<Bolt>) {
        if self.open().is_some_and(|(_, entry)| entry) {
            self.close(commands);
        }
    }

    fn raise(&mut self, fault: Fault, commands: &mut Vec<Bolt>) {
        if !self.has(fault) {
            self.note(Note::Raised(fault));
            self.note(Note::Forget);
            self.end_entry(commands);
        }
    }

    fn count_refusal(&mut self, commands: &mut Vec<Bolt>) {
        self.note(Note::Counted);
        self.note(Note::Forget);
        if self.locked_out() {
            self.end_entry(commands);
        }
    }

    fn unlock(&mut self, entry: bool, commands: &mut Vec<Bolt>) {
        self.note(Note::Opened { entry });
        self.note(Note::Forget);
        commands.push(Bolt::Unlocked);
    }

    /// What the lock is driven to, in order.
    fn step(&mut self, now_ms: u64, event: Event) -> Vec<Bolt> {
        let mut commands = Vec::new();
        let last = self.last_ms.replace(now_ms).unwrap_or(now_ms);
        let step_ms = u64::from(self.policy.step_ms);
        let odd = now_ms < last || now_ms - last > step_ms;
        let passed = now_ms.saturating_sub(last).min(step_ms);
        self.time += passed;
        self.note(Note::Step);
        if odd {
            self.close(&mut commands);
            self.note(Note::Forget);
            self.note(Note::Restart);
        }
        if passed == 0 {
            self.note(Note::Standstill);
        }
        if let Some((at, _)) = self.open() {
            let over = self.time >= at + u64::from(self.policy.pulse_ms);
            let opened = self.since(|note| matches!(note, Note::Opened { .. }));
            let standstills = opened.iter().filter(|(_, note)| *note == Note::Standstill).count();
            if over || standstills >= 100 {
                self.close(&mut commands);
            }
        }
        let heard = self.last(|note| matches!(note, Note::New { .. } | Note::Restart));
        if self.time >= heard.map_or(0, |(at, _)| at) + u64::from(self.policy.camera.stall_ms) {
            self.raise(Fault::CameraStalled, &mut commands);
        }
        match event {
            Event::Tick => {}
            Event::Frame(observation) => self.see(now_ms, &observation, &mut commands),
            Event::Calibration(calibration) => {
                self.calibration = calibration;
                self.note(Note::Forget);
            }
            Event::Credential(credential) => {
                if self.policy.second_factor != SecondFactor::Off && !self.locked_out() {
                    self.note(Note::Pin(credential.person));
                }
            }
            Event::CredentialRefused => {
                if !self.locked_out() {
                    self.count_refusal(&mut commands);
                }
            }
            Event::ExitButton => {
                let cooling = self.within(self.policy.cooldown_ms, |note| note == Note::Closed);
                if self.policy.exit == Exit::Free && self.open().is_none() && !cooling {
                    self.unlock(false, &mut commands);
                }
            }
            Event::Contact(contact) => {
                self.note(Note::Door(contact));
                if contact == Contact::Open && self.policy.contact.relock_on_open {
                    self.close(&mut commands);
                }
            }
            Event::FaultRaised(fault) => self.raise(fault, &mut commands),
            Event::FaultCleared(fault) => {
                if fault == Fault::Camera {
                    self.note(Note::Restart);
                }
                self.note(Note::Cleared(fault));
            }
        }
        commands
    }

    fn is_new(&mut self, now_ms: u64, seen: &Observation) -> bool {
        let stamp = seen.stamp;
        let pixels = self.notes.iter().rev().filter(|(_, note)| matches!(note, Note::Pixels(_)));
        if pixels.take(16).any(|(_, note)| *note == Note::Pixels(stamp.digest)) {
            self.note(Note::Repeated);
            return false;
        }
        self.note(Note::Pixels(stamp.digest));
        let before = self.since(|note| note == Note::Restart);
        let before = before.iter().rev().find_map(|(_, note)| match note {
            Note::New { captured_ms, sequence } => Some((*captured_ms, *sequence)),
            _ => None,
        });
        stamp.captured_ms <= now_ms
            && now_ms - stamp.captured_ms <= self.policy.camera.age_ms.into()
            && before.is_none_or(|(captured_ms, sequence)| {
                stamp.captured_ms > captured_ms && stamp.sequence > sequence
            })
    }

    fn see(&mut self, now_ms: u64, seen: &Observation, commands: &mut Vec<Bolt>) {
        let limits = self.policy.face;
        let large = seen.face.map_or(f32::NAN, |face| face.eye_distance) * limits.other_share;
        let near =
            |size: f32| size >= limits.other_eye_distance && (large.is_nan() || size >= large);
        if seen.other_eye_distance.is_some_and(|size| size.is_nan() || near(size)) {
            self.note(Note::SecondFace);
            self.note(Note::Forget);
            self.end_entry(commands);
        }
        if !self.is_new(now_ms, seen) {
            let repeated = self.since(|note| matches!(note, Note::New { .. }));
            let repeated = repeated.iter().filter(|(_, note)| *note == Note::Repeated).count();
            if repeated >= self.policy.camera.frozen_frames.into() {
                self.raise(Fault::CameraFrozen, commands);
            }
            return;
        }
        let (captured_ms, sequence) = (seen.stamp.captured_ms, seen.stamp.sequence);
        self.note(Note::New { captured_ms, sequence });
        self.note(Note::Cleared(Fault::CameraFrozen));
        self.note(Note::Cleared(Fault::CameraStalled));
        if self.pending() {
            self.note(Note::Drop);
            return;
        }
        let (Some(calibration), Some(face)) = (self.calibration, &seen.face) else { return };
        self.note(Note::Face { track: face.track });
        let Some(fit) = self.judge(&calibration, face) else { return };
        self.note(fit);
        self.conclude(fit, commands);
    }

    /// The worth of a frame; `None` if it is not fit to be judged.
    fn judge(&self, calibration: &Calibration, face: &Face) -> Option<Note> {
        let (policy, limits) = (&self.policy, &self.policy.face);
        let pose = face.pose?;
        let quality = face.quality;
        let fit = face.eye_distance >= limits.eye_distance
            && (limits.darkest..=limits.brightest).contains(&quality.brightness)
            && quality.dark + quality.bright <= limits.clipped
            && quality.sharpness >= limits.sharpness
            && pose.yaw.abs() <= limits.yaw
            && pose.pitch.abs() <= limits.pitch
            && pose.roll.abs() <= limits.roll;
        if !fit {
            return None;
        }
        let bad = |claim, stranger| Some(Note::Fit { good: None, claim, stranger });
        let Some(matched) = face.matched else { return bad(false, true) };
        let best = matched.best;
        if matched.templates > calibration.templates() || best.cosine.is_nan() {
            return bad(false, false);
        }
        if best.cosine < calibration.cosine() {
            return bad(false, true);
        }
        let lead = best.runner_up.map_or(2.0, |second| best.cosine - second.cosine);
        if lead < policy.margin {
            return bad(true, false);
        }
        if let Liveness::AtLeast(least) = policy.liveness {
            match face.liveness {
                None => return bad(false, false),
                Some(score) if score < least => return bad(true, false),
                Some(_) => {}
            }
        }
        match face.to_previous {
            None if !self.attempt().is_empty() => return bad(false, false),
            Some(cosine) if cosine >= policy.still_cosine => return bad(true, false),
            _ => {}
        }
        if matched.admission != Admission::Inside {
            return bad(false, false);
        }
        Some(Note::Fit { good: Some(best.person), claim: false, stranger: false })
    }

    /// What the attempt has come to with its last frame.
    fn conclude(&mut self, last: Note, commands: &mut Vec<Bolt>) {
        let attempt = self.attempt();
        let of = |good: &Note| match good {
            Note::Fit { good, .. } => *good,
            _ => None,
        };
        let person = attempt.iter().rev().find_map(|(_, note)| of(note));
        let goods = attempt.iter().rev().filter_map(|(_, note)| of(note));
        let good = goods.take_while(|good| Some(*good) == person).count();
        let needed = usize::from(self.policy.frames.good);
        if good >= needed {
            if of(&last).is_some() && self.has_pin(person) {
                self.unlock(true, commands);
            }
            return;
        }
        if good + usize::from(self.policy.frames.of).saturating_sub(attempt.len()) < needed {
            let bad = attempt.iter().rev().find(|(_, note)| of(note).is_none());
            let stranger = matches!(bad, Some((_, Note::Fit { stranger: true, .. })));
            let claimed =
                attempt.iter().any(|(_, note)| matches!(note, Note::Fit { claim: true, .. }));
            self.note(Note::Refused);
            if claimed || (self.policy.lockout.strangers && stranger) {
                self.count_refusal(commands);
            }
        }
    }

    fn has_pin(&self, person: Option<u32>) -> bool {
        let SecondFactor::Within(ms) = self.policy.second_factor else { return true };
        let pins = self.since(|note| note == Note::Forget);
        let pin = pins.iter().rfind(|(_, note)| matches!(note, Note::Pin(_)));
        pin.is_some_and(|&(at, note)| {
            person.map(Note::Pin) == Some(note) && self.time < at + u64::from(ms)
        })
    }
}

/// Tells both the same story; how often the door opened for a face, and how often it was locked out.
pub(crate) fn compare(Story { policy, events }: &Story) -> Result<(usize, usize), TestCaseError> {
    let mut door = Door::new(*policy).unwrap();
    let mut reference = Reference::new(*policy);
    for (step, &(now, event)) in events.iter().enumerate() {
        let decision = door.step(now, event);
        let commands: Vec<Bolt> = decision
            .actions()
            .filter_map(|action| match action {
                Action::Unlock { .. } => Some(Bolt::Unlocked),
                Action::Lock => Some(Bolt::Locked),
                Action::Audit(_) => None,
            })
            .collect();
        let expected = reference.step(now, event);
        prop_assert_eq!(
            commands,
            expected,
            "step {} at {}: {:?}, {}",
            step,
            now,
            event,
            decision.reason()
        );
        let bolt = if reference.open().is_some() { Bolt::Unlocked } else { Bolt::Locked };
        prop_assert_eq!(decision.bolt(), bolt);
        prop_assert_eq!(
            door.refusals(),
            reference.refusals().0,
            "step {} at {}: {:?}",
            step,
            now,
            event
        );
    }
    let count =
        |wanted: fn(&Note) -> bool| reference.notes.iter().filter(|(_, note)| wanted(note)).count();
    Ok((
        count(|note| matches!(note, Note::Opened { entry: true })),
        count(|note| matches!(note, Note::Counted)),
    ))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_door_does_what_the_plain_one_does(story in story(300)) {
        compare(&story)?;
    }
}

/// Otherwise the comparison would say little.
#[test]
fn in_the_stories_doors_do_open_and_refuse() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut opened, mut refused) = (0, 0);
    for _ in 0..100 {
        let told = story(300).new_tree(&mut runner).unwrap().current();
        let counts = compare(&told).unwrap();
        opened += usize::from(counts.0 > 0);
        refused += usize::from(counts.1 > 0);
    }
    assert!(
        opened >= 30 && refused >= 30,
        "opened in {opened} stories of 100, refused in {refused}"
    );
}
