//! The text that a meter reads.

use super::*;
use crate::hub::{Looked, hub};
use crate::vision::Picture;
use crate::watch::Shot;
use core::time::Duration;
use edge_infer::door::{Door, Event, Fault, Policy, Stamp, State};

#[test]
fn counts_are_written_as_prometheus_reads_them() {
    let (mut publisher, hub) = hub(1);
    let mut door = Door::new(Policy::default()).unwrap();
    for event in [
        Event::FaultRaised(Fault::Camera),
        Event::FaultCleared(Fault::Camera),
        Event::FaultRaised(Fault::Lock),
    ] {
        publisher.decision(&door.step(0, event), None);
    }
    let shot = Shot {
        stamp: Stamp { captured_ms: 1, sequence: 1, digest: 1 },
        picture: Picture::new(4, 4, vec![0; 48]).unwrap(),
    };
    for ms in [1, 7, 900] {
        let took = Duration::from_millis(ms);
        publisher.frame(&shot, &Looked { faces: &[], subject: None, liveness: None, took });
    }
    publisher.end_turn(State::Faulted(Fault::Lock));
    let text = text(&hub.snapshot());
    for line in [
        "# TYPE door_unlocked gauge",
        "door_unlocked 0",
        "door_state{state=\"faulted\"} 1",
        "door_fault{fault=\"lock\"} 1",
        "door_events_total{event=\"fault-raised\"} 2",
        "door_events_total{event=\"fault-cleared\"} 1",
        "door_frames_total 3",
        "door_frame_seconds_bucket{le=\"0.001\"} 1",
        "door_frame_seconds_bucket{le=\"0.005\"} 1",
        "door_frame_seconds_bucket{le=\"0.01\"} 2",
        "door_frame_seconds_bucket{le=\"+Inf\"} 3",
        "door_frame_seconds_sum 0.908",
        "door_frame_seconds_count 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with('\n'));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let name = name.split('{').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let base =
            name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count");
        assert!(text.contains(&format!("# TYPE {base} ")), "{line}");
    }
}
