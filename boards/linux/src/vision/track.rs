//! Which face of a frame is which of the frame before.
//!
//! A track is one face without a gap. It goes on where a box overlaps one of the last frame's by [`OVERLAP`] and the five landmarks
//! moved by less than [`MOVED`] distances between the eyes; the most overlapping pair first, each face once. It ends with the first
//! frame that lacks it, with a pause of more than [`PAUSE_MS`], and when the [template](super::Eyes) shows that another person has taken its place.
//! Ends are cheap and joining two people is not, so everything doubtful is an end.

use edge_infer::detect::Face;
use edge_infer::image::quality::eye_distance;

/// Least share of two boxes that is common.
const OVERLAP: f32 = 0.3;
/// Landmarks' mean way from frame to frame, in distances between the eyes.
const MOVED: f32 = 0.75;
/// Longest time between two frames of a track.
const PAUSE_MS: u64 = 1_000;

/// Faces of the last frame, and the numbers given so far.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    last: Vec<(u32, Face)>,
    at_ms: u64,
    given: u32,
}

impl Tracker {
    /// The track of each of `faces`, in `tracks`.
    pub(super) fn follow(&mut self, at_ms: u64, faces: &[Face], tracks: &mut Vec<u32>) {
        // A clock that goes back is a gap too.
        if at_ms.checked_sub(self.at_ms).is_none_or(|pause| pause > PAUSE_MS) {
            self.last.clear();
        }
        self.at_ms = at_ms;
        tracks.clear();
        tracks.resize(faces.len(), 0);
        // Numbers start at 1, so 0 is a face whose track is not known yet.
        while let Some((new, old)) = self.closest(faces, tracks) {
            tracks[new] = self.last.swap_remove(old).0;
        }
        for track in tracks.iter_mut().filter(|track| **track == 0) {
            *track = self.next();
        }
        self.last.clear();
        self.last.extend(tracks.iter().copied().zip(faces.iter().copied()));
    }

    /// A new number for a track that turned out to be of another person.
    pub(super) fn break_off(&mut self, track: u32) -> u32 {
        let next = self.next();
        for (number, _) in self.last.iter_mut().filter(|(number, _)| *number == track) {
            *number = next;
        }
        next
    }

    fn next(&mut self) -> u32 {
        self.given = self.given.wrapping_add(1).max(1);
        self.given
    }

    /// The pair of a face without a track and one of the last frame that overlap most.
    fn closest(&self, faces: &[Face], tracks: &[u32]) -> Option<(usize, usize)> {
        let open = faces.iter().enumerate().filter(|&(new, _)| tracks[new] == 0);
        let pairs = open.flat_map(|(new, face)| {
            let last = self.last.iter().enumerate();
            last.filter_map(move |(old, (_, before))| {
                let overlap = face.overlap(before);
                (overlap >= OVERLAP && moved(face, before) <= MOVED).then_some((overlap, new, old))
            })
        });
        let most = pairs.max_by(|a, b| a.0.total_cmp(&b.0));
        most.map(|(_, new, old)| (new, old))
    }
}

/// The landmarks' mean way, in distances between the eyes; infinite where these coincide.
fn moved(face: &Face, before: &Face) -> f32 {
    let way = |(a, b): (&[f32; 2], &[f32; 2])| (a[0] - b[0]).hypot(a[1] - b[1]);
    let ways: f32 = face.landmarks.iter().zip(&before.landmarks).map(way).sum();
    ways / 5.0 / eye_distance(&before.landmarks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A face 100 pixels wide with its eyes 40 apart.
    fn face(x: f32, y: f32) -> Face {
        let landmarks = [[30., 40.], [70., 40.], [50., 60.], [35., 80.], [65., 80.]];
        Face {
            x,
            y,
            width: 100.0,
            height: 120.0,
            landmarks: landmarks.map(|[dx, dy]| [x + dx, y + dy]),
            score: 0.9,
        }
    }

    struct Scene(Tracker, Vec<u32>);

    impl Scene {
        fn new() -> Self {
            Self(Tracker::default(), Vec::new())
        }

        fn at(&mut self, ms: u64, faces: &[Face]) -> Vec<u32> {
            self.0.follow(ms, faces, &mut self.1);
            self.1.clone()
        }
    }

    #[test]
    fn a_face_that_moves_keeps_its_number() {
        let mut scene = Scene::new();
        for step in 0..20_u16 {
            let faces = [face(f32::from(step) * 20.0, f32::from(step) * 5.0)];
            assert_eq!(scene.at(u64::from(step) * 66, &faces), [1]);
        }
    }

    #[test]
    fn faces_are_told_apart_whatever_their_order() {
        let mut scene = Scene::new();
        assert_eq!(scene.at(0, &[face(0., 0.), face(300., 0.)]), [1, 2]);
        assert_eq!(scene.at(66, &[face(290., 4.), face(8., 0.)]), [2, 1]);
        assert_eq!(scene.at(132, &[face(600., 0.), face(280., 4.), face(8., 0.)]), [3, 2, 1]);
    }

    #[test]
    fn the_nearer_of_two_goes_on() {
        let mut scene = Scene::new();
        assert_eq!(scene.at(0, &[face(0., 0.)]), [1]);
        assert_eq!(scene.at(66, &[face(25., 0.), face(5., 0.)]), [2, 1]);
    }

    #[test]
    fn every_gap_is_an_end() {
        let mut scene = Scene::new();
        assert_eq!(scene.at(0, &[face(0., 0.)]), [1]);
        assert!(scene.at(66, &[]).is_empty());
        assert_eq!(scene.at(132, &[face(0., 0.)]), [2], "a frame without it");
        assert_eq!(scene.at(132 + PAUSE_MS, &[face(0., 0.)]), [2]);
        assert_eq!(scene.at(133 + 2 * PAUSE_MS, &[face(0., 0.)]), [3], "a pause");
        assert_eq!(scene.at(5, &[face(0., 0.)]), [4], "a clock that went back");
    }

    #[test]
    fn a_jump_or_a_turn_of_the_landmarks_is_another_face() {
        let mut scene = Scene::new();
        assert_eq!(scene.at(0, &[face(0., 0.)]), [1]);
        assert_eq!(scene.at(66, &[face(90., 0.)]), [2], "the boxes overlap too little");
        let mut upside_down = face(90., 0.);
        upside_down.landmarks.reverse();
        upside_down.landmarks.swap(0, 2);
        for point in &mut upside_down.landmarks {
            point[1] = 120.0 - point[1];
        }
        assert_eq!(scene.at(132, &[upside_down]), [3]);
        let mut no_eyes = face(90., 0.);
        no_eyes.landmarks = [[140.0, 60.0]; 5];
        assert_eq!(scene.at(198, &[no_eyes]), [4]);
        assert_eq!(scene.at(264, &[no_eyes]), [5], "landmarks without a size are followed nowhere");
    }

    #[test]
    fn a_broken_off_track_goes_on_under_its_new_number() {
        let mut scene = Scene::new();
        assert_eq!(scene.at(0, &[face(0., 0.), face(300., 0.)]), [1, 2]);
        assert_eq!(scene.0.break_off(1), 3);
        assert_eq!(scene.at(66, &[face(0., 0.), face(300., 0.)]), [3, 2]);
    }

    #[test]
    fn numbers_are_never_0() {
        let mut scene = Scene::new();
        scene.0.given = u32::MAX;
        assert_eq!(scene.at(0, &[face(0., 0.)]), [1]);
    }
}
