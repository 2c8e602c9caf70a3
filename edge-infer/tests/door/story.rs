//! Random stories: events at random times, mostly of a camera that sees one enrolled person, so that doors do open in them.

use edge_infer::door::{
    Admission, Calibration, Contact, Credential, Event, Exit, Face, Fault, Liveness, Observation,
    Policy, SecondFactor, Stamp,
};
use edge_infer::matching::Match;
use proptest::prelude::*;
use proptest::sample::select;

use crate::scene::{calibration, face};

/// A policy, and what the door is told when.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) policy: Policy,
    pub(crate) events: Vec<(u64, Event)>,
}

/// What is done to a frame that would be good.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    Stranger,
    TwoAlike,
    Print,
    NoScore,
    Still,
    NotCompared,
    NotANumber,
    Blurred,
    Small,
    NoPose,
    Outside,
    Outgrown,
    NobodyEnrolled,
    NoFace,
    SecondFace,
    FarFace,
    Stale,
    Future,
    OldNumber,
    OldPixels,
}

#[derive(Clone, Copy, Debug)]
enum Happening {
    Frame { track: u32, person: u32, flaw: Option<Flaw> },
    Told(Event),
}

/// How the clock goes on: by so much, or to somewhere.
#[derive(Clone, Copy, Debug)]
enum Step {
    On(u64),
    To(u64),
}

fn flaw() -> impl Strategy<Value = Flaw> {
    use Flaw::*;
    select(vec![
        Stranger,
        Stranger,
        TwoAlike,
        Print,
        Print,
        Print,
        NoScore,
        Still,
        NotCompared,
        NotANumber,
        Blurred,
        Small,
        NoPose,
        Outside,
        Outgrown,
        NobodyEnrolled,
        NoFace,
        SecondFace,
        FarFace,
        Stale,
        Future,
        OldNumber,
        OldPixels,
    ])
}

fn happening() -> impl Strategy<Value = Happening> {
    let people = prop_oneof![8 => Just(7_u32), 1 => Just(8)];
    let tracks = prop_oneof![12 => Just(1_u32), 1 => Just(2)];
    let flaws = prop_oneof![5 => Just(None), 2 => flaw().prop_map(Some)];
    let frame = (tracks, people, flaws).prop_map(|(track, person, flaw)| Happening::Frame {
        track,
        person,
        flaw,
    });
    let faults = vec![Fault::Camera, Fault::Model, Fault::Tamper, Fault::CameraStalled];
    let told = prop_oneof![
        10 => Just(Event::Tick),
        4 => (7_u32..9, any::<bool>())
            .prop_map(|(person, duress)| Event::Credential(Credential { person, duress })),
        2 => Just(Event::CredentialRefused),
        2 => Just(Event::ExitButton),
        2 => select(vec![Contact::Open, Contact::Closed, Contact::Closed]).prop_map(Event::Contact),
        1 => select(faults.clone()).prop_map(Event::FaultRaised),
        4 => select(faults).prop_map(Event::FaultCleared),
        1 => select(vec![Some(calibration()), Some(calibration()), None::<Calibration>])
            .prop_map(Event::Calibration),
    ];
    prop_oneof![12 => frame, 1 => told.prop_map(Happening::Told)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        300 => (1_u64..150).prop_map(Step::On),
        6 => Just(Step::On(0)),
        6 => (500_u64..5_000).prop_map(Step::On),
        6 => (5_000_u64..=10_000).prop_map(Step::On),
        1 => (10_001_u64..1 << 40).prop_map(Step::On),
        1 => any::<u64>().prop_map(Step::To),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let frames = (2_u8..5, 0_u8..6, 200_u32..10_000);
    let pauses = (100_u32..5_000, 100_u32..2_000, 100_u32..2_000, 500_u32..3_000);
    let lockout = (0_u8..4, 30_000_u32..60_000, any::<bool>());
    (frames, pauses, lockout, any::<[bool; 4]>()).prop_map(|(frames, pauses, lockout, flags)| {
        let mut policy = Policy { step_ms: 10_000, ..Policy::default() };
        policy.frames.good = frames.0;
        policy.frames.of = frames.0 + frames.1;
        policy.frames.window_ms = frames.2;
        (policy.pulse_ms, policy.cooldown_ms, policy.retry_ms, policy.hold_ms) = pauses;
        (policy.lockout.free, policy.lockout.first_ms, policy.lockout.strangers) = lockout;
        policy.lockout.longest_ms = 100_000;
        policy.lockout.forget_ms = 100_000;
        if flags[0] {
            policy.second_factor = SecondFactor::Within(5_000);
        }
        if flags[1] {
            policy.exit = Exit::Free;
        }
        if flags[2] {
            policy.liveness = Liveness::Off;
        }
        policy.contact.relock_on_open = flags[3];
        policy
    })
}

fn seen(track: u32, person: u32, flaw: Option<Flaw>) -> Option<Face> {
    let mut face = face(track, person);
    let mut matched = face.matched?;
    match flaw {
        Some(Flaw::Stranger) => matched.best.cosine = 0.2,
        Some(Flaw::TwoAlike) => matched.best.runner_up = Some(Match { person: 1, cosine: 0.6 }),
        Some(Flaw::Print) => face.liveness = Some(0.3),
        Some(Flaw::NoScore) => face.liveness = None,
        Some(Flaw::Still) => face.to_previous = Some(0.9999),
        Some(Flaw::NotCompared) => face.to_previous = None,
        Some(Flaw::NotANumber) => matched.best.cosine = f32::NAN,
        Some(Flaw::Blurred) => face.quality.sharpness = 3.0,
        Some(Flaw::Small) => face.eye_distance = 12.0,
        Some(Flaw::NoPose) => face.pose = None,
        Some(Flaw::Outside) => matched.admission = Admission::Outside,
        Some(Flaw::Outgrown) => matched.templates = 1_000,
        Some(Flaw::NoFace) => return None,
        _ => {}
    }
    face.matched = (!matches!(flaw, Some(Flaw::NobodyEnrolled))).then_some(matched);
    Some(face)
}

/// Up to `length` events, of which the first calibrates the door.
pub(crate) fn story(length: usize) -> impl Strategy<Value = Story> {
    let happenings = prop::collection::vec((step(), happening()), 1..length);
    (policy(), happenings).prop_map(|(policy, happenings)| {
        let mut events = vec![(1_000, Event::Calibration(Some(calibration())))];
        let (mut now, mut sequence) = (1_000_u64, 0_u64);
        for (step, happening) in happenings {
            now = match step {
                Step::On(ms) => now.saturating_add(ms),
                Step::To(now) => now,
            };
            let event = match happening {
                Happening::Told(event) => event,
                Happening::Frame { track, person, flaw } => {
                    sequence += 1;
                    let mut stamp =
                        Stamp { captured_ms: now.saturating_sub(1), sequence, digest: sequence };
                    match flaw {
                        Some(Flaw::Stale) => stamp.captured_ms = now.saturating_sub(600),
                        Some(Flaw::Future) => stamp.captured_ms = now.saturating_add(5),
                        Some(Flaw::OldNumber) => stamp.sequence = sequence.saturating_sub(2),
                        Some(Flaw::OldPixels) => stamp.digest = sequence.saturating_sub(3),
                        _ => {}
                    }
                    let other_eye_distance = match flaw {
                        Some(Flaw::SecondFace) => Some(30.0),
                        Some(Flaw::FarFace) => Some(10.0),
                        _ => None,
                    };
                    let face = seen(track, person, flaw);
                    Event::Frame(Observation { stamp, face, other_eye_distance })
                }
            };
            events.push((now, event));
        }
        Story { policy, events }
    })
}
