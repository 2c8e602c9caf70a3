//! One rule of the house a test.

use edge_infer::door::{
    Action, Audit, Bolt, Cause, Contact, Credential, Door, Ended, Event, Exit, Face, Fault,
    Measure, Policy, Reason, SecondFactor, State,
};

use crate::scene::{COSINE, Scene, calibration, face, with_best};

const ANNA: u32 = 7;
const BEN: u32 = 8;

fn with_pin() -> Policy {
    Policy { second_factor: SecondFactor::Within(10_000), ..Policy::default() }
}

fn pin(person: u32) -> Event {
    Event::Credential(Credential { person, duress: false })
}

#[test]
fn the_third_good_frame_unlocks_for_one_pulse_then_the_door_cools_down() {
    let mut scene = Scene::new(Policy::default());
    for good in 1..=2 {
        let decision = scene.show(face(1, ANNA));
        assert_eq!(decision.reason(), Reason::MoreFrames { good, needed: 3 });
        assert_eq!(scene.door.state(), State::Candidate { track: 1, good });
    }
    let decision = scene.show(face(1, ANNA));
    let cause = Cause::Person(ANNA);
    assert!(
        decision
            .actions()
            .eq(
                [Action::Unlock { cause, pulse_ms: 3_000 }, Action::Audit(Audit::Unlocked(cause)),]
            )
    );
    assert_eq!((decision.bolt(), decision.reason()), (Bolt::Unlocked, Reason::Open));
    assert_eq!(scene.door.state(), State::Granted { cause, left_ms: 3_000 });

    assert_eq!(scene.tell(1_500, Event::Tick).bolt(), Bolt::Unlocked);
    assert_eq!(scene.tell(1_499, Event::Tick).bolt(), Bolt::Unlocked);
    let decision = scene.tell(1, Event::Tick);
    assert_eq!(decision.bolt(), Bolt::Locked);
    assert!(
        decision.actions().take(2).eq([Action::Lock, Action::Audit(Audit::Relocked(Ended::Pulse))])
    );
    let decision = scene.show(face(1, ANNA));
    // The camera was away for the pulse, which the first new frame clears.
    assert_eq!(decision.reason(), Reason::Cooldown { left_ms: 900 });
    assert_eq!(scene.door.state(), State::Cooldown { left_ms: 900 });
}

#[test]
fn a_face_that_stays_after_the_cooldown_has_to_begin_anew() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 3);
    // 30 frames of pulse, 10 of cooldown, then three more.
    scene.stay(face(1, ANNA), 39 + 2);
    assert_eq!(scene.entered(), [ANNA]);
    scene.stay(face(1, ANNA), 1);
    assert_eq!(scene.entered(), [ANNA, ANNA]);
}

#[test]
fn nobody_gets_in_uncalibrated_or_after_the_calibration_is_taken_away() {
    let mut scene = Scene::uncalibrated(Policy::default());
    assert_eq!(scene.stay(face(1, ANNA), 20).reason(), Reason::Uncalibrated);
    scene.tell(0, Event::Calibration(Some(calibration())));
    scene.stay(face(1, ANNA), 2);
    scene.tell(0, Event::Calibration(None));
    assert_eq!(scene.stay(face(1, ANNA), 20).reason(), Reason::Uncalibrated);
    assert_eq!(scene.entered(), []);
    let cosines = scene.audit().into_iter().filter_map(|record| match record {
        Audit::Calibrated { cosine } => Some(cosine),
        _ => None,
    });
    assert!(cosines.eq([Some(COSINE), None]));
}

#[test]
fn a_calibration_for_a_looser_target_than_the_policys_is_none() {
    let mut scene = Scene::new(Policy { target_fpir: 1e-4, ..Policy::default() });
    assert_eq!(scene.stay(face(1, ANNA), 5).reason(), Reason::Uncalibrated);
}

#[test]
fn good_frames_of_two_tracks_or_two_people_do_not_add_up() {
    let mut scene = Scene::new(Policy::default());
    for track in 1..=10 {
        scene.stay(face(track, ANNA), 2);
    }
    for person in [ANNA, BEN].into_iter().cycle().take(20) {
        scene.show(face(99, person));
    }
    assert_eq!(scene.entered(), []);
}

#[test]
fn an_attempt_fails_as_soon_as_it_cannot_be_proven_and_the_next_waits() {
    let mut scene = Scene::new(Policy::default());
    let stranger = with_best(face(1, ANNA), |best| best.cosine = COSINE - 0.001);
    scene.stay(face(1, ANNA), 2);
    let unknown = Reason::Unknown { cosine: COSINE - 0.001, limit: COSINE };
    // Of eight frames two are good and five are bad, so one more may still be good.
    assert_eq!(scene.stay(stranger, 5).reason(), unknown);
    assert!(matches!(scene.door.state(), State::Candidate { good: 2, .. }));
    assert_eq!(scene.show(stranger).reason(), unknown);
    assert_eq!(scene.door.state(), State::Cooldown { left_ms: 1_000 });
    assert_eq!(scene.audit().last(), Some(&Audit::Refused { reason: unknown, person: Some(ANNA) }));
    assert_eq!(scene.stay(face(2, ANNA), 9).reason(), Reason::Retry { left_ms: 100 });
    scene.stay(face(2, ANNA), 3);
    assert_eq!(scene.entered(), [ANNA]);
}

#[test]
fn frames_that_are_unfit_count_for_nothing() {
    let mut scene = Scene::new(Policy::default());
    let mut far = face(1, ANNA);
    far.eye_distance = 20.0;
    for _ in 0..2 {
        scene.show(face(1, ANNA));
        let reason = scene.stay(far, 10).reason();
        assert_eq!(
            reason,
            Reason::TooLow { measure: Measure::EyeDistance, value: 20.0, limit: 24.0 }
        );
    }
    scene.show(face(1, ANNA));
    assert_eq!(scene.entered(), [ANNA]);
}

#[test]
fn an_attempt_that_takes_too_long_is_forgotten() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 2);
    scene.wait(2_900);
    assert_eq!(scene.door.state(), State::Locked);
    scene.stay(face(1, ANNA), 2);
    assert_eq!(scene.entered(), []);
}

#[test]
fn each_gate_says_in_words_what_to_do() {
    type Change = fn(&mut Face);
    let cases: [(Change, &str); 9] = [
        (
            |face| face.eye_distance = 18.0,
            "come closer: the distance between the eyes in pixels is 18.00, at least 24.00 is needed",
        ),
        (
            |face| face.quality.brightness = 12.0,
            "too dark: brightness is 12.00, at least 40.00 is needed",
        ),
        (
            |face| face.quality.brightness = 240.0,
            "too bright: brightness is 240.00, at most 220.00 is allowed",
        ),
        (
            |face| face.quality.bright = 0.6,
            "the light is too harsh: the share of black and white pixels is 0.61, at most 0.40 is allowed",
        ),
        (
            |face| face.quality.sharpness = 4.5,
            "hold still, or clean the lens: sharpness is 4.50, at least 20.00 is needed",
        ),
        (
            |face| face.pose.as_mut().unwrap().yaw = -0.7,
            "look into the camera: the turn to a side is 0.70, at most 0.45 is allowed",
        ),
        (
            |face| face.pose.as_mut().unwrap().roll = 0.8,
            "hold the head upright: the tilt is 0.80, at most 0.50 is allowed",
        ),
        (|face| face.pose = None, "the head's position could not be measured"),
        (|face| face.liveness = Some(0.4), "this looks like a picture of a face"),
    ];
    for (change, words) in cases {
        let mut scene = Scene::new(Policy::default());
        let mut seen = face(1, ANNA);
        change(&mut seen);
        assert_eq!(scene.stay(seen, 5).reason().to_string(), words);
        assert_eq!(scene.entered(), []);
    }
}

#[test]
fn a_second_face_holds_the_door_until_it_has_been_gone_for_a_while() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 2);
    let mut two = scene.next(Some(face(1, ANNA)));
    two.other_eye_distance = Some(30.0);
    let reason = scene.tell(100, Event::Frame(two)).reason();
    assert_eq!(reason, Reason::Held { left_ms: 1_500 });
    assert_eq!(reason.to_string(), "one at a time, please; stay alone for 2 s");
    assert_eq!(scene.stay(face(1, ANNA), 14).reason(), Reason::Held { left_ms: 100 });
    scene.stay(face(1, ANNA), 3);
    assert_eq!(scene.entered(), [ANNA]);
    assert_eq!(scene.audit().iter().filter(|record| **record == Audit::Held).count(), 1);
}

#[test]
fn a_second_face_during_the_pulse_locks_at_once() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 3);
    let mut two = scene.next(Some(face(1, ANNA)));
    two.other_eye_distance = Some(50.0);
    let decision = scene.tell(100, Event::Frame(two));
    assert_eq!(decision.bolt(), Bolt::Locked);
    assert!(decision.actions().any(|action| action == Action::Lock));
    assert_eq!(scene.audit().last(), Some(&Audit::Relocked(Ended::SecondFace)));
}

#[test]
fn somebody_far_behind_holds_nobody_but_a_face_of_no_size_does() {
    // Half of 60 pixels, and the least that counts at all.
    for (largest, size, held) in [
        (60.0, 29.9, false),
        (60.0, 30.0, true),
        (24.0, 15.9, false),
        (24.0, 16.0, true),
        (60.0, f32::NAN, true),
        (f32::NAN, 20.0, true),
    ] {
        let mut scene = Scene::new(Policy::default());
        let mut two = scene.next(Some(Face { eye_distance: largest, ..face(1, ANNA) }));
        two.other_eye_distance = Some(size);
        let reason = scene.tell(100, Event::Frame(two)).reason();
        assert_eq!(matches!(reason, Reason::Held { .. }), held, "{size}: {reason}");
    }
}

#[test]
fn three_false_claims_are_free_and_then_pauses_double_to_the_longest() {
    let mut policy = Policy::default();
    policy.lockout.longest_ms = 100_000;
    let mut scene = Scene::new(policy);
    let mut print = face(1, ANNA);
    print.liveness = Some(0.1);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        scene.wait(1_000);
        scene.stay(print, 6);
        match scene.door.state() {
            State::LockedOut { left_ms } => {
                let reason = scene.stay(face(2, ANNA), 3).reason();
                assert_eq!(reason, Reason::LockedOut { left_ms: left_ms - 300 });
                pauses.push(left_ms);
                scene.wait(u64::from(left_ms) - 300);
            }
            state => assert_eq!(state, State::Cooldown { left_ms: 1_000 }),
        }
    }
    assert_eq!(pauses, [30_000, 60_000, 100_000, 100_000]);
    assert_eq!(scene.door.refusals(), 7);
    assert_eq!(scene.entered(), []);
    scene.wait(1_000);
    scene.stay(face(3, ANNA), 3);
    assert_eq!((scene.entered(), scene.door.refusals()), (vec![ANNA], 0));
}

#[test]
fn refusals_are_forgotten_after_a_quiet_time_that_begins_with_the_pauses_end() {
    for (free, pause_ms) in [(3, 0), (0, 30_000)] {
        let mut policy = Policy::default();
        policy.lockout.free = free;
        policy.lockout.longest_ms = 30_000;
        policy.lockout.forget_ms = 60_000;
        let mut scene = Scene::new(policy);
        let mut print = face(1, ANNA);
        print.liveness = Some(0.1);
        scene.stay(print, 6);
        scene.wait(pause_ms + 59_900);
        assert_eq!(scene.door.refusals(), 1);
        scene.wait(100);
        assert_eq!(scene.door.refusals(), 0);
    }
}

#[test]
fn a_restart_is_no_way_around_a_pause() {
    let mut door = Door::resume(Policy::default(), 5).unwrap();
    let _ = door.step(0, Event::Tick);
    assert_eq!(door.state(), State::LockedOut { left_ms: 60_000 });
    assert_eq!(door.refusals(), 5);
    let door = Door::resume(Policy::default(), u32::MAX).unwrap();
    assert_eq!(door.state(), State::LockedOut { left_ms: 3_600_000 });
    let door = Door::resume(Policy::default(), 3).unwrap();
    assert_eq!(door.state(), State::Locked);
}

#[test]
fn strangers_who_walk_past_lock_out_nobody_unless_they_are_told_to() {
    let stranger = with_best(face(1, ANNA), |best| best.cosine = 0.1);
    for (strangers, locked_out) in [(false, false), (true, true)] {
        let mut policy = Policy::default();
        policy.lockout.strangers = strangers;
        let mut scene = Scene::new(policy);
        for _ in 0..4 {
            scene.wait(1_000);
            scene.stay(stranger, 6);
        }
        let state = scene.door.state();
        assert_eq!(matches!(state, State::LockedOut { .. }), locked_out, "{state:?}");
    }
}

#[test]
fn a_wrong_pin_counts_and_during_a_pause_no_pin_does() {
    let mut scene = Scene::new(with_pin());
    for _ in 0..4 {
        let decision = scene.tell(100, Event::CredentialRefused);
        assert_ne!(decision.bolt(), Bolt::Unlocked);
    }
    let paused = Reason::LockedOut { left_ms: 30_000 };
    assert_eq!(scene.tell(0, pin(ANNA)).reason(), paused);
    assert_eq!(scene.tell(0, Event::CredentialRefused).reason(), paused);
    assert_eq!(scene.door.refusals(), 4);
    scene.wait(30_000);
    assert_eq!(scene.stay(face(1, ANNA), 3).reason(), Reason::SecondFactor);
}

#[test]
fn the_second_factor_must_be_the_same_persons_and_recent() {
    let mut scene = Scene::new(with_pin());
    scene.tell(0, pin(BEN));
    assert_eq!(scene.stay(face(1, ANNA), 5).reason(), Reason::SecondFactor);
    let decision = scene.tell(0, pin(ANNA));
    assert_eq!(decision.bolt(), Bolt::Locked, "a PIN alone never opens");
    assert_eq!(scene.show(face(1, ANNA)).bolt(), Bolt::Unlocked);
    assert_eq!(scene.entered(), [ANNA]);

    let mut scene = Scene::new(with_pin());
    scene.tell(0, pin(ANNA));
    scene.wait(9_700);
    scene.stay(face(1, ANNA), 2);
    assert_eq!(scene.show(face(1, ANNA)).reason(), Reason::SecondFactor);
    assert_eq!(scene.entered(), []);
}

#[test]
fn duress_is_told_at_once_and_the_door_behaves_as_ever() {
    for second_factor in [SecondFactor::Off, SecondFactor::Within(10_000)] {
        let mut scene = Scene::new(Policy { second_factor, ..Policy::default() });
        let forced = Event::Credential(Credential { person: ANNA, duress: true });
        let decision = scene.tell(100, forced);
        assert!(decision.actions().eq([Action::Audit(Audit::Duress { person: ANNA })]));
        assert_eq!(decision.reason(), Reason::Idle);
        scene.stay(face(1, ANNA), 3);
        assert_eq!(scene.entered(), [ANNA]);
    }
}

#[test]
fn every_fault_locks_until_it_is_cleared_and_then_all_begins_anew() {
    for fault in
        [Fault::Camera, Fault::Model, Fault::Gallery, Fault::Lock, Fault::Tamper, Fault::Other]
    {
        let mut scene = Scene::new(Policy::default());
        scene.stay(face(1, ANNA), 3);
        let decision = scene.tell(100, Event::FaultRaised(fault));
        assert_eq!((decision.bolt(), decision.reason()), (Bolt::Locked, Reason::Faulted(fault)));
        assert_eq!(scene.audit().last(), Some(&Audit::Relocked(Ended::Fault)));
        scene.wait(5_000);
        assert_eq!(scene.stay(face(1, ANNA), 10).reason(), Reason::Faulted(fault));
        assert_eq!(scene.tell(0, Event::FaultCleared(fault)).bolt(), Bolt::Locked);
        scene.stay(face(1, ANNA), 2);
        assert_eq!(scene.entered(), [ANNA]);
        scene.show(face(1, ANNA));
        assert_eq!(scene.entered(), [ANNA, ANNA]);
    }
}

#[test]
fn two_faults_are_cleared_one_by_one() {
    let mut scene = Scene::new(Policy::default());
    scene.tell(0, Event::FaultRaised(Fault::Tamper));
    scene.tell(0, Event::FaultRaised(Fault::Model));
    scene.tell(0, Event::FaultRaised(Fault::Model));
    let decision = scene.tell(0, Event::FaultCleared(Fault::Model));
    assert_eq!(decision.reason(), Reason::Faulted(Fault::Tamper));
    assert_eq!(decision.reason().to_string(), "out of order: the box was opened or a line cut");
    let audit = scene.audit();
    assert_eq!(audit.iter().filter(|r| **r == Audit::FaultRaised(Fault::Model)).count(), 1);
    assert_eq!(scene.stay(face(1, ANNA), 5).bolt(), Bolt::Locked);
}

#[test]
fn a_camera_that_begins_to_count_anew_is_believed_after_its_fault_is_cleared() {
    let mut scene = Scene::new(Policy::default());
    scene.sequence = 1_000_000;
    scene.stay(face(1, ANNA), 2);
    scene.sequence = 0;
    assert_eq!(scene.show(face(1, ANNA)).reason(), Reason::NotNewer);
    scene.tell(0, Event::FaultRaised(Fault::Camera));
    scene.tell(0, Event::FaultCleared(Fault::Camera));
    scene.stay(face(1, ANNA), 3);
    assert_eq!(scene.entered(), [ANNA]);
}

#[test]
fn the_exit_button_lets_out_in_every_state_or_never() {
    let mut scene = Scene::new(Policy::default());
    assert_eq!(scene.tell(0, Event::ExitButton).reason(), Reason::ExitOff);

    let mut scene = Scene::new(Policy { exit: Exit::Free, ..Policy::default() });
    scene.tell(0, Event::FaultRaised(Fault::Camera));
    let decision = scene.tell(0, Event::ExitButton);
    let unlock = Action::Unlock { cause: Cause::Exit, pulse_ms: 3_000 };
    assert_eq!(decision.actions().next(), Some(unlock));
    // Pressed again, the pulse gets no longer.
    assert_eq!(scene.tell(1_500, Event::ExitButton).actions().count(), 0);
    assert_eq!(scene.tell(1_500, Event::Tick).bolt(), Bolt::Locked);
    assert_eq!(scene.entered(), []);
}

#[test]
fn who_leaves_is_not_kept_in_by_who_waits_outside() {
    let mut scene = Scene::new(Policy { exit: Exit::Free, ..Policy::default() });
    scene.tell(0, Event::ExitButton);
    let mut two = scene.next(Some(face(1, ANNA)));
    two.other_eye_distance = Some(50.0);
    assert_eq!(scene.tell(100, Event::Frame(two)).bolt(), Bolt::Unlocked);
    assert_eq!(scene.tell(100, Event::FaultRaised(Fault::Model)).bolt(), Bolt::Unlocked);
    assert_eq!(scene.tell(2_000, Event::Tick).bolt(), Bolt::Unlocked);
    assert_eq!(scene.tell(800, Event::Tick).bolt(), Bolt::Locked);
}

#[test]
fn the_lock_engages_as_soon_as_the_door_is_open() {
    let mut scene = Scene::new(Policy::default());
    scene.tell(0, Event::Contact(Contact::Closed));
    scene.stay(face(1, ANNA), 3);
    let decision = scene.tell(500, Event::Contact(Contact::Open));
    assert_eq!(decision.bolt(), Bolt::Locked);
    let audit = scene.audit();
    let ends = [Audit::Contact(Contact::Open), Audit::Relocked(Ended::Opened)];
    assert!(audit.ends_with(&ends), "{audit:?}");
    scene.wait(2_000);
    assert_eq!(scene.stay(face(2, BEN), 5).reason(), Reason::StandsOpen);
    scene.tell(0, Event::Contact(Contact::Closed));
    scene.stay(face(2, BEN), 3);
    assert_eq!(scene.entered(), [ANNA, BEN]);
}

#[test]
fn a_door_that_is_shut_again_has_no_grace_and_is_not_left_open() {
    let mut scene = Scene::new(Policy::default());
    scene.tell(0, Event::Contact(Contact::Closed));
    scene.stay(face(1, ANNA), 3);
    scene.tell(100, Event::Contact(Contact::Open));
    scene.wait(29_000);
    scene.tell(0, Event::Contact(Contact::Closed));
    scene.wait(60_000);
    assert!(!scene.audit().contains(&Audit::LeftOpen));

    scene.stay(face(1, ANNA), 3);
    scene.tell(100, Event::Contact(Contact::Open));
    scene.tell(100, Event::Contact(Contact::Closed));
    assert!(!scene.audit().contains(&Audit::Forced));
    scene.tell(100, Event::Contact(Contact::Open));
    assert_eq!(scene.audit().last(), Some(&Audit::Forced));
}

#[test]
fn an_attempt_that_the_open_door_interrupts_begins_anew() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 2);
    scene.tell(0, Event::Contact(Contact::Open));
    assert_eq!(scene.show(face(1, ANNA)).reason(), Reason::StandsOpen);
    scene.tell(0, Event::Contact(Contact::Closed));
    assert_eq!(scene.show(face(1, ANNA)).reason(), Reason::MoreFrames { good: 1, needed: 3 });
}

#[test]
fn alarms_are_duress_and_a_door_that_is_forced_or_left_open() {
    let alarms = [Audit::Duress { person: ANNA }, Audit::Forced, Audit::LeftOpen];
    assert_eq!(alarms.map(|record| record.is_alarm()), [true; 3]);
    assert_eq!(alarms.map(|record| record.name()), ["duress", "forced", "left-open"]);
    let opened = Audit::Contact(Contact::Open);
    assert_eq!((opened.is_alarm(), opened.name()), (false, "door-opened"));
}

#[test]
fn a_bolt_that_would_stand_in_the_way_waits_for_its_pulse() {
    let mut policy = Policy::default();
    policy.contact.relock_on_open = false;
    let mut scene = Scene::new(policy);
    scene.stay(face(1, ANNA), 3);
    assert_eq!(scene.tell(500, Event::Contact(Contact::Open)).bolt(), Bolt::Unlocked);
    assert_eq!(scene.tell(1_500, Event::Tick).bolt(), Bolt::Unlocked);
    assert_eq!(scene.tell(1_000, Event::Tick).bolt(), Bolt::Locked);
}

#[test]
fn a_door_opened_without_leave_is_forced_and_one_left_open_is_told_once() {
    let mut scene = Scene::new(Policy::default());
    scene.tell(0, Event::Contact(Contact::Closed));
    scene.stay(face(1, ANNA), 3);
    scene.wait(3_000 + 1_900);
    scene.tell(0, Event::Contact(Contact::Open));
    assert_eq!(scene.audit().last(), Some(&Audit::Contact(Contact::Open)), "still in grace");
    scene.wait(29_900);
    assert!(!scene.audit().contains(&Audit::LeftOpen));
    scene.wait(60_000);
    assert_eq!(scene.audit().iter().filter(|r| **r == Audit::LeftOpen).count(), 1);
    scene.tell(0, Event::Contact(Contact::Closed));
    scene.tell(100, Event::Contact(Contact::Open));
    scene.tell(100, Event::Contact(Contact::Open));
    assert_eq!(scene.audit().iter().filter(|r| **r == Audit::Forced).count(), 1);
}

#[test]
fn a_clock_that_goes_back_or_jumps_ends_the_unlock_and_forgets_the_frames() {
    for (now, reason) in [
        (10_299, Reason::ClockBackwards { by_ms: 1 }),
        (0, Reason::ClockBackwards { by_ms: 10_300 }),
        (12_301, Reason::ClockJumped { by_ms: 2_001 }),
        (u64::MAX, Reason::ClockJumped { by_ms: u64::MAX - 10_300 }),
    ] {
        let mut scene = Scene::new(Policy { pulse_ms: 10_000, ..Policy::default() });
        scene.stay(face(1, ANNA), 3);
        assert_eq!(
            (scene.now, scene.door.state()),
            (10_300, State::Granted { cause: Cause::Person(ANNA), left_ms: 10_000 })
        );
        let decision = scene.tell_at(now, Event::Tick);
        assert_eq!((decision.bolt(), decision.reason()), (Bolt::Locked, reason));
        assert!(scene.audit().contains(&Audit::Relocked(Ended::Clock)));
        assert!(scene.audit().contains(&Audit::Clock(reason)));

        let mut scene = Scene::new(Policy::default());
        scene.stay(face(1, ANNA), 2);
        scene.tell_at(10_300, Event::Tick);
        scene.tell_at(now, Event::Tick);
        assert_eq!(scene.door.state(), State::Locked);
    }
}

#[test]
fn a_clock_that_stands_still_ends_the_unlock_too() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 3);
    let steps = (1..=200).find(|_| scene.tell(0, Event::Tick).bolt() == Bolt::Locked);
    assert_eq!(steps, Some(100));
    assert_eq!(scene.audit().last(), Some(&Audit::Relocked(Ended::Clock)));
}

#[test]
fn a_clock_that_jumps_shortens_no_pause() {
    let mut scene = Scene::new(with_pin());
    for _ in 0..4 {
        scene.tell(0, Event::CredentialRefused);
    }
    for _ in 0..14 {
        scene.tell(1_000_000_000, Event::Tick);
    }
    assert_eq!(scene.door.state(), State::LockedOut { left_ms: 2_000 });
}
