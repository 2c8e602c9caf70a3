//! What holds in every story, told without knowing how the door works.

use edge_infer::door::{
    Action, Bolt, Cause, Contact, Credential, Door, Event, Exit, Face, Fault, Liveness,
    MAX_ACTIONS, Matched, Observation, Policy, SecondFactor, Stamp, State,
};
use edge_infer::door::{Admission, Audit};
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::{Best, Match};
use proptest::prelude::*;

use crate::scene::{COSINE, calibration};
use crate::story::{Story, story};

/// Whether nothing speaks against this face, by the settings alone.
fn is_good(policy: &Policy, face: &Face, person: u32) -> bool {
    let (limits, quality) = (&policy.face, face.quality);
    let Some(matched) = face.matched else { return false };
    let best = matched.best;
    let alive = match policy.liveness {
        Liveness::Off => true,
        Liveness::AtLeast(least) => {
            face.liveness.is_some_and(|score| score >= least && score <= 1.0)
        }
    };
    face.eye_distance >= limits.eye_distance
        && quality.brightness >= limits.darkest
        && quality.brightness <= limits.brightest
        && quality.sharpness >= limits.sharpness
        && quality.dark + quality.bright <= limits.clipped
        && face.pose.is_some_and(|pose| {
            pose.yaw.abs() <= limits.yaw
                && pose.pitch.abs() <= limits.pitch
                && pose.roll.abs() <= limits.roll
        })
        && best.person == person
        && best.cosine >= COSINE
        && best.cosine <= 1.001
        && best.runner_up.is_none_or(|second| best.cosine - second.cosine >= policy.margin)
        && matched.templates <= calibration().templates()
        && matched.admission == Admission::Inside
        && alive
        && face.to_previous.is_none_or(|cosine| cosine < policy.still_cosine)
}

/// Whether the last of `told` may have let in `person`: enough good, new, different frames of one track in one window, the last of
/// them just now, under one calibration, with nothing in between that must begin anew.
fn is_earned(policy: &Policy, told: &[(u64, Event)], person: u32) -> bool {
    let Some(&(end, Event::Frame(last))) = told.last() else { return false };
    let Some(track) = last.face.map(|face| face.track) else { return false };
    let mut digests = Vec::new();
    let mut pin = policy.second_factor == SecondFactor::Off;
    let mut later = end;
    for &(now, event) in told.iter().rev() {
        if now > later || later - now > policy.step_ms.into() {
            break;
        }
        later = now;
        match event {
            Event::Frame(Observation { stamp, face, other_eye_distance }) => {
                let large = face.map(|face| face.eye_distance * policy.face.other_share);
                let far = |size: f32| {
                    size < policy.face.other_eye_distance || large.is_some_and(|large| size < large)
                };
                if !other_eye_distance.is_none_or(far) {
                    break;
                }
                let age = now.checked_sub(stamp.captured_ms);
                let new = age.is_some_and(|age| age <= policy.camera.age_ms.into());
                let in_window = end - now < policy.frames.window_ms.into();
                let good =
                    face.is_some_and(|face| face.track == track && is_good(policy, &face, person));
                if new && in_window && good && !digests.contains(&stamp.digest) {
                    digests.push(stamp.digest);
                }
            }
            Event::Credential(credential) if credential.person == person => {
                pin |= matches!(policy.second_factor, SecondFactor::Within(ms) if end - now < ms.into());
            }
            Event::Calibration(_) | Event::FaultRaised(_) => break,
            _ => {}
        }
    }
    pin && digests.len() >= policy.frames.good.into()
}

fn check(Story { policy, events }: &Story) -> Result<(), TestCaseError> {
    let mut door = Door::new(*policy).unwrap();
    let mut opened: Option<u64> = None;
    let mut last_ms = None;
    for (step, &(now, event)) in events.iter().enumerate() {
        let state = door.state();
        let decision = door.step(now, event);
        let actions: Vec<Action> = decision.actions().collect();
        prop_assert!(actions.len() < MAX_ACTIONS, "{:?}", actions);

        let backwards = last_ms.is_some_and(|last| now < last);
        if let Some(at) = opened
            && (backwards || now - at >= policy.pulse_ms.into())
        {
            prop_assert!(actions.contains(&Action::Lock), "open since {} at {}", at, now);
        }
        last_ms = Some(now);
        for action in &actions {
            match *action {
                Action::Lock => {
                    prop_assert!(opened.is_some(), "locked twice");
                    opened = None;
                }
                Action::Unlock { cause, pulse_ms } => {
                    prop_assert!(opened.is_none() && pulse_ms == policy.pulse_ms);
                    opened = Some(now);
                    if let Cause::Person(person) = cause {
                        // Not held, locked out, faulted or cooling down, and never at the first frame.
                        prop_assert!(
                            matches!(state, State::Candidate { .. }),
                            "unlocked from {:?}",
                            state
                        );
                        prop_assert!(is_earned(policy, &events[..=step], person), "step {}", step);
                    } else {
                        prop_assert_eq!(policy.exit, Exit::Free);
                        prop_assert_eq!(event, Event::ExitButton);
                    }
                }
                Action::Audit(_) => {}
            }
        }
        let bolt = if opened.is_some() { Bolt::Unlocked } else { Bolt::Locked };
        prop_assert_eq!(decision.bolt(), bolt);
        let granted = matches!(door.state(), State::Granted { .. });
        prop_assert_eq!(granted, bolt == Bolt::Unlocked);
    }
    Ok(())
}

/// A good value, or anything at all.
fn mostly(good: f32) -> impl Strategy<Value = f32> {
    prop_oneof![12 => Just(good), 1 => prop::num::f32::ANY]
}

fn mostly_0() -> impl Strategy<Value = u32> {
    prop_oneof![12 => Just(0), 1 => Just(1)]
}

fn maybe<T: Clone + core::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![12 => value.prop_map(Some), 1 => Just(None)]
}

prop_compose! {
    fn any_face()(
        (track, person, other) in (mostly_0(), mostly_0(), 0_u32..3),
        [eye_distance, brightness, dark, bright, sharpness] in
            [mostly(50.0), mostly(120.0), mostly(0.0), mostly(0.0), mostly(100.0)],
        [yaw, pitch, roll, cosine, second] in
            [mostly(0.0), mostly(0.0), mostly(0.0), mostly(0.6), mostly(0.2)],
        (has_pose, has_match, templates) in (maybe(Just(())), maybe(Just(())), prop_oneof![9 => Just(1), 1 => any::<u32>()]),
        (liveness, to_previous) in (maybe(mostly(0.95)), maybe(mostly(0.97))),
        runner_up in any::<bool>(),
    ) -> Face {
        let second = Match { person: other, cosine: second };
        let best = Best { person, cosine, runner_up: runner_up.then_some(second) };
        Face {
            track,
            eye_distance,
            pose: has_pose.map(|()| Pose { yaw, pitch, roll }),
            quality: Quality { brightness, dark, bright, sharpness },
            matched: has_match.map(|()| Matched { best, templates, admission: Admission::Inside }),
            liveness,
            to_previous,
        }
    }
}

prop_compose! {
    /// A frame whose stamp is counted on by the story, or is anything.
    fn any_frame()(
        face in maybe(any_face()),
        other_eye_distance in prop_oneof![20 => Just(None), 1 => prop::num::f32::ANY.prop_map(Some)],
        stamp in prop_oneof![
            9 => Just(None),
            1 => any::<(u64, u64, u64)>().prop_map(Some),
        ],
    ) -> (Observation, bool) {
        let (captured_ms, sequence, digest) = stamp.unwrap_or_default();
        let stamp_is_wild = stamp.is_some();
        (Observation { stamp: Stamp { captured_ms, sequence, digest }, face, other_eye_distance }, stamp_is_wild)
    }
}

/// Events of which any number may be anything.
fn chaos() -> impl Strategy<Value = Story> {
    let told = prop_oneof![
        Just(Event::Tick),
        Just(Event::ExitButton),
        Just(Event::CredentialRefused),
        Just(Event::Contact(Contact::Open)),
        Just(Event::Contact(Contact::Closed)),
        Just(Event::FaultRaised(Fault::Other)),
        Just(Event::FaultCleared(Fault::Other)),
        Just(Event::Calibration(Some(calibration()))),
        (0_u32..3, any::<bool>())
            .prop_map(|(person, duress)| Event::Credential(Credential { person, duress })),
    ];
    let happening = prop_oneof![
        15 => any_frame().prop_map(|(frame, wild)| (Event::Frame(frame), wild)),
        1 => told.prop_map(|event| (event, true)),
    ];
    let step = prop_oneof![
        40 => (0_u64..200).prop_map(|ms| (ms, false)),
        1 => any::<u64>().prop_map(|now| (now, true)),
    ];
    let policies = prop_oneof![
        Just(Policy::default()),
        Just(Policy {
            exit: Exit::Free,
            liveness: Liveness::Off,
            pulse_ms: 100,
            cooldown_ms: 100,
            ..Policy::default()
        }),
        Just(Policy { second_factor: SecondFactor::Within(1_000), ..Policy::default() }),
    ];
    (policies, prop::collection::vec((step, happening), 1..200)).prop_map(|(policy, happenings)| {
        let mut events = vec![(0, Event::Calibration(Some(calibration())))];
        let mut now = 0_u64;
        for (at, ((by, to), (event, wild))) in (1_u64..).zip(happenings) {
            now = if to { by } else { now.saturating_add(by) };
            let event = match event {
                Event::Frame(mut frame) if !wild => {
                    frame.stamp = Stamp { captured_ms: now, sequence: at, digest: at };
                    Event::Frame(frame)
                }
                event => event,
            };
            events.push((now, event));
        }
        Story { policy, events }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_unlock_is_unearned_and_every_one_ends(story in story(300)) {
        check(&story)?;
    }

    #[test]
    fn nor_in_chaos(story in chaos()) {
        check(&story)?;
    }

    /// All that was decided depends on what was told alone.
    #[test]
    fn the_same_story_has_the_same_end(story in story(100)) {
        let tell = || {
            let mut door = Door::new(story.policy).unwrap();
            story.events.iter().map(|&(now, event)| door.step(now, event)).collect::<Vec<_>>()
        };
        prop_assert_eq!(format!("{:?}", tell()), format!("{:?}", tell()));
    }

    /// One good frame less than are needed, however often, opens nothing.
    #[test]
    fn one_frame_less_than_needed_never_opens(good in 2_u8..=8, tracks in 1_u32..30) {
        let mut policy = Policy::default();
        (policy.frames.good, policy.frames.of) = (good, 8);
        let mut scene = crate::scene::Scene::new(policy);
        for track in 0..tracks {
            scene.stay(crate::scene::face(track, 1), usize::from(good) - 1);
        }
        prop_assert_eq!(scene.entered(), Vec::<u32>::new());
        scene.stay(crate::scene::face(tracks, 1), good.into());
        prop_assert_eq!(scene.entered(), [1]);
    }
}

#[test]
fn duress_is_never_lost() {
    let mut scene = crate::scene::Scene::new(Policy::default());
    for _ in 0..4 {
        scene.tell(0, Event::CredentialRefused);
    }
    scene.tell(0, Event::Credential(Credential { person: 1, duress: true }));
    assert_eq!(scene.audit().last(), Some(&Audit::Duress { person: 1 }));
}

/// Otherwise the properties would say little.
#[test]
fn in_chaos_doors_do_open() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let opened = (0..200).filter(|_| {
        let Story { policy, events } = chaos().new_tree(&mut runner).unwrap().current();
        let mut door = Door::new(policy).unwrap();
        let mut unlocks = events
            .iter()
            .flat_map(|&(now, event)| door.step(now, event).actions().collect::<Vec<_>>());
        unlocks.any(|action| matches!(action, Action::Unlock { cause: Cause::Person(_), .. }))
    });
    let opened = opened.count();
    assert!(opened >= 20, "opened in {opened} stories of 200");
}
