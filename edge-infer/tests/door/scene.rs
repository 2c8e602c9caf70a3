//! A door, a clock and a camera that does nothing wrong unless it is told to.

use edge_infer::door::{
    Action, Admission, Audit, Bolt, Calibration, Cause, Decision, Door, Event, Face, Matched,
    Observation, Policy, Stamp,
};
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::{Best, Match};
use model_format::Threshold;

/// The cosine that [`calibration`] gives.
pub(crate) const COSINE: f32 = 0.45;

/// For 100 templates at the default target.
pub(crate) fn calibration() -> Calibration {
    let table = [(1e-3, 0.34), (1e-5, COSINE), (1e-6, 0.66)];
    let table = table.map(|(fmr, cosine)| Threshold { fmr, cosine });
    Calibration::new(Policy::default().target_fpir, 100, table).unwrap()
}

/// A face of `person` that passes every gate of the default policy.
pub(crate) fn face(track: u32, person: u32) -> Face {
    Face {
        track,
        eye_distance: 60.0,
        pose: Some(Pose { yaw: 0.05, pitch: 0.02, roll: -0.03 }),
        quality: Quality { brightness: 128.0, dark: 0.01, bright: 0.0, sharpness: 150.0 },
        matched: Some(Matched {
            best: Best {
                person,
                cosine: 0.62,
                runner_up: Some(Match { person: person.wrapping_add(1), cosine: 0.21 }),
            },
            templates: 20,
            admission: Admission::Inside,
        }),
        liveness: Some(0.98),
        to_previous: Some(0.97),
    }
}

/// Changes the match of a face.
pub(crate) fn with_best(mut face: Face, change: impl FnOnce(&mut Best)) -> Face {
    if let Some(matched) = &mut face.matched {
        change(&mut matched.best);
    }
    face
}

/// A decision that a scene has taken note of, so that a test need not.
pub(crate) struct Told(Decision);

impl core::ops::Deref for Told {
    type Target = Decision;

    fn deref(&self) -> &Decision {
        &self.0
    }
}

pub(crate) struct Scene {
    pub(crate) door: Door,
    pub(crate) now: u64,
    pub(crate) sequence: u64,
    /// Everything that the door has decided.
    pub(crate) actions: Vec<Action>,
}

impl Scene {
    /// A calibrated door.
    pub(crate) fn new(policy: Policy) -> Self {
        let mut scene = Self::uncalibrated(policy);
        let decision = scene.tell(0, Event::Calibration(Some(calibration())));
        assert_eq!(decision.bolt(), Bolt::Locked);
        scene
    }

    pub(crate) fn uncalibrated(policy: Policy) -> Self {
        Self { door: Door::new(policy).unwrap(), now: 10_000, sequence: 0, actions: Vec::new() }
    }

    /// Tells the door something `ms` later.
    pub(crate) fn tell(&mut self, ms: u64, event: Event) -> Told {
        self.now += ms;
        self.tell_at(self.now, event)
    }

    /// Tells the door something at any time.
    pub(crate) fn tell_at(&mut self, now: u64, event: Event) -> Told {
        let decision = self.door.step(now, event);
        self.actions.extend(decision.actions());
        Told(decision)
    }

    /// The next frame of the camera, 100 ms later and 40 ms old, with this face alone.
    pub(crate) fn show(&mut self, face: Face) -> Told {
        let observation = self.next(Some(face));
        self.tell(100, Event::Frame(observation))
    }

    /// What [`show`](Self::show) tells.
    pub(crate) fn next(&mut self, face: Option<Face>) -> Observation {
        self.sequence += 1;
        let stamp = Stamp {
            captured_ms: self.now + 60,
            sequence: self.sequence,
            digest: self.sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        Observation { stamp, face, other_eye_distance: None }
    }

    /// Shows the face `frames` times; the last decision.
    pub(crate) fn stay(&mut self, face: Face, frames: usize) -> Told {
        (0..frames).map(|_| self.show(face)).last().expect("at least one frame")
    }

    /// Lets time go by in ticks of 100 ms, with a camera that sees nobody.
    pub(crate) fn wait(&mut self, ms: u64) -> Told {
        let mut last = self.tell(0, Event::Tick);
        for _ in 0..ms.div_ceil(100) {
            let observation = self.next(None);
            last = self.tell(100, Event::Frame(observation));
        }
        last
    }

    /// Who was let in, in order.
    pub(crate) fn entered(&self) -> Vec<u32> {
        let who = |action: &Action| match action {
            Action::Unlock { cause: Cause::Person(person), .. } => Some(*person),
            _ => None,
        };
        self.actions.iter().filter_map(who).collect()
    }

    pub(crate) fn audit(&self) -> Vec<Audit> {
        let record = |action: &Action| match action {
            Action::Audit(record) => Some(*record),
            _ => None,
        };
        self.actions.iter().filter_map(record).collect()
    }
}
