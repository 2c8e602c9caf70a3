//! Light, sharpness and pose of drawn faces whose values are known.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use edge_infer::image::Frame;
use edge_infer::image::align::{ARCFACE_TEMPLATE_112, Landmarks};
use edge_infer::image::quality::{Pose, Quality, eye_distance};
use proptest::prelude::*;

const SIDE: usize = 112;

fn quality(pixels: &[u8]) -> Quality {
    Quality::of(&Frame::new(pixels, SIDE, SIDE, SIDE * 3).unwrap())
}

/// Grey pixels by `luma` of column and row.
fn drawn(luma: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    (0..SIDE * SIDE).flat_map(|at| [luma(at % SIDE, at / SIDE); 3]).collect()
}

/// A face of sorts: eyes, nose, mouth with hard edges.
fn drawn_face() -> Vec<u8> {
    drawn(|x, y| {
        let within = |cx: usize, cy: usize, rx: usize, ry: usize| {
            x.abs_diff(cx) <= rx && y.abs_diff(cy) <= ry
        };
        let eye = within(38, 52, 7, 3) || within(74, 52, 7, 3);
        let mouth = within(56, 92, 15, 3);
        let nose = within(56, 70, 4, 6);
        if eye || mouth {
            40
        } else if nose {
            190
        } else {
            150
        }
    })
}

/// Mean of the pixels within `radius`, along rows and then columns.
fn blurred(pixels: &[u8], radius: usize) -> Vec<u8> {
    let along = |pixels: &[u8], step: (usize, usize)| {
        drawn(|x, y| {
            let places = (0..=2 * radius).map(|at| {
                let place = |base: usize, step: usize| {
                    (base + step * at).saturating_sub(step * radius).min(SIDE - 1)
                };
                u32::from(pixels[(place(y, step.1) * SIDE + place(x, step.0)) * 3])
            });
            (places.sum::<u32>() / (2 * radius as u32 + 1)) as u8
        })
    };
    along(&along(pixels, (1, 0)), (0, 1))
}

#[test]
fn more_blur_is_less_sharp() {
    let sharpness: Vec<f32> =
        [0, 1, 2, 4, 8].map(|radius| quality(&blurred(&drawn_face(), radius)).sharpness).into();
    assert!(sharpness.is_sorted_by(|a, b| a > b), "{sharpness:?}");
    assert!(sharpness[0] > 10.0 * sharpness[2], "{sharpness:?}");
}

#[test]
fn a_checkerboard_has_the_variance_of_its_laplacian() {
    // Every neighbour differs by 10, so the Laplacian is +40 and -40 by turns: variance 1,600.
    let found = quality(&drawn(|x, y| if (x + y) % 2 == 0 { 100 } else { 110 }));
    assert_eq!(found, Quality { brightness: 105.0, dark: 0.0, bright: 0.0, sharpness: 1600.0 });
}

#[test]
fn a_slope_of_light_is_not_sharp() {
    assert_eq!(quality(&drawn(|x, y| (x + y) as u8)).sharpness, 0.0);
}

#[test]
fn luma_weighs_the_colours() {
    for (rgb, luma) in
        [([255, 0, 0], 76.0), ([0, 255, 0], 149.0), ([0, 0, 255], 28.0), ([255; 3], 255.0)]
    {
        assert_eq!(quality(&rgb.repeat(SIDE * SIDE)).brightness, luma);
    }
}

#[test]
fn dark_and_bright_are_shares_of_the_middle() {
    // Columns 28 to 83 are the middle: 14 of 56 are black, 28 white.
    let found = quality(&drawn(|x, _| match x {
        28..42 => 20,
        42..56 => 21,
        56..84 => 250,
        _ => 0,
    }));
    assert_eq!((found.dark, found.bright), (0.25, 0.5));
}

#[test]
fn what_is_around_the_middle_does_not_count() {
    let face = drawn_face();
    let mut framed = face.clone();
    for (at, pixel) in framed.chunks_mut(3).enumerate() {
        let (x, y) = (at % SIDE, at / SIDE);
        if !(28..84).contains(&x) || !(35..105).contains(&y) {
            pixel.fill(0);
        }
    }
    assert_eq!(quality(&face), quality(&framed));
}

#[test]
fn a_face_of_any_size_has_a_quality() {
    for (width, height) in [(1, 1), (2, 3), (5, 4), (16, 16)] {
        let pixels = vec![128; width * height * 3];
        let found = Quality::of(&Frame::new(&pixels, width, height, width * 3).unwrap());
        assert_eq!(found.sharpness, 0.0);
        assert!(found.brightness == 128.0 || found.brightness == 0.0);
    }
}

/// Turned by `degrees` clockwise, scaled and shifted.
fn placed(landmarks: &Landmarks, degrees: f32, scale: f32, shift: [f32; 2]) -> Landmarks {
    let (sin, cos) = degrees.to_radians().sin_cos();
    landmarks.map(|[x, y]| {
        [scale * (x * cos - y * sin) + shift[0], scale * (x * sin + y * cos) + shift[1]]
    })
}

#[test]
fn the_template_looks_straight_ahead() {
    let pose = Pose::of(&ARCFACE_TEMPLATE_112).unwrap();
    assert!(
        pose.yaw.abs() < 0.005 && pose.pitch.abs() < 0.02 && pose.roll.abs() < 0.006,
        "{pose:?}"
    );
    let [[x, y], [other_x, other_y], ..] = ARCFACE_TEMPLATE_112;
    let distance = (other_x - x).hypot(other_y - y);
    assert!((eye_distance(&ARCFACE_TEMPLATE_112) - distance).abs() < 1e-4);
}

#[test]
fn roll_goes_once_around() {
    for (degrees, expected) in [
        (0.0, 0.0),
        (30.0, 0.5),
        (-30.0, -0.5),
        (90.0, 1.0),
        (150.0, 1.5),
        (-150.0, -1.5),
        (179.0, 1.9825),
    ] {
        let [[x, y], [other_x, other_y], ..] = ARCFACE_TEMPLATE_112;
        // The template's own eyes are not quite level.
        let level = (y - other_y).atan2(other_x - x).to_degrees();
        let pose =
            Pose::of(&placed(&ARCFACE_TEMPLATE_112, degrees + level, 1.0, [0.0; 2])).unwrap();
        assert!((pose.roll - expected).abs() < 1e-3, "{degrees}: {pose:?}");
    }
}

#[test]
fn a_head_that_turns_takes_its_nose_along() {
    let turned = |across: f32, down: f32| {
        let mut landmarks = ARCFACE_TEMPLATE_112;
        landmarks[2] = [landmarks[2][0] + across, landmarks[2][1] + down];
        Pose::of(&landmarks).unwrap()
    };
    let distance = eye_distance(&ARCFACE_TEMPLATE_112);
    let ahead = turned(0.0, 0.0);
    assert!((turned(distance / 2.0, 0.0).yaw - ahead.yaw - 0.5).abs() < 0.01);
    assert!((turned(-distance / 4.0, 0.0).yaw - ahead.yaw + 0.25).abs() < 0.01);
    // From the eyes to the mouth are 40.7 pixels.
    assert!((turned(0.0, 10.17).pitch - ahead.pitch - 0.25).abs() < 0.01);
    assert!((turned(0.0, -10.17).pitch - ahead.pitch + 0.25).abs() < 0.01);
}

#[test]
fn points_that_make_no_head_have_no_pose() {
    let mut coincident = ARCFACE_TEMPLATE_112;
    coincident[1] = coincident[0];
    let mut mirrored = ARCFACE_TEMPLATE_112;
    mirrored.swap(0, 1);
    let mut flat = ARCFACE_TEMPLATE_112;
    (flat[3], flat[4]) = (flat[0], flat[1]);
    let mut lost = ARCFACE_TEMPLATE_112;
    lost[4][1] = f32::NAN;
    let mut far = ARCFACE_TEMPLATE_112;
    far[0][0] = f32::NEG_INFINITY;
    for landmarks in [coincident, mirrored, flat, lost, far, [[0.0; 2]; 5]] {
        assert_eq!(Pose::of(&landmarks), None, "{landmarks:?}");
    }
    assert_eq!(eye_distance(&coincident), 0.0);
    assert!(!eye_distance(&far).is_finite());
    let mut level = [[0.0, 5.0], [f32::NAN, 5.0], [0.0; 2], [0.0; 2], [0.0; 2]];
    assert!(!eye_distance(&level).is_finite());
    level[1] = [3.0, 9.0];
    assert_eq!(eye_distance(&level), 5.0);
}

proptest! {
    #[test]
    fn yaw_and_pitch_are_the_heads_wherever_it_is(
        nose in (-10.0_f32..10.0, -10.0_f32..10.0), degrees in -179.0_f32..179.0, scale in 0.3_f32..8.0,
        shift in (-500.0_f32..500.0, -500.0_f32..500.0),
    ) {
        let mut landmarks = ARCFACE_TEMPLATE_112;
        landmarks[2] = [landmarks[2][0] + nose.0, landmarks[2][1] + nose.1];
        let ahead = Pose::of(&landmarks).unwrap();
        let there = placed(&landmarks, degrees, scale, [shift.0, shift.1]);
        let pose = Pose::of(&there).unwrap();
        prop_assert!((pose.yaw - ahead.yaw).abs() < 1e-2 && (pose.pitch - ahead.pitch).abs() < 1e-2);
        let distance = scale * eye_distance(&landmarks);
        prop_assert!((eye_distance(&there) / distance - 1.0).abs() < 1e-3);
    }

    #[test]
    fn any_points_have_a_finite_pose_or_none(points in prop::array::uniform5(prop::array::uniform2(prop::num::f32::ANY))) {
        if let Some(pose) = Pose::of(&points) {
            prop_assert!(pose.yaw.is_finite() && pose.pitch.is_finite() && pose.roll.abs() <= 2.001);
        }
    }
}
