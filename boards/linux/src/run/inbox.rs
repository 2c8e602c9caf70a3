//! What waits for the loop: one frame, the events of the board, and whether to stop.
//!
//! There is one place for a frame, and the next takes it whether or not somebody saw the last: a queue would show the past. Events are
//! not lost; who posts more than are fetched waits.

use super::clock;
use crate::camera::Captured;
use crate::watch::{FrameSource, Moment, Shot};
use core::convert::Infallible;
use edge_infer::door::Event;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most events that wait.
const EVENTS: usize = 64;

/// What happened and has not been decided on; one place for the newest frame. All clones are one.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    frame: Option<Captured>,
    events: VecDeque<Event>,
    missed: u64,
    stop: bool,
}

impl Inbox {
    /// Puts a frame in the place of one that waits; the buffer of that one, to be filled again.
    pub fn show(&self, frame: Captured) -> Option<Captured> {
        let mut waiting = self.waiting();
        let before = waiting.frame.replace(frame);
        waiting.missed += u64::from(before.is_some());
        self.0.changed.notify_all();
        before
    }

    /// Tells the loop of an event. Waits while too many do; without effect once the loop is to stop.
    pub fn tell(&self, event: Event) {
        let full = |waiting: &mut Waiting| waiting.events.len() >= EVENTS && !waiting.stop;
        let waiting = self.0.changed.wait_while(self.waiting(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if !waiting.stop {
            waiting.events.push_back(event);
        }
        self.0.changed.notify_all();
    }

    /// Tells everybody to stop. Of what was told before, only what broke is still decided on, for the log to say so.
    pub fn stop(&self) {
        let mut waiting = self.waiting();
        waiting.stop = true;
        waiting.events.retain(|event| matches!(event, Event::FaultRaised(_)));
        drop(waiting);
        self.0.changed.notify_all();
    }

    /// Whether to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.waiting().stop
    }

    /// Waits for as long as this, or until it is time to stop; whether it is.
    pub fn rest(&self, time: Duration) -> bool {
        let waited =
            self.0.changed.wait_timeout_while(self.waiting(), time, |waiting| !waiting.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }

    /// Frames that nobody looked at, because the next one came first.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.waiting().missed
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The inbox as the loop's source, under the [clock] of the machine.
#[derive(Debug)]
pub struct Live {
    inbox: Inbox,
    /// Frames that could not be decoded.
    torn: u64,
}

impl Live {
    /// What comes into `inbox`.
    #[must_use]
    pub fn new(inbox: Inbox) -> Self {
        Self { inbox, torn: 0 }
    }

    /// Frames so far that could not be decoded. If all are so, the door finds its camera stalled.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.torn
    }
}

impl FrameSource for Live {
    type Error = Infallible;

    fn next(&mut self, until_ms: u64) -> Result<Option<Moment>, Infallible> {
        loop {
            let left = Duration::from_millis(until_ms.saturating_sub(clock::now_ms()));
            let idle = |waiting: &mut Waiting| {
                !waiting.stop && waiting.events.is_empty() && waiting.frame.is_none()
            };
            let shared = &*self.inbox.0;
            let waited = shared.changed.wait_timeout_while(self.inbox.waiting(), left, idle);
            let mut waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Some(event) = waiting.events.pop_front() {
                drop(waiting);
                shared.changed.notify_all();
                return Ok(Some(Moment::Told { now_ms: clock::now_ms(), event }));
            }
            if waiting.stop {
                return Ok(None);
            }
            let frame = waiting.frame.take();
            drop(waiting);
            let Some(frame) = frame else {
                return Ok(Some(Moment::Quiet { now_ms: clock::now_ms() }));
            };
            match frame.picture() {
                Ok(picture) => {
                    let shot = Shot { stamp: frame.stamp(), picture };
                    return Ok(Some(Moment::Frame { now_ms: clock::now_ms(), shot }));
                }
                Err(_) => self.torn += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Layout;
    use edge_infer::door::Fault;

    fn grey(sequence: u64) -> Captured {
        let layout = Layout::Grey { width: 2, height: 2, stride: 2 };
        let bytes = vec![u8::try_from(sequence).unwrap(); 4];
        Captured { captured_ms: clock::now_ms(), sequence, layout, bytes }
    }

    fn soon() -> u64 {
        clock::now_ms() + 20
    }

    #[test]
    fn only_the_newest_frame_is_seen() {
        let inbox = Inbox::default();
        let mut live = Live::new(inbox.clone());
        for sequence in 1..=5 {
            inbox.show(grey(sequence));
        }
        let Some(Moment::Frame { shot, .. }) = live.next(soon()).unwrap() else { panic!() };
        assert_eq!((shot.stamp.sequence, inbox.missed()), (5, 4));
        assert_eq!(shot.picture.rgb(), [5; 12]);
        assert!(matches!(live.next(soon()).unwrap(), Some(Moment::Quiet { .. })));
    }

    #[test]
    fn events_come_before_frames_and_none_is_lost() {
        let inbox = Inbox::default();
        let mut live = Live::new(inbox.clone());
        inbox.show(grey(1));
        let poster = std::thread::spawn({
            let inbox = inbox.clone();
            move || (0..500).for_each(|_| inbox.tell(Event::ExitButton))
        });
        let mut seen = 0;
        while seen < 500 {
            if let Some(Moment::Told { event, .. }) = live.next(clock::now_ms() + 1_000).unwrap() {
                assert_eq!(event, Event::ExitButton);
                seen += 1;
            }
        }
        poster.join().unwrap();
    }

    #[test]
    fn torn_frames_are_skipped_and_counted() {
        let inbox = Inbox::default();
        let mut live = Live::new(inbox.clone());
        inbox.show(Captured { bytes: vec![1; 3], ..grey(1) });
        assert!(matches!(live.next(soon()).unwrap(), Some(Moment::Quiet { .. })));
        inbox.show(Captured { layout: Layout::Jpeg, bytes: vec![0xff, 0xd8, 1], ..grey(2) });
        assert!(matches!(live.next(soon()).unwrap(), Some(Moment::Quiet { .. })));
        assert_eq!(live.torn(), 2);
    }

    #[test]
    fn what_broke_before_the_stop_is_still_decided_on_and_nothing_opens_any_more() {
        let inbox = Inbox::default();
        let mut live = Live::new(inbox.clone());
        inbox.show(grey(1));
        inbox.tell(Event::ExitButton);
        inbox.tell(Event::FaultRaised(Fault::Camera));
        inbox.stop();
        inbox.tell(Event::FaultRaised(Fault::Tamper));
        let told = live.next(soon()).unwrap();
        let lost = Event::FaultRaised(Fault::Camera);
        assert!(matches!(told, Some(Moment::Told { event, .. }) if event == lost), "{told:?}");
        assert!(live.next(soon()).unwrap().is_none());
    }

    #[test]
    fn stopping_wakes_everybody() {
        let inbox = Inbox::default();
        let mut live = Live::new(inbox.clone());
        let (one, other) = (inbox.clone(), inbox.clone());
        let waits =
            std::thread::spawn(move || live.next(clock::now_ms() + 60_000).unwrap().is_none());
        let rests = std::thread::spawn(move || one.rest(Duration::from_secs(60)));
        let posts =
            std::thread::spawn(move || (0..2 * EVENTS).for_each(|_| other.tell(Event::Tick)));
        inbox.stop();
        assert!(rests.join().unwrap() && inbox.is_stopped());
        posts.join().unwrap();
        assert!(waits.join().unwrap() || inbox.is_stopped());
    }
}
