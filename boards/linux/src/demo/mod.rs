//! A door to look at: drawn visitors before a drawn camera, and eyes that know drawings. The loop, the lock, the log and what is
//! decided are those of a real door; only the networks are left out.

mod drawing;

pub use drawing::{DrawnCamera, HEIGHT, Scene, WIDTH};

use crate::vision::{Picture, Seen};
use crate::watch::{Shot, Sight, WatchError};
use edge_infer::door::{Admission, Face, Fault, Matched, Observation};
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::Best;

/// The enrolled person.
pub const ADA: u32 = 1;
/// From this likeness on a drawing is an enrolled person's.
pub const COSINE: f32 = 0.5;

/// What stands in the place of networks: it measures discs.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrawnSight {
    track: u32,
    last: Option<Disc>,
}

#[derive(Clone, Copy, Debug)]
struct Disc {
    left: usize,
    width: usize,
    light: u8,
}

impl Sight for DrawnSight {
    fn look(&mut self, shot: &Shot, _: Option<u64>) -> Result<Observation, (Fault, WatchError)> {
        let mut discs = discs(&shot.picture);
        discs.sort_by_key(|disc| core::cmp::Reverse(disc.width));
        let eyes = |disc: &Disc| disc.width as f32 * 0.5;
        let subject = discs.first().copied();
        let goes_on = |last: Disc, now: Disc| last.left.abs_diff(now.left) < now.width / 2;
        let same = self.last.zip(subject).is_some_and(|(last, now)| goes_on(last, now));
        self.track += u32::from(!same);
        let moved =
            self.last.zip(subject).filter(|_| same).map(|(last, now)| last.left != now.left);
        self.last = subject;
        let face = subject.map(|disc| Face {
            track: self.track,
            eye_distance: eyes(&disc),
            pose: Some(Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 }),
            quality: Quality {
                brightness: disc.light.into(),
                dark: 0.0,
                bright: 0.0,
                sharpness: 100.0,
            },
            matched: Some(Matched {
                best: Best { person: ADA, cosine: likeness(disc.light), runner_up: None },
                templates: 1,
                admission: Admission::Inside,
            }),
            liveness: Some(if drawing::has_border(&shot.picture) { 0.1 } else { 0.98 }),
            to_previous: moved.map(|moved| if moved { 0.96 } else { 1.0 }),
        });
        Ok(Observation { stamp: shot.stamp, face, other_eye_distance: discs.get(1).map(eyes) })
    }

    fn seen(&self) -> Option<&Seen> {
        None
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
    fn opened(scene: Scene) -> usize {
        let table = [Threshold { fmr: 1e-3, cosine: COSINE }];
        let calibration = Calibration::new(1e-3, 1, table).unwrap();
        let lock = SimulatedLock::default();
        let mut watch =
            Watch::new(Policy::default(), Some(calibration), DrawnSight::default(), lock).unwrap();
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
        assert_eq!(opened(Scene::Ada), 1);
        for scene in [Scene::Nobody, Scene::Stranger, Scene::Two, Scene::Print, Scene::Frozen] {
            assert_eq!(opened(scene), 0, "{scene:?}");
        }
    }
}
