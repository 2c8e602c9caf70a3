//! What the door has to do with the network, on one thread beside the loop: pages, broker, webhook.
//!
//! It reads the [hub](crate::hub) and nothing else of the loop, so it can hang or end and the door goes on.

mod address;
mod backoff;
mod report;
#[cfg(feature = "tls")]
mod trust;

pub use address::{Address, AddressError};
pub(crate) use backoff::Backoff;
pub(crate) use report::{News, report};
#[cfg(feature = "tls")]
pub(crate) use trust::trust;

use core::future::Future;
use core::pin::Pin;
use std::io;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// One of the things to do. They end when [`Outside`] does.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Threads for what waits for the disk or the networks.
const BLOCKING: usize = 4;

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub struct Outside {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Outside {
    /// Starts it.
    ///
    /// # Errors
    /// The system gives no thread or no poll.
    pub fn start(tasks: Vec<Task>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(BLOCKING)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread =
            std::thread::Builder::new().name("door-outside".to_owned()).spawn(move || {
                runtime.block_on(async {
                    let mut all = tokio::task::JoinSet::new();
                    tasks.into_iter().for_each(|task| drop(all.spawn(task)));
                    // The sender is never used: that it is gone says that it is time.
                    let _ = stopped.await;
                });
                // What still waits for a camera is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
