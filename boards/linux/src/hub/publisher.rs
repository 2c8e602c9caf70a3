//! The loop's end: it writes down what happened, and leaves a copy for readers if none of them is in the way.

use super::snapshot::{FaceBox, Health, Record, Snapshot, View};
use super::{Change, Preview, RECENT, Shared};
use crate::vision::Picture;
use crate::watch::{Roster, Shot, Turn};
use core::time::Duration;
use edge_infer::detect::Face;
use edge_infer::door::{Action, Audit, Calibration, Decision, State};
use std::collections::VecDeque;
use std::sync::{Arc, TryLockError};
use std::time::Instant;

/// More pictures than these show nobody more.
const PICTURE_EACH: Duration = Duration::from_millis(100);

/// What was found in a frame.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    /// Every face, in pixels of the frame.
    pub faces: &'a [Face],
    /// The one of them that is judged.
    pub subject: Option<Face>,
    /// How alive it looks, 0 to 1.
    pub liveness: Option<f32>,
    /// From pixels to lock.
    pub took: Duration,
}

/// See the [module](super). None of its methods waits for anything.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    last_id: u64,
    pictured: Option<Instant>,
    /// Shortest time from one picture to the next.
    pub(super) picture_each: Duration,
    /// How long faces of [`Record`]s are kept; zero for not at all.
    keep_crops: Duration,
    /// Whose records' faces are kept until when, the oldest first.
    crops: VecDeque<(u64, Instant)>,
    /// The last record of the turn before.
    told: u64,
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>, snapshot: Snapshot) -> Self {
        Self {
            shared,
            snapshot,
            last_id: 0,
            pictured: None,
            picture_each: PICTURE_EACH,
            keep_crops: Duration::ZERO,
            crops: VecDeque::new(),
            told: 0,
        }
    }

    /// From now on records keep the face for so long, in memory alone; zero for not at all, which holds until this is called.
    pub fn keep_crops(&mut self, time: Duration) {
        self.keep_crops = time;
    }

    /// Who is enrolled from now on, and the cosine.
    pub fn people(&mut self, roster: &Roster, calibration: Option<Calibration>) {
        let names = roster.profiles().map(|(id, profile)| (id.0, profile.name.clone()));
        self.snapshot.names = Arc::new(names.collect());
        self.calibrated(roster.templates(), calibration);
    }

    /// How many templates are searched, at which cosine.
    pub fn calibrated(&mut self, templates: u32, calibration: Option<Calibration>) {
        self.snapshot.templates = templates;
        self.snapshot.calibration = calibration;
    }

    /// How the other parts are.
    pub fn health(&mut self, health: Health) {
        if *self.snapshot.health != health {
            self.snapshot.health = Arc::new(health);
        }
    }

    /// What the door said, for `tell` of [`Watch::turn`](crate::watch::Watch::turn): every decision of a turn, before the turn itself.
    pub fn decision(&mut self, decision: &Decision, utc_ms: Option<u64>) {
        for action in decision.actions() {
            let Action::Audit(what) = action else { continue };
            self.snapshot.events.add(what.name());
            if let Audit::Refused { reason, .. } = what {
                self.snapshot.refusals.add(reason.name());
            }
            self.last_id += 1;
            let recent = Arc::make_mut(&mut self.snapshot.recent);
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back(Arc::new(Record {
                id: self.last_id,
                utc_ms,
                at: Instant::now(),
                what,
                crop: None,
            }));
        }
        self.snapshot.bolt = decision.bolt();
        self.snapshot.reason = decision.reason();
    }

    /// A turn that was made, with the frame if there was one.
    pub fn turn(&mut self, turn: &Turn<'_>, shot: Option<&Shot>) {
        self.snapshot.bolt = turn.decision.bolt();
        self.snapshot.reason = turn.decision.reason();
        if let (Some(seen), Some(shot)) = (turn.seen, shot) {
            let subject = seen.subject.map(|subject| subject.face);
            let liveness = seen.subject.and_then(|subject| subject.liveness);
            self.frame(shot, &Looked { faces: &seen.faces, subject, liveness, took: turn.took });
        }
        self.end_turn(turn.state);
    }

    /// A frame that was looked at. [`Self::turn`] does this and the next itself; a loop without networks does them alone.
    pub fn frame(&mut self, shot: &Shot, looked: &Looked<'_>) {
        self.snapshot.frames = self.snapshot.frames.saturating_add(1);
        self.snapshot.latency.add(looked.took);
        let boxes = looked.faces.iter().map(|face| FaceBox {
            x: face.x,
            y: face.y,
            width: face.width,
            height: face.height,
            subject: Some(*face) == looked.subject,
        });
        let view = View {
            sequence: shot.stamp.sequence,
            width: shot.picture.width(),
            height: shot.picture.height(),
            boxes: boxes.collect(),
            liveness: looked.liveness,
        };
        self.add_crop(&shot.picture, &view);
        let view = Arc::new(view);
        self.picture(&shot.picture, &view);
        self.snapshot.view = Some(view);
    }

    /// All was told of a turn, after which the door is in this state.
    pub fn end_turn(&mut self, state: State) {
        self.snapshot.state = state;
        self.drop_crops();
        self.told = self.last_id;
        self.publish();
    }

    /// A turn that failed. The door's state is known again with the next one that does not.
    pub fn failed(&mut self) {
        self.snapshot.failures = self.snapshot.failures.saturating_add(1);
        self.publish();
    }

    /// Other people to go on with, if somebody proposed them. It is to be asked once a turn.
    pub fn change(&mut self) -> Option<Change> {
        self.shared.change.try_lock().ok()?.take()
    }

    pub(super) fn picture(&mut self, picture: &Picture, view: &Arc<View>) {
        use core::sync::atomic::Ordering;
        if self.shared.still_wanted.load(Ordering::Relaxed)
            && let Ok(mut still) = self.shared.still.try_lock()
        {
            self.shared.still_wanted.store(false, Ordering::Relaxed);
            still.number += 1;
            still.picture = Some(Arc::new(picture.clone()));
            self.shared.still_came.notify_all();
        }
        if !self.shared.is_watched() {
            self.snapshot.preview = None;
        } else if self.pictured.is_none_or(|at| at.elapsed() >= self.picture_each) {
            self.pictured = Some(Instant::now());
            self.snapshot.preview = Some((Arc::new(Preview::of(picture)), view.clone()));
        }
    }

    /// Faces that were kept for long enough go.
    fn drop_crops(&mut self) {
        let now = Instant::now();
        while let Some(&(id, _)) = self.crops.front().filter(|(_, until)| *until <= now) {
            self.crops.pop_front();
            self.set_crop(id, None);
        }
    }

    /// The face of this frame for the last attempt that it ended.
    fn add_crop(&mut self, picture: &Picture, view: &View) {
        let face = view.boxes.iter().find(|face| face.subject);
        let Some(face) = face.filter(|_| !self.keep_crops.is_zero()) else { return };
        let mut told = self.snapshot.recent.iter().rev().take_while(|record| record.id > self.told);
        let Some(id) = told.find(|record| record.is_attempt()).map(|record| record.id) else {
            return;
        };
        if let Some(crop) = Preview::crop(picture, face) {
            if self.crops.len() == RECENT {
                // Its record is gone already.
                self.crops.pop_front();
            }
            self.crops.push_back((id, Instant::now() + self.keep_crops));
            self.set_crop(id, Some(Arc::new(crop)));
        }
    }

    fn set_crop(&mut self, id: u64, crop: Option<Arc<Preview>>) {
        let recent = Arc::make_mut(&mut self.snapshot.recent);
        if let Some(record) = recent.iter_mut().find(|record| record.id == id) {
            Arc::make_mut(record).crop = crop;
        }
    }

    fn publish(&mut self) {
        self.snapshot.at = Instant::now();
        let snapshot = Arc::new(self.snapshot.clone());
        match self.shared.snapshot.try_lock() {
            Ok(mut place) => *place = snapshot,
            Err(TryLockError::Poisoned(place)) => *place.into_inner() = snapshot,
            // The next turn brings all that this one would have.
            Err(TryLockError::WouldBlock) => {}
        }
    }
}
