//! What went wrong at other doors, by their public reports. A test's name begins with its report's.

use edge_infer::door::{
    Action, Audit, Bolt, Calibration, CalibrationError, Contact, Event, Exit, Face, Fault,
    Liveness, Measure, Policy, PolicyError, Reason, State,
};
use edge_infer::image::Frame;
use edge_infer::image::quality::Quality;
use edge_infer::matching::{Match, Template, TemplateError};
use model_format::{ModelId, Threshold};

use crate::scene::{COSINE, Scene, calibration, face, with_best};

const ANNA: u32 = 7;

/// Strangers get a similarity of 0.92 with somebody: the closest person is no answer, the tail of impostors is.
#[test]
fn compreface_1220_the_closest_person_of_a_stranger_is_nobody() {
    let scores_of_a_useless_scale = [(1e-2, 0.92), (1e-3, 0.95), (1e-5, 0.985)];
    let table = scores_of_a_useless_scale.map(|(fmr, cosine)| Threshold { fmr, cosine });
    let chosen = Calibration::new(1e-3, 100, table).unwrap();
    let mut scene = Scene::new(Policy::default());
    scene.tell(0, Event::Calibration(Some(chosen)));
    let stranger = with_best(face(1, ANNA), |best| best.cosine = 0.92);
    let reason = scene.stay(stranger, 5).reason();
    assert_eq!(reason, Reason::Unknown { cosine: 0.92, limit: 0.985 });
    assert_eq!(reason.to_string(), "nobody enrolled looks like this");
    assert_eq!(scene.entered(), []);
}

/// `certainty = 10` accepts anyone: a door is given a rate, and no rate of its table lets in strangers.
#[test]
fn howdy_527_no_setting_accepts_anyone() {
    for target_fpir in [0.02, 1.0, 10.0] {
        let policy = Policy { target_fpir, ..Policy::default() };
        let error = policy.check().unwrap_err();
        assert!(matches!(error, PolicyError::OutOfRange { setting: "target_fpir", .. }));
        let table = [Threshold { fmr: 1e-2, cosine: 0.3 }];
        let error = Calibration::new(target_fpir, 1, table).unwrap_err();
        assert_eq!(error, CalibrationError::Target { target_fpir });
    }
    // The loosest door there is, and a face that is like any other.
    let table = [Threshold { fmr: 1e-2, cosine: 0.25 }];
    let mut scene = Scene::new(Policy { target_fpir: 1e-2, ..Policy::default() });
    scene.tell(0, Event::Calibration(Some(Calibration::new(1e-2, 1, table).unwrap())));
    let anyone = with_best(face(1, ANNA), |best| best.cosine = 0.2);
    scene.stay(anyone, 50);
    assert_eq!(scene.entered(), []);
}

/// The IR check failed, the result was success: gates are joined by AND, in one frame.
#[test]
fn biopass_104_every_gate_must_pass() {
    let gates: [fn(&mut Face); 8] = [
        |face| face.liveness = Some(0.2),
        |face| face.liveness = None,
        |face| face.matched.as_mut().unwrap().best.cosine = 0.3,
        |face| face.matched.as_mut().unwrap().admission = edge_infer::door::Admission::Outside,
        |face| face.quality.sharpness = 1.0,
        |face| face.eye_distance = 10.0,
        |face| face.pose = None,
        |face| face.to_previous = Some(1.0),
    ];
    for failing in 0_u32..1 << gates.len() {
        let mut scene = Scene::new(Policy::default());
        let mut seen = face(1, ANNA);
        for (bit, fail) in gates.iter().enumerate() {
            if failing >> bit & 1 == 1 {
                fail(&mut seen);
            }
        }
        scene.stay(seen, 3);
        assert_eq!(scene.entered().len(), usize::from(failing == 0), "{failing:08b}");
    }
}

/// Gates that pass in turn, never in the same frame, do not add up either.
#[test]
fn biopass_104_a_live_stranger_and_a_still_picture_do_not_add_up() {
    let mut scene = Scene::new(Policy::default());
    let mut picture = face(1, ANNA);
    picture.liveness = Some(0.1);
    let live = with_best(face(1, ANNA), |best| best.cosine = 0.1);
    for seen in [picture, live].into_iter().cycle().take(40) {
        scene.show(seen);
    }
    assert_eq!(scene.entered(), []);
}

/// A still picture has a cosine of .999 and more with itself from frame to frame, a living face .98 to .995.
#[test]
fn facelock_63_one_frame_again_and_again_is_a_picture() {
    for (to_previous, opens) in
        [(0.98, true), (0.995, true), (0.999, false), (0.9995, false), (1.0, false)]
    {
        let mut scene = Scene::new(Policy::default());
        let mut seen = face(1, ANNA);
        seen.to_previous = None;
        scene.show(seen);
        seen.to_previous = Some(to_previous);
        scene.stay(seen, 5);
        assert_eq!(!scene.entered().is_empty(), opens, "{to_previous}");
    }
    let still = Reason::Still { cosine: 1.0, limit: 0.999 };
    assert_eq!(still.to_string(), "the face does not move at all, like a picture");
}

/// A board that forgets to compare frames must not thereby switch the check off.
#[test]
fn facelock_63_frames_that_nobody_compared_do_not_count() {
    let mut scene = Scene::new(Policy::default());
    let mut seen = face(1, ANNA);
    seen.to_previous = None;
    assert_eq!(scene.stay(seen, 2).reason(), Reason::Unmeasured(Measure::ToPrevious));
    scene.stay(seen, 30);
    assert_eq!(scene.entered(), []);
}

/// The same, down to the bytes: the camera's last frame is handed out as often as one likes.
#[test]
fn facelock_63_the_same_pixels_count_once() {
    let mut scene = Scene::new(Policy::default());
    let frame = scene.next(Some(face(1, ANNA)));
    for n in 0..20 {
        let mut again = frame;
        again.stamp.sequence += n;
        again.stamp.captured_ms = scene.now + 60;
        let decision = scene.tell(100, Event::Frame(again));
        let expected = match n {
            0 => Reason::MoreFrames { good: 1, needed: 3 },
            _ => Reason::Repeated,
        };
        assert_eq!(decision.reason(), expected);
    }
    assert_eq!(scene.door.state(), State::Faulted(Fault::CameraFrozen));
    assert_eq!(scene.entered(), []);
}

/// A bystander proves to be alive, the photograph in his hand to be somebody.
#[test]
fn faceai_22_a_bystander_does_not_prove_a_photograph_alive() {
    let mut photograph = face(2, ANNA);
    photograph.liveness = Some(0.05);
    let bystander = with_best(face(1, ANNA), |best| best.cosine = 0.1);

    // Both in one frame.
    let mut scene = Scene::new(Policy::default());
    for largest in [bystander, photograph].into_iter().cycle().take(30) {
        let mut frame = scene.next(Some(largest));
        frame.other_eye_distance = Some(40.0);
        let reason = scene.tell(100, Event::Frame(frame)).reason();
        assert!(matches!(reason, Reason::Held { .. } | Reason::LockedOut { .. }), "{reason}");
    }
    // In turn before the camera, with a tracker that takes both for one.
    for track in [1, 2] {
        photograph.track = track;
        let mut scene = Scene::new(Policy::default());
        for seen in [bystander, photograph].into_iter().cycle().take(30) {
            scene.show(seen);
        }
        assert_eq!(scene.entered(), []);
    }
}

/// The room decided whether a frame was too dark. Here it is the face: an aligned crop that is lit, or not.
#[test]
fn howdy_1108_the_face_is_measured_and_not_the_room() {
    let crop = |face_luma: u8, room_luma: u8| {
        let mut pixels = vec![room_luma; 112 * 112 * 3];
        for y in 35..105 {
            for x in 28..84 {
                // A little texture, so that it is sharp.
                let luma = face_luma.saturating_add(if (x + y) % 2 == 0 { 8 } else { 0 });
                pixels[(y * 112 + x) * 3..][..3].fill(luma);
            }
        }
        Quality::of(&Frame::new(&pixels, 112, 112, 336).unwrap())
    };
    for (face_luma, room_luma, expected) in [
        (120, 0, None),
        (120, 255, None),
        (10, 200, Some(Measure::Brightness)),
        (245, 0, Some(Measure::Brightness)),
    ] {
        let mut seen = face(1, ANNA);
        seen.quality = crop(face_luma, room_luma);
        let mut scene = Scene::new(Policy::default());
        let found = match scene.show(seen).reason() {
            Reason::TooLow { measure, .. } | Reason::TooHigh { measure, .. } => Some(measure),
            _ => None,
        };
        assert_eq!(found, expected, "face {face_luma}, room {room_luma}");
    }
}

#[test]
fn irlume_613_a_face_too_dark_is_told_so_and_refused_nothing() {
    let mut scene = Scene::new(Policy::default());
    let mut seen = face(1, ANNA);
    seen.quality.brightness = 22.0;
    let reason = scene.stay(seen, 100).reason();
    assert_eq!(reason, Reason::TooLow { measure: Measure::Brightness, value: 22.0, limit: 40.0 });
    assert_eq!(scene.door.refusals(), 0);
    assert!(!scene.audit().iter().any(|record| matches!(record, Audit::Refused { .. })));
}

/// Faces of 20x20 pixels matched somebody.
#[test]
fn double_take_55_a_face_of_20_pixels_is_nobodys() {
    let mut scene = Scene::new(Policy::default());
    let mut seen = with_best(face(1, ANNA), |best| best.cosine = 0.99);
    seen.eye_distance = 8.5;
    let reason = scene.stay(seen, 50).reason();
    assert_eq!(reason, Reason::TooLow { measure: Measure::EyeDistance, value: 8.5, limit: 24.0 });
    assert_eq!(scene.entered(), []);
    let mut policy = Policy::default();
    policy.face.eye_distance = 8.0;
    assert!(policy.check().is_err());
}

/// `if compare_faces(..)` is true of any list; `[0]` fails on an empty one. No face and no match are answers of their own, and the
/// doctest of `Decision` shows that it is no condition.
#[test]
fn face_recognition_866_an_empty_answer_is_no_yes() {
    let mut scene = Scene::new(Policy::default());
    let empty = scene.next(None);
    let decision = scene.tell(100, Event::Frame(empty));
    assert_eq!((decision.bolt(), decision.reason()), (Bolt::Locked, Reason::NoFace));
    let mut seen = face(1, ANNA);
    seen.matched = None;
    assert_eq!(scene.stay(seen, 3).reason(), Reason::NobodyEnrolled);
    assert_eq!(scene.entered(), []);
}

/// A zero norm gave NaN, which was stored; elsewhere NaN outranked real matches.
#[test]
fn pictopy_632_what_is_not_a_number_opens_nothing() {
    let zero = Template::from_embedding(&[0.0_f32; 4], ModelId([1; 16])).unwrap_err();
    assert!(matches!(zero, TemplateError::Zero { .. }));
    let places: [fn(&mut Face, f32); 12] = [
        |face, value| face.matched.as_mut().unwrap().best.cosine = value,
        |face, value| {
            let best = &mut face.matched.as_mut().unwrap().best;
            best.runner_up = Some(Match { person: 1, cosine: value });
        },
        |face, value| face.liveness = Some(value),
        |face, value| face.to_previous = Some(value),
        |face, value| face.eye_distance = value,
        |face, value| face.quality.brightness = value,
        |face, value| face.quality.dark = value,
        |face, value| face.quality.bright = value,
        |face, value| face.quality.sharpness = value,
        |face, value| face.pose.as_mut().unwrap().yaw = value,
        |face, value| face.pose.as_mut().unwrap().pitch = value,
        |face, value| face.pose.as_mut().unwrap().roll = value,
    ];
    for (place, put) in places.iter().enumerate() {
        for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let mut scene = Scene::new(Policy::default());
            let mut seen = face(1, ANNA);
            put(&mut seen, value);
            scene.stay(seen, 10);
            // A face that is infinitely large is still no number.
            let finite = value == f32::MAX && (place == 4 || place == 8);
            assert_eq!(scene.entered().is_empty(), !finite, "place {place}, {value}");
        }
    }
}

/// A broken network gives everybody more than .99 with everybody.
#[test]
fn esp_who_76_when_all_are_alike_it_is_nobody() {
    let mut scene = Scene::new(Policy::default());
    let alike = with_best(face(1, ANNA), |best| {
        best.cosine = 0.995;
        best.runner_up = Some(Match { person: 1, cosine: 0.993 });
    });
    let reason = scene.stay(alike, 3).reason();
    assert!(matches!(reason, Reason::Ambiguous { limit: 0.05, .. }), "{reason:?}");
    assert_eq!(scene.entered(), []);
}

/// A bank of faces that learned by itself came to hold six strangers of ten. Nothing that the door says asks for a template to be
/// kept, and a gallery larger than was calibrated opens for nobody.
#[test]
fn autonomous_os_299_a_gallery_that_grew_by_itself_opens_for_nobody() {
    let mut scene = Scene::new(Policy::default());
    for (templates, opens) in [(100, true), (101, false)] {
        let mut seen = face(templates, ANNA);
        seen.matched.as_mut().unwrap().templates = templates;
        let decision = scene.stay(seen, 3);
        assert_eq!(decision.bolt() == Bolt::Unlocked, opens);
        let outgrown = Reason::GalleryOutgrown { templates: 101, calibrated: 100 };
        assert_eq!(decision.reason(), if opens { Reason::Open } else { outgrown });
        scene.wait(5_000);
    }
}

/// The stream stalled, and its last picture went on to be analysed.
#[test]
fn frigate_5365_a_picture_from_before_the_stall_is_stale() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 2);
    let mut late = scene.next(Some(face(1, ANNA)));
    late.stamp.captured_ms = scene.now;
    let reason = scene.tell(501, Event::Frame(late)).reason();
    assert_eq!(reason, Reason::Stale { age_ms: 501, limit_ms: 500 });
    // And nothing comes any more.
    for _ in 0..24 {
        scene.tell(100, Event::Tick);
    }
    assert_ne!(scene.door.state(), State::Faulted(Fault::CameraStalled));
    scene.tell(99, Event::Tick);
    assert_eq!(scene.door.state(), State::Faulted(Fault::CameraStalled));
    assert_eq!(scene.entered(), []);
    // The first new frame clears it, and all begins anew.
    assert_eq!(scene.stay(face(1, ANNA), 2).reason(), Reason::MoreFrames { good: 2, needed: 3 });
}

/// An old image under a clock that runs on: number and pixels say that it is not new.
#[test]
fn frigate_219_an_old_picture_with_a_new_time_is_not_new() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 2);
    for n in 0..10_u64 {
        let mut old = scene.next(Some(face(1, ANNA)));
        old.stamp.sequence = 2;
        // Noise in the pixels, so that the digest does not tell.
        old.stamp.digest = n;
        assert_eq!(scene.tell(100, Event::Frame(old)).reason(), Reason::NotNewer);
    }
    assert_eq!(scene.entered(), []);
}

/// After a boot the clock is behind, then it is set: frames that are older than the clock's beginning, or later than now.
#[test]
fn octoprint_3266_a_clock_that_is_set_opens_nothing() {
    let mut scene = Scene::new(Policy::default());
    scene.stay(face(1, ANNA), 2);
    let hour = 3_600_000;
    for now in [scene.now + hour, scene.now, scene.now + 2 * hour, 5] {
        scene.now = now;
        let decision = scene.tell(0, Event::Tick);
        assert!(
            matches!(decision.reason(), Reason::ClockJumped { .. } | Reason::ClockBackwards { .. }),
            "{}",
            decision.reason()
        );
        let mut frame = scene.next(Some(face(1, ANNA)));
        frame.stamp.captured_ms = now + hour;
        let reason = scene.tell(100, Event::Frame(frame)).reason();
        assert_eq!(reason, Reason::FromTheFuture { by_ms: hour - 100 });
        scene.stay(face(1, ANNA), 2);
    }
    assert_eq!(scene.entered(), []);
    scene.show(face(1, ANNA));
    assert_eq!(scene.entered(), [ANNA], "a clock that then runs is believed");
}

/// Booting unlocks: a door's first decisions are to stay locked, whatever it is told first.
#[test]
fn homebridge_rpi_144_a_boot_unlocks_nothing() {
    let first = [
        Event::Tick,
        Event::Calibration(Some(calibration())),
        Event::Contact(Contact::Open),
        Event::Contact(Contact::Closed),
        Event::FaultRaised(Fault::Lock),
        Event::FaultCleared(Fault::Lock),
        Event::CredentialRefused,
        Event::ExitButton,
    ];
    for event in first {
        let mut scene = Scene::uncalibrated(Policy::default());
        let decision = scene.tell(0, event);
        assert_eq!(decision.bolt(), Bolt::Locked, "{event:?}");
        assert!(!decision.actions().any(|action| matches!(action, Action::Unlock { .. })));
    }
}

/// The relay stuck open: every unlock has its end, for a face as for the button.
#[test]
fn garagedoor_12_no_unlock_is_longer_than_its_pulse() {
    for pulse_ms in [100, 3_000, 30_000] {
        let mut policy = Policy { pulse_ms, exit: Exit::Free, ..Policy::default() };
        policy.camera.stall_ms = 60_000;
        let mut scene = Scene::new(policy);
        scene.stay(face(1, ANNA), 3);
        let mut open_ms = 0;
        while scene.tell(10, Event::ExitButton).bolt() == Bolt::Unlocked && open_ms < pulse_ms {
            open_ms += 10;
        }
        assert_eq!(open_ms, pulse_ms - 10);
        assert!(scene.actions.contains(&Action::Lock));
    }
}

/// A loop of requests pushed the audit log full. Here an attempt writes one entry and has a pause behind it, however many frames
/// there are; what lies alike behind one another is the log's to put together.
#[test]
fn facelock_216_standing_before_the_camera_does_not_fill_the_log() {
    let mut scene = Scene::new(Policy::default());
    let stranger = with_best(face(1, ANNA), |best| best.cosine = 0.1);
    let mut print = face(1, ANNA);
    print.liveness = Some(0.0);
    for (seen, most) in [(stranger, 2_400), (print, 80)] {
        let before = scene.audit().len();
        for _ in 0..36_000 {
            scene.show(seen);
        }
        let entries = scene.audit().len() - before;
        assert!(entries <= most, "{entries} entries an hour, at most {most}");
    }
}

/// Off must be said; it is no result of a score that is missing.
#[test]
fn biopass_104_liveness_is_off_only_when_it_is_said() {
    let mut seen = face(1, ANNA);
    seen.liveness = None;
    let mut scene = Scene::new(Policy::default());
    assert_eq!(scene.stay(seen, 3).reason(), Reason::Unmeasured(Measure::Liveness));
    let mut scene = Scene::new(Policy { liveness: Liveness::Off, ..Policy::default() });
    scene.stay(seen, 3);
    assert_eq!(scene.entered(), [ANNA]);
    assert!(calibration().cosine() == COSINE);
}
