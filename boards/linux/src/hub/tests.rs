//! What readers see, and that nobody can hold the loop up.

use super::*;
use crate::vision::Picture;
use edge_infer::door::{Calibration, Decision, Door, Event, Fault, Policy};

fn picture(value: u8) -> Picture {
    Picture::new(640, 480, vec![value; 640 * 480 * 3]).unwrap()
}

fn view() -> Arc<View> {
    Arc::new(View { sequence: 1, width: 640, height: 480, boxes: Vec::new(), liveness: None })
}

fn faults(fault: Fault) -> [Decision; 2] {
    let mut door = Door::new(Policy::default()).unwrap();
    [Event::FaultRaised(fault), Event::FaultCleared(fault)].map(|event| door.step(0, event))
}

#[test]
fn records_have_numbers_without_gaps_and_the_newest_are_kept() {
    let (mut publisher, hub) = hub(7);
    for _ in 0..50 {
        for decision in faults(Fault::Camera) {
            publisher.decision(&decision, Some(5));
        }
    }
    publisher.failed();
    let snapshot = hub.snapshot();
    let ids: Vec<u64> = snapshot.recent.iter().map(|record| record.id).collect();
    let last = *ids.last().unwrap();
    assert!(last >= 100, "{last}");
    assert_eq!(ids, (last - 63..=last).collect::<Vec<_>>());
    assert_eq!(snapshot.events.get("fault-raised"), 50);
    assert_eq!((snapshot.run, snapshot.failures), (7, 1));
    assert_eq!(snapshot.recent[63].utc_ms, Some(5));
}

#[test]
fn a_reader_in_the_way_delays_what_is_published_and_loses_nothing() {
    let (mut publisher, hub) = hub(0);
    let held = locked(&hub.0.snapshot);
    publisher.decision(&faults(Fault::Lock)[0], None);
    publisher.failed();
    assert_eq!(held.recent.len(), 0);
    drop(held);
    publisher.failed();
    let snapshot = hub.snapshot();
    assert_eq!((snapshot.events.get("fault-raised"), snapshot.failures), (1, 2));
}

#[test]
fn a_change_is_taken_once_and_the_last_one_counts() {
    let (mut publisher, hub) = hub(0);
    assert!(publisher.change().is_none());
    let roster = || {
        let pipeline = crate::store::Pipeline {
            model: model_format::ModelId([1; 16]),
            preprocessing: crate::store::PreprocessingId([2; 16]),
        };
        Roster::new(&crate::store::People::default(), &pipeline, 4).unwrap()
    };
    let table = [model_format::Threshold { fmr: 1e-4, cosine: 0.4 }];
    let calibration = Calibration::new(1e-3, 10, table).ok();
    hub.propose(Change { roster: roster(), calibration: None });
    hub.propose(Change { roster: roster(), calibration });
    assert_eq!(publisher.change().unwrap().calibration, calibration);
    assert!(publisher.change().is_none());
}

#[test]
fn pictures_are_made_only_while_somebody_looks() {
    let (mut publisher, hub) = hub(0);
    publisher.picture_each = Duration::from_secs(3600);
    publisher.picture(&picture(9), &view());
    publisher.failed();
    assert_eq!(hub.snapshot().preview, None);
    hub.look();
    publisher.picture(&picture(9), &view());
    publisher.failed();
    let preview = hub.snapshot().preview.clone().unwrap().0;
    assert_eq!((preview.width, preview.height, preview.rgb[0]), (320, 240, 9));
    publisher.picture(&picture(8), &view());
    publisher.failed();
    let same = hub.snapshot().preview.clone().unwrap().0;
    assert!(Arc::ptr_eq(&preview, &same), "not more often than there is something to see");
    publisher.picture_each = Duration::ZERO;
    publisher.picture(&picture(7), &view());
    publisher.failed();
    assert_eq!(hub.snapshot().preview.clone().unwrap().0.rgb[0], 7);
}

#[test]
fn a_still_is_of_a_later_frame_in_full_size_and_nobody_comes_in_vain() {
    let (mut publisher, hub) = hub(0);
    assert!(hub.still(Duration::from_millis(1)).is_none());
    publisher.picture(&picture(1), &view());
    assert!(hub.still(Duration::from_millis(1)).is_none(), "that frame was before");
    let asker = std::thread::spawn({
        let hub = hub.clone();
        move || hub.still(Duration::from_secs(20))
    });
    while !hub.0.still_wanted.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
    publisher.picture(&picture(2), &view());
    let still = asker.join().unwrap().unwrap();
    assert_eq!((still.width(), still.rgb()[0]), (640, 2));
    hub.forget_still();
    assert!(locked(&hub.0.still).picture.is_none());
}

/// The loop's turn takes no longer with readers that do nothing but read.
#[test]
fn readers_do_not_slow_the_loop() {
    let (mut publisher, hub) = hub(0);
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (hub, stop) = (hub.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut reads = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    reads += u64::from(hub.look().failures > 0);
                }
                reads
            })
        })
        .collect();
    let mut slowest = [Duration::ZERO; 200];
    for slot in &mut slowest {
        let start = Instant::now();
        publisher.failed();
        *slot = start.elapsed();
        std::thread::sleep(Duration::from_millis(1));
    }
    stop.store(true, Ordering::Relaxed);
    let reads: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    slowest.sort_unstable();
    assert!(reads > 0);
    // The median, because the machine may give the processor to a reader in the middle of any one.
    assert!(slowest[100] < Duration::from_millis(1), "{slowest:?}");
}

/// An attempt that the door refused, told as the loop does.
fn refusal() -> Decision {
    let mut door = Door::new(Policy::default()).unwrap();
    door.step(0, Event::CredentialRefused)
}

#[test]
fn faces_are_kept_only_if_asked_for_and_only_for_so_long() {
    let face = edge_infer::detect::Face {
        x: 200.0,
        y: 100.0,
        width: 80.0,
        height: 80.0,
        ..Default::default()
    };
    let shot = crate::watch::Shot {
        stamp: edge_infer::door::Stamp { captured_ms: 1, sequence: 1, digest: 1 },
        picture: picture(5),
    };
    let looked =
        Looked { faces: &[face], subject: Some(face), liveness: None, took: Duration::ZERO };
    for (keep, kept) in [(Duration::ZERO, false), (Duration::from_secs(60), true)] {
        let (mut publisher, hub) = hub(0);
        publisher.keep_crops(keep);
        publisher.decision(&refusal(), None);
        publisher.frame(&shot, &looked);
        publisher.end_turn(edge_infer::door::State::Locked);
        let recent = hub.snapshot().recent.clone();
        let attempt = recent.iter().find(|record| record.is_attempt()).unwrap();
        assert_eq!(attempt.crop.is_some(), kept);
    }
    let (mut publisher, hub) = hub(0);
    publisher.keep_crops(Duration::from_millis(1));
    publisher.decision(&refusal(), None);
    publisher.frame(&shot, &looked);
    std::thread::sleep(Duration::from_millis(2));
    publisher.end_turn(edge_infer::door::State::Locked);
    assert!(hub.snapshot().recent.iter().all(|record| record.crop.is_none()));
    // A later frame's face is not that of an attempt before it.
    publisher.keep_crops(Duration::from_secs(60));
    publisher.frame(&shot, &looked);
    publisher.end_turn(edge_infer::door::State::Locked);
    assert!(hub.snapshot().recent.iter().all(|record| record.crop.is_none()));
}
