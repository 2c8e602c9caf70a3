//! Properties of whole pictures: the same everywhere, different where they should be, aligned, robust, and a task
//! that comparing pixels does not solve.

use proptest::prelude::*;

use super::*;
use crate::data::FaceImage;

fn faces(people: u64, shots: usize, size: usize, difficulty: Difficulty) -> DrawnFaces {
    DrawnFaces::new(11, 500..500 + people, shots, size, difficulty)
        .expect("the arguments are in range")
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn luma(face: &FaceImage, at: [f32; 2]) -> f32 {
    let pixel = (at[1].round() as usize * face.width + at[0].round() as usize) * 3;
    face.rgb[pixel..pixel + 3].iter().map(|c| f32::from(*c)).sum::<f32>() / 3.0
}

/// Every operation of the drawing is one that IEEE 754 rounds exactly, so these hold on every machine. A change of
/// the look changes them, and with them the quick start's data: renew them knowingly.
#[test]
fn the_same_seed_gives_the_same_bytes_everywhere() {
    let set = faces(4, 3, 64, Difficulty::default());
    let hashes: Vec<u64> = [0, 5, 10].map(|index| hash(&set.image(index).0.rgb)).to_vec();
    assert_eq!(hashes, GOLDEN, "{hashes:#018x?}");
}

const GOLDEN: [u64; 3] = [0x56a9_6180_740b_69b5, 0xf3cb_82be_21a4_fe32, 0x4990_9c1e_4f4c_ee2d];

#[test]
fn an_image_depends_on_its_index_only() {
    let set = faces(3, 4, 32, Difficulty::default());
    assert_eq!((set.len(), set.class_count()), (12, 3));
    let forwards: Vec<_> = (0..12).map(|i| set.image(i)).collect();
    for (index, (image, label)) in forwards.iter().enumerate().rev() {
        assert_eq!(*label as usize, index / 4);
        assert_eq!((image.width, image.height, image.rgb.len()), (32, 32, 32 * 32 * 3));
        assert_eq!(&set.image(index).0, image);
    }
    // The population does not depend on the range it is cut from.
    let later = DrawnFaces::new(11, 501..502, 4, 32, Difficulty::default()).expect("in range");
    assert_eq!(later.image(2).0, forwards[6].0);
    assert_eq!(later.identity(0), set.identity(1));
}

#[test]
fn people_and_photographs_differ() {
    let set = faces(40, 2, 48, Difficulty::NONE);
    let images: Vec<FaceImage> = (0..set.len()).map(|i| set.image(i).0).collect();
    for (i, a) in images.iter().enumerate() {
        for b in &images[i + 1..] {
            let far = a.rgb.iter().zip(&b.rgb).filter(|(a, b)| a.abs_diff(**b) > 12).count();
            assert!(far > a.rgb.len() / 50, "image {i} equals another in all but {far} bytes");
        }
    }
}

#[test]
fn landmarks_sit_near_the_template() {
    for index in 0..200 {
        let person = Identity::draw(4, index);
        let plain = landmarks(&person, &Shot::draw(&person, 0, &Difficulty::NONE), 112);
        for (at, template) in plain.iter().zip(TEMPLATE) {
            let off = ((at[0] - template[0]).powi(2) + (at[1] - template[1]).powi(2)).sqrt();
            assert!(off < 7.0, "person {index}: {at:?} against {template:?}");
        }
        let shot = Shot::draw(&person, 1, &Difficulty::default());
        let (large, small) = (landmarks(&person, &shot, 112), landmarks(&person, &shot, 64));
        for (at, half) in large.iter().zip(small) {
            assert!(at.iter().all(|c| (4.0..108.0).contains(c)), "person {index}: {at:?}");
            assert!(
                (at[0] * 64.0 / 112.0 - half[0]).abs() < 1e-3
                    && (at[1] * 64.0 / 112.0 - half[1]).abs() < 1e-3
            );
        }
    }
}

#[test]
fn landmarks_move_with_the_pose_they_are_given() {
    let person = Identity::draw(4, 1);
    let mut shot = Shot::draw(&person, 0, &Difficulty::NONE);
    let plain = landmarks(&person, &shot, 112);
    shot.pose = Pose { roll: 1.2, zoom: 0.5, shift: [6.0, -9.0], ..Pose::FRONTAL };
    let (sin, cos) = 1.2_f32.sin_cos();
    for (at, moved) in plain.iter().zip(landmarks(&person, &shot, 112)) {
        let (x, y) = (0.5 * (at[0] - 56.0), 0.5 * (at[1] - 56.0));
        assert!((moved[0] - (62.0 + cos * x - sin * y)).abs() < 1e-3, "{moved:?}");
        assert!((moved[1] - (47.0 + sin * x + cos * y)).abs() < 1e-3, "{moved:?}");
    }
}

#[test]
fn landmarks_point_at_pupils_and_between_lips() {
    let mut seen = 0;
    for index in 0..120 {
        let person = Identity::draw(4, index);
        let hidden =
            person.frames.habitual || person.hair.fringe > 8.0 || person.eyes.opening < 3.6;
        if person.skin.melanin > 0.4 || hidden {
            continue;
        }
        let shot = Shot::draw(&person, 0, &Difficulty::NONE);
        let face = draw(&person, &shot, 112);
        let [left, right, nose, ..] = landmarks(&person, &shot, 112);
        for eye in [left, right] {
            let cheek = luma(&face, [eye[0], nose[1]]);
            assert!(
                luma(&face, eye) < 0.6 * cheek,
                "person {index}: eye {} cheek {cheek}",
                luma(&face, eye)
            );
        }
        seen += 1;
    }
    assert!(seen > 15, "only {seen} people looked at");
}

/// What a nearest neighbour over pixels would get on people and photographs it never saw: the best accuracy over all
/// thresholds on cosines of mean-free pixels, over as many genuine pairs as impostor pairs.
#[test]
fn comparing_pixels_does_not_recognise_people() {
    const PEOPLE: usize = 150;
    const SHOTS: usize = 3;
    let set = faces(PEOPLE as u64, SHOTS, 48, Difficulty::default());
    let vectors: Vec<Vec<f32>> = (0..set.len())
        .map(|index| {
            let rgb = set.image(index).0.rgb;
            let mean: [f32; 3] = core::array::from_fn(|c| {
                rgb.iter().skip(c).step_by(3).map(|v| f32::from(*v)).sum::<f32>() * 3.0
                    / rgb.len() as f32
            });
            let centred: Vec<f32> =
                rgb.iter().enumerate().map(|(i, v)| f32::from(*v) - mean[i % 3]).collect();
            let norm = centred.iter().map(|v| v * v).sum::<f32>().sqrt();
            centred.iter().map(|v| v / norm).collect()
        })
        .collect();
    let cosine =
        |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum::<f32>();
    let mut scores = Vec::new();
    for (person, a, b) in (0..PEOPLE).flat_map(|p| [(p, 0, 1), (p, 0, 2), (p, 1, 2)]) {
        let stranger = (person + 1 + 7 * a + 3 * b) % PEOPLE;
        scores.push((cosine(person * SHOTS + a, person * SHOTS + b), true));
        scores.push((cosine(person * SHOTS + a, stranger * SHOTS + b), false));
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut best) = (scores.len() / 2, 0);
    for (_, genuine) in &scores {
        right = if *genuine { right + 1 } else { right - 1 };
        best = best.max(right);
    }
    let accuracy = best as f32 / scores.len() as f32;
    assert!((0.6..0.82).contains(&accuracy), "{accuracy}");
}

#[test]
fn rejects_identities_that_are_nobody_or_too_many() {
    let new = |identities| DrawnFaces::new(1, identities, 1, 64, Difficulty::default());
    assert_eq!(new(5..5), Err(DrawnFacesError::Identities { start: 5, end: 5 }));
    #[expect(clippy::reversed_empty_ranges, reason = "the range that is to be refused")]
    let reversed = 7..5;
    assert!(new(reversed).is_err());
    assert_eq!(new(0..1 << 32), Err(DrawnFacesError::Identities { start: 0, end: 1 << 32 }));
    assert!(new(u64::MAX - 2..u64::MAX).is_ok());
}

#[test]
fn rejects_zero_or_uncountable_shots() {
    let new = |shots| DrawnFaces::new(1, 0..9, shots, 64, Difficulty::default());
    assert_eq!(new(0), Err(DrawnFacesError::Shots { shots_per_identity: 0, identities: 9 }));
    assert!(matches!(new(usize::MAX), Err(DrawnFacesError::Shots { .. })));
}

#[test]
fn rejects_sizes_that_cannot_show_a_face() {
    for size in [0, 15, 1025] {
        let set = DrawnFaces::new(1, 0..9, 1, size, Difficulty::default());
        assert_eq!(set, Err(DrawnFacesError::Size { size }));
    }
    assert!(DrawnFaces::new(1, 0..9, 1, 16, Difficulty::default()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any person, any nuisance odds, any pose a caller may write: a picture, never a panic.
    #[test]
    fn every_setting_gives_a_picture(
        (seed, index, number) in any::<(u64, u64, u64)>(),
        size in 0_usize..24,
        odds in proptest::array::uniform5(0.0_f32..=1.0),
        (yaw, pitch, roll, zoom, x) in any::<(f32, f32, f32, f32, f32)>(),
    ) {
        let person = Identity::draw(seed, index);
        let difficulty = Difficulty {
            expression: 1.0 + odds[4],
            light: 1.0,
            exposure: 1.0,
            noise: 0.2,
            compression_odds: odds[4],
            glasses_odds: odds[0],
            hat_odds: odds[1],
            mask_odds: odds[2],
            hand_odds: odds[3],
            ..Difficulty::default()
        };
        let mut shot = Shot::draw(&person, number, &difficulty);
        prop_assert_eq!(draw(&person, &shot, size).rgb.len(), size * size * 3);
        shot.pose = Pose { yaw, pitch, roll, zoom, shift: [x, -x] };
        prop_assert_eq!(draw(&person, &shot, size).rgb.len(), size * size * 3);
    }
}
