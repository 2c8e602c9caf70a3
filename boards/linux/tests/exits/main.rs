//! Every way out of a running door, each in a process of its own: the lock ends engaged, and was never released for longer than a
//! pulse and the quarter of a second that the watchdog needs.
#![allow(clippy::unwrap_used)]

mod child;
mod clocks;

use core::time::Duration;
use door_linux::audit::{Kind, Log};
use door_linux::disk::Folder;
use door_linux::lock::{LoggedEdge, read_edges};
use door_linux::run::clock;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

const FOLDER: &str = "DOOR_TEST_FOLDER";
const STORY: &str = "DOOR_TEST_STORY";
const PULSE: &str = "DOOR_TEST_PULSE";
const STEP: &str = "DOOR_TEST_STEP";

/// What a release may last longer than its pulse.
const BOUND_MS: u64 = 250;
/// Patience with a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The process that the tests end; it is none itself.
#[test]
#[ignore = "the other tests run it as a process of its own"]
fn the_ended() {
    let number = |name| std::env::var(name).unwrap().parse().unwrap();
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let story = std::env::var(STORY).unwrap();
    let calm = child::run(&folder, &story, number(PULSE), number(STEP));
    // As `door run` does.
    std::process::exit(if calm { 0 } else { 1 });
}

struct Door {
    folder: tempfile::TempDir,
    child: Child,
    pulse_ms: u64,
}

impl Door {
    fn start(story: &str, pulse_ms: u64, step_ms: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(Folder::lock(&folder.path().join("log")).unwrap());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_ended", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(STORY, story)
            .env(PULSE, pulse_ms.to_string())
            .env(STEP, step_ms.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, child, pulse_ms }
    }

    fn edges(&self) -> Vec<LoggedEdge> {
        let path = self.folder.path().join("edges");
        if path.exists() { read_edges(&path).unwrap() } else { Vec::new() }
    }

    /// Waits until the edges are so.
    fn wait(&self, what: &str, mut are: impl FnMut(&[LoggedEdge]) -> bool) -> Vec<LoggedEdge> {
        let start = Instant::now();
        loop {
            let edges = self.edges();
            if are(&edges) {
                return edges;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {edges:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn until_released(&self) {
        let edges = self.wait("it opens", |edges| edges.iter().any(|edge| edge.unlocked));
        assert!(!edges[0].unlocked, "homebridge_rpi 144: the first level is locked");
    }

    /// The edges once the lock is engaged after having been released; the longest release is within its bound.
    fn until_engaged(&self) -> Vec<LoggedEdge> {
        let edges = self.wait("it locks", |edges| {
            edges.len() > 2 && edges.last().is_some_and(|edge| !edge.unlocked)
        });
        let longest = longest_open_ms(&edges);
        println!("released for {longest} ms at most, the pulse is {} ms", self.pulse_ms);
        assert!(longest <= self.pulse_ms + BOUND_MS, "{longest} ms: {edges:?}");
        edges
    }

    fn signal(&self, signal: Signal) -> u64 {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        clock::now_ms()
    }

    fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Nothing releases the lock any more.
    fn stays_engaged(&self) {
        std::thread::sleep(Duration::from_millis(300));
        assert!(!self.edges().last().unwrap().unlocked);
    }

    /// The door's guard, when it is another one than `before`.
    fn guard(&self, before: Option<Pid>) -> Pid {
        let id = self.child.id();
        let start = Instant::now();
        loop {
            // Whatever thread started it, the kernel lists it with that thread.
            let mut threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
            let found = threads.find_map(|thread| {
                let list = std::fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
                let pid = list.split_whitespace().next()?.parse().ok()?;
                Pid::from_raw(pid).filter(|&pid| Some(pid) != before)
            });
            if let Some(pid) = found {
                return pid;
            }
            assert!(start.elapsed() < PATIENCE, "there is no guard");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn log(&self) -> Vec<Kind> {
        let folder = Folder::read_only(&self.folder.path().join("log")).unwrap();
        Log::read(&folder).unwrap().entries.iter().map(|entry| entry.record.event.kind).collect()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn longest_open_ms(edges: &[LoggedEdge]) -> u64 {
    let pairs = edges.windows(2).filter(|pair| pair[0].unlocked);
    pairs.map(|pair| pair[1].mono_ms - pair[0].mono_ms).max().unwrap_or(0)
}

#[test]
fn pulses_end_by_themselves_and_sigterm_ends_the_door() {
    let mut door = Door::start("calm", 300, 2_000);
    door.wait("it opens thrice", |edges| edges.iter().filter(|edge| edge.unlocked).count() >= 3);
    let at = door.signal(Signal::TERM);
    let edges = door.until_engaged();
    assert!(edges.last().unwrap().mono_ms <= at + BOUND_MS, "{edges:?}");
    assert_eq!(door.end().code(), Some(0));
    door.stays_engaged();
    assert!(door.log().iter().filter(|&&kind| kind == Kind::Granted).count() >= 3);
}

#[test]
fn sigterm_and_sigint_engage_the_lock_at_once_and_sighup_does_nothing() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut door = Door::start("calm", 8_000, 2_000);
        door.until_released();
        door.signal(Signal::HUP);
        std::thread::sleep(Duration::from_millis(100));
        assert!(door.edges().last().unwrap().unlocked);
        let at = door.signal(signal);
        let edges = door.until_engaged();
        assert!(edges.last().unwrap().mono_ms <= at + BOUND_MS, "{edges:?}");
        assert_eq!(door.end().code(), Some(0));
        door.stays_engaged();
    }
}

#[test]
fn homebridge_rpi_144_and_garagedoor_12_a_panic_of_the_loop_engages_the_lock() {
    let mut door = Door::start("panic", 8_000, 2_000);
    door.until_released();
    let edges = door.until_engaged();
    assert!(longest_open_ms(&edges) < 1_000, "at once, not at the pulse's end: {edges:?}");
    assert_eq!(door.end().code(), Some(101));
    door.stays_engaged();
}

#[test]
fn a_panic_of_the_camera_s_thread_engages_the_lock_and_ends_the_door() {
    let mut door = Door::start("camera-panics", 8_000, 2_000);
    door.until_released();
    assert!(longest_open_ms(&door.until_engaged()) < 1_000);
    assert_eq!(door.end().code(), Some(1));
    door.stays_engaged();
}

#[test]
fn garagedoor_12_the_guard_engages_the_lock_of_a_door_that_was_killed() {
    let mut door = Door::start("calm", 8_000, 2_000);
    door.until_released();
    let at = door.signal(Signal::KILL);
    let edges = door.until_engaged();
    let took = edges.last().unwrap().mono_ms.saturating_sub(at);
    println!("the guard needed {took} ms");
    assert!(took <= 1_000, "{edges:?}");
    door.end();
    door.stays_engaged();
}

#[test]
fn a_guard_that_is_killed_is_replaced_and_the_new_one_does_its_work() {
    let mut door = Door::start("calm", 8_000, 2_000);
    door.until_released();
    let first = door.guard(None);
    kill_process(first, Signal::KILL).unwrap();
    let second = door.guard(Some(first));
    assert!(door.edges().last().unwrap().unlocked, "one that is replaced at once ends no pulse");
    kill_process(second, Signal::KILL).unwrap();
    door.guard(Some(second));
    let at = door.signal(Signal::KILL);
    let edges = door.until_engaged();
    assert!(edges.last().unwrap().mono_ms.saturating_sub(at) <= 1_000, "{edges:?}");
    door.end();
    door.stays_engaged();
}

#[test]
fn while_no_guard_can_be_had_nothing_opens() {
    let mut door = Door::start("guardless", 8_000, 2_000);
    door.until_released();
    // The program that guards are made of is removed by the story; whoever kills the last one locks the door.
    kill_process(door.guard(None), Signal::KILL).unwrap();
    let edges = door.until_engaged();
    assert!(longest_open_ms(&edges) < 7_000, "{edges:?}");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(door.edges(), edges, "the same face is still there");
    door.signal(Signal::TERM);
    assert_eq!(door.end().code(), Some(0));
}

#[test]
fn the_guard_engages_the_lock_of_a_door_that_aborted() {
    let mut door = Door::start("abort", 8_000, 2_000);
    door.until_released();
    assert!(longest_open_ms(&door.until_engaged()) < 1_500);
    assert_eq!(door.end().code(), None, "a signal");
}

#[test]
fn garagedoor_12_the_watchdog_ends_the_pulse_of_a_loop_that_hangs() {
    let door = Door::start("hang", 800, 2_000);
    door.until_released();
    door.until_engaged();
    door.stays_engaged();
}

#[test]
fn the_watchdog_does_not_wait_for_the_end_of_a_long_pulse() {
    let door = Door::start("hang", 8_000, 400);
    door.until_released();
    let edges = door.until_engaged();
    assert!(longest_open_ms(&edges) <= 400 + 1_000, "{edges:?}");
    door.stays_engaged();
}

#[test]
fn frigate_5365_a_frame_that_took_too_long_to_look_at_opens_nothing() {
    let mut door = Door::start("slow", 800, 2_000);
    std::thread::sleep(Duration::from_millis(2_500));
    door.signal(Signal::TERM);
    assert_eq!(door.end().code(), Some(0));
    assert!(door.edges().iter().all(|edge| !edge.unlocked), "{:?}", door.edges());
}

#[test]
fn a_lost_camera_ends_the_pulse() {
    let mut door = Door::start("camera", 8_000, 2_000);
    door.until_released();
    assert!(longest_open_ms(&door.until_engaged()) < 1_000);
    door.signal(Signal::TERM);
    assert_eq!(door.end().code(), Some(0));
    assert!(door.log().contains(&Kind::Fault));
}

#[test]
fn frigate_219_a_camera_that_hangs_ends_no_later_than_the_pulse_and_opens_nothing_more() {
    let door = Door::start("camera-hangs", 500, 2_000);
    door.until_released();
    let edges = door.until_engaged();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(door.edges(), edges);
}

#[test]
fn a_disk_that_hangs_is_full_or_gone_changes_nothing_for_the_lock() {
    for story in ["disk-hangs", "disk-full", "disk-gone"] {
        let mut door = Door::start(story, 300, 2_000);
        door.wait(story, |edges| edges.iter().filter(|edge| edge.unlocked).count() >= 2);
        door.until_engaged();
        door.signal(Signal::TERM);
        assert_eq!(door.end().code(), Some(0), "{story}");
        door.stays_engaged();
    }
}

/// For `DOOR_SOAK_SECONDS` instead of a few, if that is set.
#[test]
fn insightface_2098_rss_stays_flat() {
    let seconds = std::env::var("DOOR_SOAK_SECONDS").map_or(4, |text| text.parse().unwrap());
    let door = Door::start("soak", 200, 2_000);
    door.until_released();
    std::thread::sleep(Duration::from_secs(3));
    let before = door.rss_kib();
    std::thread::sleep(Duration::from_secs(seconds));
    let after = door.rss_kib();
    println!("{before} KiB, {after} KiB after {seconds} s more");
    assert!(after <= before + 1_024, "{before} KiB, then {after} KiB");
    assert!(after < 64 << 10, "{after} KiB");
    door.until_engaged();
}

#[test]
fn the_lock_command_engages_a_relay() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("edges");
    let status = door(&["lock", "--set", &format!("relay.log={}", log.display())]);
    assert!(status.success());
    assert!(!read_edges(&log).unwrap()[0].unlocked);
    let status = door(&["lock", "--set", "relay.kind=gpio", "--set", "relay.chip=/dev/no-chip"]);
    assert_eq!(status.code(), Some(1));
}

fn door(arguments: &[&str]) -> ExitStatus {
    let empty = Path::new("/dev/null");
    let mut command = Command::new(env!("CARGO_BIN_EXE_door"));
    command.arg("--config").arg(empty).args(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}
