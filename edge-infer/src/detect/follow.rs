//! One visitor from frame to frame: the largest face's track, broken off where another person takes its place.
//!
//! The [`Tracker`] follows boxes. Two things it does not know end a track here: time, and who it is. A face that does not
//! look like itself a frame ago is another's, whatever its box. Ends are cheap and joining two people is not, so what is in doubt is
//! an end.

use model_format::ModelId;

use super::{Face, Tracked, Tracker};
use crate::matching::{TemplateRef, cosine};

/// Follows the largest face. `M` is memory for a template's values: an array, a slice that is lent, a vector.
#[derive(Debug)]
pub struct Follower<M> {
    tracker: Tracker,
    /// Longest time between two frames of a track.
    pause_ms: u32,
    at_ms: u64,
    /// Ends that the tracker does not know of.
    breaks: u32,
    model: ModelId,
    /// Below this cosine from frame to frame it is another person.
    same: f32,
    /// The template of the track's last frame that had one.
    previous: M,
    previous_track: Option<u32>,
}

impl<M: AsRef<[i8]> + AsMut<[i8]>> Follower<M> {
    /// For templates of `model`, as many values as `previous` has, whose content does not matter. Two faces with a cosine below
    /// `same` are of two people. A longer time than `pause_ms` between two frames ends a track.
    pub fn new(model: ModelId, same: f32, pause_ms: u32, previous: M) -> Self {
        Self {
            tracker: Tracker::default(),
            pause_ms,
            at_ms: 0,
            breaks: 0,
            model,
            same,
            previous,
            previous_track: None,
        }
    }

    /// The largest of the faces in the next frame, captured at `at_ms`; `None` if there is none. A clock that goes back is a gap.
    pub fn follow(&mut self, at_ms: u64, faces: &[Face]) -> Option<Tracked> {
        // A clock that goes back is a pause too.
        if at_ms.checked_sub(self.at_ms).is_none_or(|pause| pause > self.pause_ms.into()) {
            self.tracker.follow(&[]);
        }
        self.at_ms = at_ms;
        let tracked = self.tracker.follow(faces)?;
        Some(Tracked { track: tracked.track.wrapping_add(self.breaks), ..tracked })
    }

    /// The track of the face that `template` is of, a new one if it does not go on with `track`, and its cosine with the template
    /// of the same track before. A template of another length than the memory has none before it.
    pub fn compare(&mut self, track: u32, template: &[i8]) -> (u32, Option<f32>) {
        let cosine = self.likeness(track, template);
        let is_other = cosine.is_some_and(|cosine| cosine < self.same);
        // Numbers only ever grow, by one of both counts at a time, so that none comes twice.
        self.breaks = self.breaks.wrapping_add(is_other.into());
        let track = track.wrapping_add(is_other.into());
        let previous = self.previous.as_mut();
        let fits = previous.len() == template.len();
        previous.iter_mut().zip(template).for_each(|(to, value)| *to = *value);
        self.previous_track = fits.then_some(track);
        (track, cosine.filter(|_| !is_other))
    }

    fn likeness(&self, track: u32, template: &[i8]) -> Option<f32> {
        self.previous_track.filter(|previous| *previous == track)?;
        let now = TemplateRef::from_values(template, self.model).ok()?;
        let before = TemplateRef::from_values(self.previous.as_ref(), self.model).ok()?;
        cosine(now, before).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn face(x: f32) -> Face {
        let landmarks = [[30., 40.], [70., 40.], [50., 60.], [35., 80.], [65., 80.]];
        let landmarks = landmarks.map(|[dx, dy]| [x + dx, dy]);
        Face { x, y: 0.0, width: 100.0, height: 120.0, landmarks, score: 0.9 }
    }

    fn follower() -> Follower<[i8; 3]> {
        Follower::new(ModelId([4; 16]), 0.25, 1_000, [0; 3])
    }

    const ANNA: [i8; 3] = [127, 10, 0];
    const ANNA_LATER: [i8; 3] = [127, 60, 0];
    const BEN: [i8; 3] = [0, 10, 127];

    /// A frame with one face at `x` that is of `template`.
    fn frame(
        follower: &mut Follower<[i8; 3]>,
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
        assert_eq!(frame(&mut follower, 1_000, 0.0, &ANNA).0, 1);
        assert_eq!(frame(&mut follower, 2_001, 0.0, &ANNA), (2, None));
        assert_eq!(frame(&mut follower, 5, 0.0, &ANNA), (3, None));
    }

    #[test]
    fn a_template_of_another_length_is_compared_with_nothing() {
        let mut follower = follower();
        frame(&mut follower, 0, 0.0, &ANNA);
        for at_ms in [66, 132] {
            let track = follower.follow(at_ms, &[face(0.0)]).unwrap().track;
            assert_eq!(follower.compare(track, &[127, 10]), (1, None));
        }
        assert_eq!(frame(&mut follower, 198, 0.0, &ANNA), (1, None));
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
