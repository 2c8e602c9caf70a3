//! Settings that no door may have.

use edge_infer::door::{Door, Liveness, Policy, PolicyError, SecondFactor};

fn check(change: impl FnOnce(&mut Policy)) -> Result<(), PolicyError> {
    let mut policy = Policy::default();
    change(&mut policy);
    let checked = policy.check();
    assert_eq!(
        Door::new(policy).is_ok(),
        checked.is_ok(),
        "a door is made of checked policies alone"
    );
    checked
}

#[test]
fn the_default_asks_for_life_and_several_frames() {
    let policy = Policy::default();
    assert_eq!(policy.check(), Ok(()));
    assert!(matches!(policy.liveness, Liveness::AtLeast(_)));
    assert!(policy.frames.good >= 3);
    assert!(policy.target_fpir <= 1e-3);
}

/// Sets the field to just outside and just inside of its range, and tells what the error must be.
macro_rules! range {
    (@error f32, $setting:literal, $value:expr, $least:expr, $most:expr) => {
        PolicyError::OutOfRange { setting: $setting, value: $value, least: $least, most: $most }
    };
    (@error $kind:ident, $setting:literal, $value:expr, $least:expr, $most:expr) => {
        PolicyError::WholeOutOfRange { setting: $setting, value: $value.into(), least: $least, most: $most }
    };
    ($name:ident, $setting:literal, $($field:ident).+ : $kind:ident, $least:expr, $most:expr, $below:expr, $above:expr) => {
        #[test]
        fn $name() {
            let set = |value: $kind| check(|policy| policy.$($field).+ = value);
            for value in [$below, $above] {
                let expected = range!(@error $kind, $setting, value, $least, $most);
                assert_eq!(set(value), Err(expected));
            }
        }
    };
}

range!(rejects_an_unsafe_margin, "margin", margin: f32, 0.0, 1.0, -0.01, 1.01);
range!(rejects_one_frame, "frames.good", frames.good: u8, 2, 16, 1, 17);
range!(rejects_too_many_frames, "frames.of", frames.of: u8, 2, 16, 1, 17);
range!(rejects_an_unsafe_window, "frames.window_ms", frames.window_ms: u32, 200, 10_000, 199, 10_001);
range!(rejects_tiny_faces, "face.eye_distance", face.eye_distance: f32, 16.0, 1000.0, 15.9, 1001.0);
range!(rejects_an_unsafe_sharpness, "face.sharpness", face.sharpness: f32, 0.0, 10_000.0, -1.0, 10_001.0);
range!(rejects_an_unsafe_darkest, "face.darkest", face.darkest: f32, 0.0, 255.0, -1.0, 256.0);
range!(rejects_an_unsafe_brightest, "face.brightest", face.brightest: f32, 0.0, 255.0, -1.0, 256.0);
range!(rejects_an_unsafe_clipped, "face.clipped", face.clipped: f32, 0.0, 1.0, -0.1, 1.1);
range!(rejects_an_unsafe_yaw, "face.yaw", face.yaw: f32, 0.0, 1.0, -0.1, 1.1);
range!(rejects_an_unsafe_pitch, "face.pitch", face.pitch: f32, 0.0, 1.0, -0.1, 1.1);
range!(rejects_an_unsafe_roll, "face.roll", face.roll: f32, 0.0, 1.0, -0.1, 1.1);
range!(
    rejects_an_unsafe_other, "face.other_eye_distance",
    face.other_eye_distance: f32, 0.0, 24.0, -0.1, 24.1
);
range!(rejects_an_unsafe_share, "face.other_share", face.other_share: f32, 0.0, 0.7, -0.1, 0.8);
range!(rejects_an_unsafe_still, "still_cosine", still_cosine: f32, 0.9, 0.9999, 0.5, 1.0);
range!(rejects_old_frames, "camera.age_ms", camera.age_ms: u32, 20, 2_000, 19, 2_001);
range!(rejects_an_unsafe_freeze, "camera.frozen_frames", camera.frozen_frames: u8, 1, 100, 0, 101);
range!(rejects_an_unsafe_stall, "camera.stall_ms", camera.stall_ms: u32, 200, 60_000, 199, 60_001);
range!(rejects_an_endless_pulse, "pulse_ms", pulse_ms: u32, 100, 30_000, 99, 30_001);
range!(rejects_no_pause_after_an_unlock, "cooldown_ms", cooldown_ms: u32, 100, 60_000, 99, 60_001);
range!(rejects_no_pause_after_a_refusal, "retry_ms", retry_ms: u32, 100, 60_000, 99, 60_001);
range!(rejects_an_unsafe_hold, "hold_ms", hold_ms: u32, 500, 60_000, 499, 60_001);
range!(rejects_a_short_lockout, "lockout.first_ms", lockout.first_ms: u32, 30_000, 86_400_000, 29_999, 86_400_001);
range!(
    rejects_an_unsafe_longest, "lockout.longest_ms",
    lockout.longest_ms: u32, 30_000, 86_400_000, 29_999, 86_400_001
);
range!(
    rejects_a_short_memory, "lockout.forget_ms",
    lockout.forget_ms: u32, 3_600_000, 86_400_000, 3_599_999, 86_400_001
);
range!(
    rejects_an_unsafe_left_open, "contact.left_open_ms",
    contact.left_open_ms: u32, 1_000, 3_600_000, 999, 3_600_001
);
range!(rejects_unsafe_steps, "step_ms", step_ms: u32, 50, 10_000, 49, 10_001);

#[test]
fn rejects_settings_above_their_most() {
    type Change = fn(&mut Policy);
    let settings: [(&str, Change); 3] = [
        ("lockout.free", |policy| policy.lockout.free = 11),
        ("contact.grace_ms", |policy| policy.contact.grace_ms = 30_001),
        ("target_fpir", |policy| policy.target_fpir = 0.02),
    ];
    for (expected, set) in settings {
        let found = check(set);
        let Err(
            PolicyError::OutOfRange { setting, .. } | PolicyError::WholeOutOfRange { setting, .. },
        ) = found
        else {
            panic!("{expected} is taken");
        };
        assert_eq!(setting, expected);
    }
}

#[test]
fn rejects_a_liveness_that_anything_has() {
    for score in [0.0, -0.5, 1.01, f32::NAN] {
        let found = check(|policy| policy.liveness = Liveness::AtLeast(score));
        assert!(matches!(found, Err(PolicyError::OutOfRange { setting: "liveness", .. })));
    }
    assert_eq!(check(|policy| policy.liveness = Liveness::Off), Ok(()));
}

#[test]
fn rejects_a_second_factor_that_lasts() {
    for ms in [0, 999, 60_001] {
        let found = check(|policy| policy.second_factor = SecondFactor::Within(ms));
        assert!(matches!(
            found,
            Err(PolicyError::WholeOutOfRange { setting: "second_factor", .. })
        ));
    }
}

#[test]
fn rejects_more_good_frames_than_frames() {
    let found = check(|policy| (policy.frames.good, policy.frames.of) = (5, 4));
    assert_eq!(found, Err(PolicyError::GoodOfTooFew { good: 5, of: 4 }));
}

#[test]
fn rejects_a_policy_without_brightness() {
    let found = check(|policy| (policy.face.darkest, policy.face.brightest) = (90.0, 90.0));
    assert_eq!(found, Err(PolicyError::NoBrightness { darkest: 90.0, brightest: 90.0 }));
}

#[test]
fn rejects_what_is_not_a_number() {
    let settings: [fn(&mut Policy); 13] = [
        |policy| policy.target_fpir = f32::NAN,
        |policy| policy.margin = f32::NAN,
        |policy| policy.still_cosine = f32::NAN,
        |policy| policy.face.eye_distance = f32::NAN,
        |policy| policy.face.sharpness = f32::NAN,
        |policy| policy.face.darkest = f32::NAN,
        |policy| policy.face.brightest = f32::NAN,
        |policy| policy.face.clipped = f32::NAN,
        |policy| policy.face.yaw = f32::NAN,
        |policy| policy.face.pitch = f32::NAN,
        |policy| policy.face.roll = f32::NAN,
        |policy| policy.face.other_eye_distance = f32::NAN,
        |policy| policy.face.other_share = f32::NAN,
    ];
    for set in settings {
        assert!(check(set).is_err());
    }
}
