//! The thread that engages the lock when the loop does not.

use crate::lock::{Check, Latch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it looks. With the latch's grace, a lock is released for a quarter of a second longer than its pulse at most.
const EVERY: Duration = Duration::from_millis(20);

/// Looks after a lock until it is dropped.
#[derive(Debug)]
pub struct Watchdog {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Looks after `latch`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(latch: Latch) -> std::io::Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn({
            let end = Arc::clone(&end);
            move || watch(&latch, &end)
        })?;
        Ok(Self { end, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(latch: &Latch, end: &AtomicBool) {
    let mut last = Check::Fine;
    while !end.load(Relaxed) {
        let found = latch.check();
        if found != last {
            match found {
                Check::Fine => eprintln!("the loop goes on"),
                Check::Silent => eprintln!("the loop hangs; the lock is engaged"),
                Check::Relocked => {
                    eprintln!("the lock was engaged by the watchdog: the loop did not do it")
                }
            }
        }
        last = found;
        std::thread::sleep(EVERY);
    }
}
