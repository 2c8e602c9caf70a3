//! A door to look at: drawn visitors before a drawn camera, and eyes that know drawings. The loop, the lock, the log and what is
//! decided are those of a real door; only the networks are left out.

mod drawing;
mod office;

pub use drawing::{DrawnCamera, HEIGHT, Scene, WIDTH};
pub use office::DrawnOffice;

use crate::vision::{Picture, Seen, Subject};
use crate::watch::{Shot, Sight, WatchError};
use edge_infer::detect;
use edge_infer::door::{Admission, Face, Fault, Matched, Observation};
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::Best;
use model_format::ModelId;

/// The enrolled person.
pub const ADA: u32 = 1;
/// From this likeness on a drawing is an enrolled person's.
pub const COSINE: f32 = 0.5;

/// What stands in the place of networks: it measures discs.
#[derive(Clone, Debug)]
pub struct DrawnSight {
    knows_ada: bool,
    track: u32,
    last: Option<Disc>,
    seen: Seen,
}

#[derive(Clone, Copy, Debug)]
struct Disc {
    left: usize,
    width: usize,
    light: u8,
}

impl Default for DrawnSight {
    /// Ada is enrolled.
    fn default() -> Self {
        Self { knows_ada: true, track: 0, last: None, seen: Seen::new(ModelId([0; 16]), 0, 2) }
    }
}

impl DrawnSight {
    /// Whether Ada is enrolled from now on.
    pub fn know_ada(&mut self, knows: bool) {
        self.knows_ada = knows;
    }
}

impl Sight for DrawnSight {
    fn look(&mut self, shot: &Shot, _: Option<u64>) -> Result<Observation, (Fault, WatchError)> {
        let mut discs = discs(&shot.picture);
        discs.sort_by_key(|disc| core::cmp::Reverse(disc.width));
        self.seen.faces.clear();
        self.seen.faces.extend(discs.iter().map(Disc::face));
        let subject = discs.first().copied();
        let goes_on = |last: Disc, now: Disc| last.left.abs_diff(now.left) < now.width / 2;
        let same = self.last.zip(subject).is_some_and(|(last, now)| goes_on(last, now));
        self.track += u32::from(!same);
        let moved =
            self.last.zip(subject).filter(|_| same).map(|(last, now)| last.left != now.left);
        self.last = subject;
        let other_eye_distance = discs.get(1).map(Disc::eye_distance);
        self.seen.subject = subject.map(|disc| Subject {
            face: disc.face(),
            track: self.track,
            eye_distance: disc.eye_distance(),
            other_eye_distance,
            pose: Some(Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 }),
            quality: Quality {
                brightness: disc.light.into(),
                dark: 0.0,
                bright: 0.0,
                sharpness: 100.0,
            },
            has_template: false,
            liveness: Some(if drawing::has_border(&shot.picture) { 0.1 } else { 0.98 }),
            to_previous: moved.map(|moved| if moved { 0.96 } else { 1.0 }),
        });
        let best = |disc: Disc| Best { person: ADA, cosine: likeness(disc.light), runner_up: None };
        let matched = subject.filter(|_| self.knows_ada).map(|disc| Matched {
            best: best(disc),
            templates: 1,
            admission: Admission::Inside,
        });
        let face: Option<Face> = self.seen.face(matched);
        Ok(Observation { stamp: shot.stamp, face, other_eye_distance })
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }
}

impl Disc {
    fn eye_distance(&self) -> f32 {
        self.width as f32 * 0.5
    }

    /// The disc as a detector would say it.
    fn face(&self) -> detect::Face {
        let (x, side, middle) = (self.left as f32, self.width as f32, HEIGHT as f32 / 2.0);
        let at = |across: f32, down: f32| [x + side * across, middle + side * down];
        let landmarks =
            [at(0.25, -0.15), at(0.75, -0.15), at(0.5, 0.05), at(0.3, 0.25), at(0.7, 0.25)];
        let y = middle - side / 2.0;
        detect::Face { x, y, width: side, height: side, landmarks, score: 1.0 }
    }
}

fn likeness(light: u8) -> f32 {
    1.0 - f32::from(light.abs_diff(drawing::ADA_LIGHT)) / 100.0
}

/// The discs on the middle row.
fn discs(picture: &Picture) -> Vec<Disc> {
    let row =
        picture.rgb().chunks(picture.width() * 3).nth(picture.height() / 2).unwrap_or_default();
    let lights: Vec<u8> = row.chunks(3).map(|pixel| pixel[0]).collect();
    let mut discs = Vec::new();
    let mut left = 0;
    for run in lights.chunk_by(|a, b| drawing::is_face(*a) == drawing::is_face(*b)) {
        if drawing::is_face(run[0]) && run.len() >= 16 {
            discs.push(Disc { left, width: run.len(), light: run[run.len() / 2] });
        }
        left += run.len();
    }
    discs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera as _;
    use crate::lock::SimulatedLock;
    use crate::watch::{Moment, Watch};
    use edge_infer::door::{Calibration, Policy};
    use model_format::Threshold;

    /// How often the lock is released while the scene is played.
    fn opened(scene: Scene, sight: DrawnSight) -> usize {
        let table = [Threshold { fmr: 1e-3, cosine: COSINE }];
        let calibration = Calibration::new(1e-3, 1, table).unwrap();
        let lock = SimulatedLock::default();
        let mut watch = Watch::new(Policy::default(), Some(calibration), sight, lock).unwrap();
        let mut camera = DrawnCamera::of(scene, 1_000);
        for i in 1..=30 {
            let mut frame = camera.frame(Vec::new()).unwrap();
            (frame.sequence, frame.captured_ms) = (i, i * 66);
            let shot = Shot { stamp: frame.stamp(), picture: frame.picture().unwrap() };
            let moment = Moment::Frame { now_ms: i * 66, shot };
            watch.turn(&moment, None, &mut |_| ()).unwrap();
        }
        watch.lock().edges().iter().filter(|edge| edge.bolt == crate::lock::Bolt::Unlocked).count()
    }

    #[test]
    fn only_ada_herself_opens() {
        let known = DrawnSight::default;
        assert_eq!(opened(Scene::Ada, known()), 1);
        for scene in [Scene::Nobody, Scene::Stranger, Scene::Two, Scene::Print, Scene::Frozen] {
            assert_eq!(opened(scene, known()), 0, "{scene:?}");
        }
    }

    #[test]
    fn not_even_she_once_she_was_removed() {
        let mut sight = DrawnSight::default();
        sight.know_ada(false);
        assert_eq!(opened(Scene::Ada, sight), 0);
    }

    #[test]
    fn faces_are_where_they_are_drawn() {
        let mut sight = DrawnSight::default();
        let mut frame = DrawnCamera::of(Scene::Two, 1_000).frame(Vec::new()).unwrap();
        frame.sequence = 1;
        let shot = Shot { stamp: frame.stamp(), picture: frame.picture().unwrap() };
        sight.look(&shot, None).unwrap();
        let seen = sight.seen().unwrap();
        let boxes: Vec<[f32; 4]> =
            seen.faces.iter().map(|face| [face.x, face.y, face.width, face.height]).collect();
        // Radii 60 and 55 about columns 90 and 240 of the middle row.
        assert_eq!(boxes, [[30.0, 59.5, 121.0, 121.0], [185.0, 64.5, 111.0, 111.0]]);
        assert_eq!(seen.subject.unwrap().face, seen.faces[0]);
    }
}
