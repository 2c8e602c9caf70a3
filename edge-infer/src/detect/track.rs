//! The largest face from frame to frame, under one number as long as it is the same without a gap.
//!
//! Identity is left to matching: a track says only that a box moved on by less than its own size. Where that is in doubt the number
//! changes, because who decides by several frames of one track (the [`door`](crate::door)) then begins anew.

use super::Face;
use crate::image::quality::eye_distance;

/// Boxes of one face in frames that follow each other share at least this much of what they cover together. At ten frames a second
/// that is a step of half a face's width a frame.
const SAME: f32 = 0.3;

/// Follows one face.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tracker {
    last: Option<Face>,
    track: u32,
}

/// The largest face of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracked {
    /// The face.
    pub face: Face,
    /// Its number, which no face before it had.
    pub track: u32,
    /// Distance between its eyes.
    pub eye_distance: f32,
    /// Distance between the eyes of the largest of all other faces; `None` if there is no other.
    pub other_eye_distance: Option<f32>,
}

impl Tracker {
    /// The largest of the faces in the next frame, by the distance between the eyes; `None`, and the end of its track, if there is no
    /// face. `faces` are in pixels of the camera, in any order.
    pub fn follow(&mut self, faces: &[Face]) -> Option<Tracked> {
        let mut largest: Option<(Face, f32)> = None;
        let mut other_eye_distance: Option<f32> = None;
        for &face in faces {
            let size = eye_distance(&face.landmarks);
            // A size that is no number is below none and above none; it counts as another face's, which holds the door.
            let smaller = match &mut largest {
                None => {
                    largest = Some((face, size));
                    continue;
                }
                Some((before, before_size)) if size > *before_size => {
                    *before = face;
                    core::mem::replace(before_size, size)
                }
                Some(_) => size,
            };
            let keeps = |other: f32| other >= smaller || other.is_nan();
            if !other_eye_distance.is_some_and(keeps) {
                other_eye_distance = Some(smaller);
            }
        }
        let last = self.last.take();
        let (face, eye_distance) = largest?;
        if !last.is_some_and(|last| last.overlap(&face) >= SAME) {
            self.track = self.track.wrapping_add(1);
        }
        self.last = Some(face);
        Some(Tracked { face, track: self.track, eye_distance, other_eye_distance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// A square box of `side` pixels with eyes at a quarter and three quarters of it.
    fn face(x: f32, y: f32, side: f32) -> Face {
        let eye = |share: f32| [x + side * share, y + side / 3.0];
        let landmarks = [eye(0.25), eye(0.75), eye(0.5), eye(0.3), eye(0.7)];
        Face { x, y, width: side, height: side, landmarks, score: 0.9 }
    }

    fn tracks(frames: &[&[Face]]) -> Vec<Option<u32>> {
        let mut tracker = Tracker::default();
        frames.iter().map(|faces| Some(tracker.follow(faces)?.track)).collect()
    }

    #[test]
    fn a_face_that_moves_a_little_keeps_its_number() {
        let steps: Vec<Face> = (0..30).map(|at| face(10.0 * at as f32, 5.0, 60.0)).collect();
        let frames: Vec<&[Face]> = steps.iter().map(core::slice::from_ref).collect();
        assert_eq!(tracks(&frames), [Some(1); 30]);
    }

    #[test]
    fn a_gap_a_leap_or_another_size_begins_a_new_track() {
        let here = [face(0.0, 0.0, 60.0)];
        let there = [face(40.0, 0.0, 60.0)];
        let near = [face(0.0, 0.0, 120.0)];
        assert_eq!(tracks(&[&here, &[], &here]), [Some(1), None, Some(2)]);
        assert_eq!(tracks(&[&here, &there, &there, &here]), [Some(1), Some(2), Some(2), Some(3)]);
        assert_eq!(tracks(&[&here, &near]), [Some(1), Some(2)]);
    }

    #[test]
    fn the_largest_face_is_followed_and_the_next_is_told() {
        let [small, large, middle] =
            [face(0.0, 0.0, 40.0), face(200.0, 0.0, 80.0), face(400.0, 0.0, 60.0)];
        let found = Tracker::default().follow(&[small, large, middle]).unwrap();
        let expected =
            Tracked { face: large, track: 1, eye_distance: 40.0, other_eye_distance: Some(30.0) };
        assert_eq!(found, expected);
        let alone = Tracker::default().follow(&[small]).unwrap();
        assert_eq!((alone.eye_distance, alone.other_eye_distance), (20.0, None));
    }

    #[test]
    fn a_face_of_no_size_is_never_overlooked() {
        let mut lost = face(0.0, 0.0, 60.0);
        lost.landmarks[0][0] = f32::NAN;
        let well = face(200.0, 0.0, 60.0);
        for faces in [[well, lost, well], [lost, well, well], [well, well, lost]] {
            let found = Tracker::default().follow(&faces).unwrap();
            let sizes = [found.eye_distance, found.other_eye_distance.unwrap()];
            assert!(sizes.iter().any(|size| !size.is_finite()), "{sizes:?}");
        }
    }

    proptest! {
        /// Against a sort.
        #[test]
        fn largest_and_second(sides in prop::collection::vec(1.0_f32..500.0, 1..8)) {
            let faces: Vec<Face> = sides.iter().map(|&side| face(0.0, 0.0, side)).collect();
            let mut sizes: Vec<f32> = faces.iter().map(|face| eye_distance(&face.landmarks)).collect();
            sizes.sort_by(|a, b| b.total_cmp(a));
            let found = Tracker::default().follow(&faces).unwrap();
            prop_assert_eq!(found.eye_distance, sizes[0]);
            prop_assert_eq!(found.other_eye_distance, sizes.get(1).copied());
        }
    }
}
