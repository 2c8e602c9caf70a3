//! The loop with networks by hand, whose detector finds nobody: what is driven, when, and what a lock that fails does.

use super::*;
use crate::lock::SimulatedLock;
use crate::store::People;
use crate::vision::{Eyes, HandMade, Models, Picture};
use edge_infer::door::{Reason, Stamp};

/// A lock that does nothing any more from some call on, and remembers what it was told.
#[derive(Debug, Default)]
struct Failing {
    told: Vec<Bolt>,
    from: usize,
}

impl Lock for Failing {
    fn drive(&mut self, _: u64, bolt: Bolt) -> Result<(), LockError> {
        self.told.push(bolt);
        if self.told.len() > self.from {
            return Err(LockError(std::io::Error::other("no such line")));
        }
        Ok(())
    }
}

fn watch<L: Lock>(models: &Models, lock: L) -> Watch<Witness<'_>, L> {
    let roster =
        Roster::new(&People::default(), &models.pipeline(), models.embedding_len()).unwrap();
    let table = models.embedding().thresholds();
    let calibration = Calibration::new(1e-3, 10, table).unwrap();
    let eyes = Eyes::new(models).unwrap();
    Watch::new(Policy::default(), Some(calibration), Witness { eyes, roster }, lock).unwrap()
}

fn frame(now_ms: u64, shade: u8) -> Moment {
    let picture = Picture::new(40, 30, vec![shade; 40 * 30 * 3]).unwrap();
    let stamp = Stamp { captured_ms: now_ms, sequence: now_ms, digest: picture.digest() };
    Moment::Frame { now_ms, shot: Shot { stamp, picture } }
}

#[test]
fn a_frame_without_a_face_says_so_and_the_door_stays_locked() {
    let door = HandMade::new();
    let models = door.open().unwrap();
    let mut watch = watch(&models, SimulatedLock::default());
    let turn = watch.turn(&frame(10, 1), None, &mut |_| ()).unwrap();
    assert_eq!(turn.decision.reason(), Reason::NoFace);
    assert_eq!(turn.seen.map(|seen| seen.faces.len()), Some(0));
    assert!(turn.took > Duration::ZERO);
    assert_eq!(watch.lock().edges(), []);
}

/// frigate 5365: frames that stop are a fault, and the first new one ends it.
#[test]
fn frigate_5365_a_stalled_camera_is_noticed_between_frames() {
    let door = HandMade::new();
    let models = door.open().unwrap();
    let mut watch = watch(&models, SimulatedLock::default());
    watch.turn(&frame(10, 1), None, &mut |_| ()).unwrap();
    let mut now_ms = 10;
    let mut states = Vec::new();
    for _ in 0..4 {
        assert!(watch.until_ms() > now_ms && watch.until_ms() <= now_ms + 1_000);
        now_ms = watch.until_ms();
        let turn = watch.turn(&Moment::Quiet { now_ms }, None, &mut |_| ()).unwrap();
        states.push(turn.state);
    }
    assert_eq!(states.last(), Some(&State::Faulted(Fault::CameraStalled)));
    let turn = watch.turn(&frame(now_ms + 50, 2), None, &mut |_| ()).unwrap();
    assert_eq!(turn.decision.reason(), Reason::NoFace);
}

#[test]
fn the_lock_is_engaged_before_anything_else() {
    let door = HandMade::new();
    let models = door.open().unwrap();
    let watch = watch(&models, Failing { from: usize::MAX, ..Failing::default() });
    assert_eq!(watch.lock().told.first(), Some(&Bolt::Locked));
    assert!(watch.lock().told.iter().all(|&bolt| bolt == Bolt::Locked));
}

#[test]
fn a_lock_that_fails_is_a_fault_and_told_to_engage_again() {
    let door = HandMade::new();
    let models = door.open().unwrap();
    let mut watch = watch(&models, Failing { from: usize::MAX, ..Failing::default() });
    watch.lock.from = watch.lock.told.len();
    let mut audits = 0;
    let error = watch.turn(&frame(10, 1), None, &mut |_| audits += 1).unwrap_err();
    assert!(matches!(error, WatchError::Lock(_)), "{error}");
    assert_eq!(audits, 2, "the frame's decision, and the fault's");
    assert_eq!(watch.kept.door().state(), State::Faulted(Fault::Lock));
    assert_eq!(watch.lock().told.last(), Some(&Bolt::Locked));
}
