//! Places for connections. When all are taken, the one that has waited the longest without a request in work makes room: whoever
//! opens a thousand and says nothing keeps nobody out.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// All places.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    taken: Mutex<VecDeque<Arc<Slot>>>,
}

/// One place.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// A request is in work.
    busy: AtomicBool,
    /// The place is needed.
    pub(super) leave: Notify,
}

/// Frees the place when it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    slots: Arc<Slots>,
    pub(super) slot: Arc<Slot>,
}

impl Slots {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// A place; `None` if every one is busy.
    pub(super) fn take(self: &Arc<Self>) -> Option<Taken> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= self.most {
            let idle = taken.iter().position(|slot| !slot.busy.load(Ordering::Relaxed))?;
            if let Some(slot) = taken.remove(idle) {
                slot.leave.notify_one();
            }
        }
        let slot = Arc::<Slot>::default();
        taken.push_back(slot.clone());
        Some(Taken { slots: self.clone(), slot })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

/// A request in work, from its head to its answer.
pub(super) struct Busy(Arc<Slot>);

impl Slot {
    pub(super) fn work(self: &Arc<Self>) -> Busy {
        self.busy.store(true, Ordering::Relaxed);
        Busy(self.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_one_makes_room_and_busy_ones_stay() {
        let slots = Slots::new(3);
        let [first, second, third] = [(); 3].map(|()| slots.take().unwrap());
        let work = first.slot.work();
        let fourth = slots.take().unwrap();
        assert!(slots.taken.lock().unwrap().iter().all(|slot| !Arc::ptr_eq(slot, &second.slot)));
        let busy = [&third, &fourth].map(|taken| taken.slot.work());
        assert!(slots.take().is_none());
        drop(work);
        drop(busy);
        drop(first);
        drop(second);
        assert_eq!(slots.taken.lock().unwrap().len(), 2);
        assert!(slots.take().is_some());
    }
}
