//! One visitor from frame to frame: the largest face's track, broken off where another person takes its place.
//!
//! `edge_infer`'s tracker follows boxes. Two things it does not know end a track here: time, and who it is. A face that does not
//! look like itself a frame ago is another's, whatever its box. Ends are cheap and joining two people is not, so what is in doubt is
//! an end.

use edge_infer::detect::{Face, Tracked, Tracker};
use edge_infer::matching::{TemplateRef, cosine};
use model_format::ModelId;

/// Longest time between two frames of a track.
const PAUSE_MS: u64 = 1_000;

/// Follows the largest face.
#[derive(Debug)]
pub(super) struct Follower {
    tracker: Tracker,
    at_ms: u64,
    /// Ends that the tracker does not know of.
    breaks: u32,
    model: ModelId,
    /// Below this cosine from frame to frame it is another person.
    same: f32,
    /// The template of the track's last frame that had one.
    previous: Vec<i8>,
    previous_track: Option<u32>,
}

impl Follower {
    /// For templates of `len` values of `model`.
    pub(super) fn new(model: ModelId, len: usize, same: f32) -> Self {
        let tracker = Tracker::default();
        Self {
            tracker,
            at_ms: 0,
            breaks: 0,
            model,
            same,
            previous: vec![0; len],
            previous_track: None,
        }
    }

    /// The largest of the faces in the next frame, captured at `at_ms`.
    pub(super) fn follow(&mut self, at_ms: u64, faces: &[Face]) -> Option<Tracked> {
        // A clock that goes back is a pause too.
        if at_ms.checked_sub(self.at_ms).is_none_or(|pause| pause > PAUSE_MS) {
            self.tracker.follow(&[]);
        }
        self.at_ms = at_ms;
        let tracked = self.tracker.follow(faces)?;
        Some(Tracked { track: tracked.track.wrapping_add(self.breaks), ..tracked })
    }

    /// The track of the face that `template` is of, which a broken one is a new number of, and the cosine with the template before.
    pub(super) fn compare(&mut self, track: u32, template: &[i8]) -> (u32, Option<f32>) {
        let cosine = self.likeness(track, template);
        let is_other = cosine.is_some_and(|cosine| cosine < self.same);
        // Numbers only ever grow, by one of both counts at a time, so that none comes twice.
        self.breaks = self.breaks.wrapping_add(is_other.into());
        let track = track.wrapping_add(is_other.into());
        self.previous.copy_from_slice(template);
        self.previous_track = Some(track);
        (track, cosine.filter(|_| !is_other))
    }

    fn likeness(&self, track: u32, template: &[i8]) -> Option<f32> {
        self.previous_track.filter(|previous| *previous == track)?;
        let now = TemplateRef::from_values(template, self.model).ok()?;
        let before = TemplateRef::from_values(&self.previous, self.model).ok()?;
        cosine(now, before).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32) -> Face {
        let landmarks = [[30., 40.], [70., 40.], [50., 60.], [35., 80.], [65., 80.]];
        let landmarks = landmarks.map(|[dx, dy]| [x + dx, dy]);
        Face { x, y: 0.0, width: 100.0, height: 120.0, landmarks, score: 0.9 }
    }

    fn follower() -> Follower {
        Follower::new(ModelId([4; 16]), 3, 0.25)
    }

    const ANNA: [i8; 3] = [127, 10, 0];
    const ANNA_LATER: [i8; 3] = [127, 60, 0];
    const BEN: [i8; 3] = [0, 10, 127];

    /// A frame with one face at `x` that is of `template`.
    fn frame(
        follower: &mut Follower,
        at_ms: u64,
        x: f32,
        template: &[i8; 3],
    ) -> (u32, Option<f32>) {
        let tracked = follower.follow(at_ms, &[face(x)]).unwrap();
        follower.compare(tracked.track, template)
    }

    #[test]
    fn one_person_keeps_a_number_and_is_held_against_the_frame_before() {
        let mut follower = follower();
        assert_eq!(frame(&mut follower, 0, 0.0, &ANNA), (1, None));
        let (track, cosine) = frame(&mut follower, 66, 10.0, &ANNA_LATER);
        assert!(track == 1 && (0.9..0.95).contains(&cosine.unwrap()), "{cosine:?}");
        let (track, cosine) = frame(&mut follower, 132, 20.0, &ANNA_LATER);
        assert!(track == 1 && cosine.unwrap() > 0.9999);
    }

    /// FaceAI 22: who takes another's place in the picture does not take over their frames.
    #[test]
    fn face_ai_22_a_swapped_person_is_a_new_track() {
        let mut follower = follower();
        assert_eq!(frame(&mut follower, 0, 0.0, &ANNA), (1, None));
        assert_eq!(frame(&mut follower, 66, 0.0, &BEN), (2, None));
        let (track, cosine) = frame(&mut follower, 132, 0.0, &BEN);
        assert!(track == 2 && cosine.is_some());
        assert_eq!(frame(&mut follower, 198, 0.0, &ANNA), (3, None));
    }

    #[test]
    fn a_pause_and_a_clock_that_goes_back_end_a_track() {
        let mut follower = follower();
        assert_eq!(frame(&mut follower, 0, 0.0, &ANNA).0, 1);
        assert_eq!(frame(&mut follower, PAUSE_MS, 0.0, &ANNA).0, 1);
        assert_eq!(frame(&mut follower, 2 * PAUSE_MS + 1, 0.0, &ANNA), (2, None));
        assert_eq!(frame(&mut follower, 5, 0.0, &ANNA), (3, None));
    }

    #[test]
    fn no_number_comes_twice() {
        let mut follower = follower();
        let mut numbers = Vec::new();
        for at in 0..40_u16 {
            // Leaps, gaps and swaps, each an end.
            let x = if at % 3 == 0 { 400.0 } else { 0.0 };
            let who = if at % 2 == 0 { &ANNA } else { &BEN };
            numbers.push(frame(&mut follower, u64::from(at) * 66, x, who).0);
            if at % 5 == 0 {
                assert_eq!(follower.follow(u64::from(at) * 66 + 30, &[]), None);
            }
        }
        let mut distinct = numbers.clone();
        distinct.dedup();
        assert_eq!(distinct, numbers);
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}
