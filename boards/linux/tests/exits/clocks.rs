//! The same loop under a clock of its own: cameras that freeze, stall or lie about the time, and clocks that jump.

use crate::child::{calibration, good, policy};
use core::convert::Infallible;
use core::time::Duration;
use door_linux::audit::{Audit, BootId, Limits};
use door_linux::disk::Folder;
use door_linux::hub;
use door_linux::lock::SimulatedLock;
use door_linux::run::{Desk, Notify, Recorder, moment, serve};
use door_linux::vision::{Picture, Seen};
use door_linux::watch::{FrameSource, Moment, Shot, Sight, Watch, WatchError};
use edge_infer::door::{Event, Fault, Observation, Stamp};
use std::collections::VecDeque;

/// Always the same enrolled person.
struct Known(bool);

impl Sight for Known {
    fn look(&mut self, shot: &Shot, _: Option<u64>) -> Result<Observation, (Fault, WatchError)> {
        Ok(good(shot, !core::mem::replace(&mut self.0, true)))
    }

    fn seen(&self) -> Option<&Seen> {
        None
    }
}

struct Story(VecDeque<Moment>);

impl FrameSource for Story {
    type Error = Infallible;

    fn next(&mut self, _: u64) -> Result<Option<Moment>, Infallible> {
        Ok(self.0.pop_front())
    }
}

fn frame(now_ms: u64, captured_ms: u64, sequence: u64, digest: u64) -> Moment {
    let stamp = Stamp { captured_ms, sequence, digest };
    let picture = Picture::new(1, 1, vec![0; 3]).unwrap();
    Moment::Frame { now_ms, shot: Shot { stamp, picture } }
}

fn quiet(now_ms: u64) -> Moment {
    Moment::Quiet { now_ms }
}

/// Frames of a camera that works, 100 ms apart, from `start_ms` on.
fn frames(start_ms: u64, first: u64, count: u64) -> impl Iterator<Item = Moment> {
    (0..count).map(move |i| frame(start_ms + 100 * i, start_ms + 100 * i, first + i, first + i))
}

/// How often the lock was released, and for how long at most.
fn play(story: impl IntoIterator<Item = Moment>) -> (usize, u64) {
    let parent = tempfile::tempdir().unwrap();
    let disk = std::sync::Arc::new(Folder::lock(&parent.path().join("log")).unwrap());
    let boot = BootId::of_system().unwrap();
    let audit = Audit::open(disk.clone(), Limits::default(), boot, moment()).unwrap();
    let recorder = Recorder::start(audit, disk, 0).unwrap();
    let (publisher, _hub) = hub::hub(1);
    let mut desk = Desk { recorder, publisher, notify: Notify::from_env(), camera: String::new() };
    let lock = SimulatedLock::default();
    let mut watch =
        Watch::new(policy(500, 2_000), Some(calibration()), Known(false), lock).unwrap();
    let mut story: VecDeque<Moment> = story.into_iter().collect();
    let end_ms = story.back().map_or(0, Moment::now_ms);
    story.extend((1..20).map(|i| quiet(end_ms + 100 * i)));
    let Ok(()) = serve(&mut watch, &mut Story(story), &mut desk, |_, _, _| Ok(()));
    desk.recorder.close(Duration::from_secs(10));
    let edges = watch.lock().edges().len();
    assert_eq!(edges % 2, 0, "it ends locked");
    (edges / 2, watch.lock().longest_open_ms(0))
}

#[test]
fn three_good_frames_open_for_a_pulse() {
    assert_eq!(play(frames(1_000, 1, 2)), (0, 0));
    assert_eq!(play(frames(1_000, 1, 4)), (1, 500));
}

#[test]
fn facelock_63_a_frozen_camera_opens_nothing() {
    assert_eq!(play((0..40).map(|i| frame(1_000 + 100 * i, 1_000 + 100 * i, 1 + i, 7))), (0, 0));
    // Also one that repeats a short film.
    let film = (0..40).map(|i| frame(1_000 + 100 * i, 1_000 + 100 * i, 1 + i, i % 2));
    assert_eq!(play(film), (0, 0));
}

#[test]
fn frigate_5365_an_old_picture_under_a_running_clock_opens_nothing() {
    let stale = (0..40).map(|i| frame(1_000 + 100 * i, 400, 1 + i, i));
    assert_eq!(play(stale), (0, 0));
    let late = (0..40).map(|i| frame(2_000 + 100 * i, 1_400 + 100 * i, 1 + i, i));
    assert_eq!(play(late), (0, 0), "each 600 ms old");
    let future = (0..40).map(|i| frame(1_000 + 100 * i, 1_001 + 100 * i, 1 + i, i));
    assert_eq!(play(future), (0, 0));
}

#[test]
fn frigate_219_after_a_stall_all_begins_anew() {
    let stall = |pause_ms: u64| {
        let silence = (1..pause_ms / 100).map(|i| quiet(1_100 + 100 * i));
        let rest: Vec<Moment> = frames(1_100 + pause_ms, 3, 2).collect();
        frames(1_000, 1, 2).chain(silence).chain(rest)
    };
    assert_eq!(play(stall(200)).0, 1);
    assert_eq!(play(stall(4_000)).0, 0, "two before, two after");
}

#[test]
fn a_sequence_that_goes_back_opens_nothing_until_the_camera_was_restarted() {
    let back = |restart: bool| {
        let lost = [Event::FaultRaised(Fault::Camera), Event::FaultCleared(Fault::Camera)];
        let told = lost.into_iter().filter(move |_| restart);
        let told = told.map(|event| Moment::Told { now_ms: 1_150, event });
        let again = (0..6).map(|i| frame(1_200 + 100 * i, 1_200 + 100 * i, 1 + i, 100 + i));
        frames(1_000, 900, 2).chain(told).chain(again)
    };
    assert_eq!(play(back(false)), (0, 0));
    assert_eq!(play(back(true)), (1, 500));
}

#[test]
fn octoprint_3266_clocks_that_jump_or_go_back_end_the_pulse() {
    for after in [1_300, 0, 900, 3_600_000, u64::MAX / 2] {
        let story: Vec<Moment> = frames(1_000, 1, 3).chain([quiet(after)]).collect();
        let (opened, longest_ms) = play(story);
        assert_eq!(opened, 1, "{after}");
        let by_the_clock = longest_ms <= 500;
        assert!(by_the_clock || longest_ms == after - 1_200, "{after}: {longest_ms}");
    }
    // Good frames on both sides of a jump are not of one attempt.
    for start in [500, 100_000] {
        let story = frames(1_000, 1, 2).chain(frames(start, 3, 2));
        assert_eq!(play(story.collect::<Vec<_>>()).0, 0, "{start}");
    }
}

#[test]
fn howdy_822_the_exit_button_opens_nothing_where_it_is_off() {
    let press = (0..5).map(|i| Moment::Told { now_ms: 1_000 + i, event: Event::ExitButton });
    assert_eq!(play(press), (0, 0));
}
