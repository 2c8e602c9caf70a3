//! What holds the door: a relay, a strike, or a record of what one would have done.
//!
//! ```text
//! the loop ── Lock ── Latch ──> Relay   gpio (a pin), serial and hid (USB relays), edge log (none at all)
//! watchdog ────────────┘  └───> the same relay by a handle of its own
//! ```
//!
//! A lock knows two levels and nothing of reasons. Whoever drives it drives [`Bolt::Locked`] first, and again on every way out.

mod edge_log;
mod gpio;
mod hid;
mod hidraw;
mod latch;
mod relay;
mod replug;
mod serial;
mod simulated;

pub use edge_infer::door::Bolt;
pub use edge_log::{EdgeLog, LoggedEdge, read_edges};
pub(crate) use gpio::io_error;
pub use gpio::{OutputLine, PinRelay};
pub use hid::{FeatureReports, HidRelay};
pub use latch::{Check, Latch};
pub use relay::{Relay, RelayConfig, RelayKind, Relays, UnlockedLevel};
pub use serial::SerialRelay;
pub use simulated::{Edge, SimulatedLock};

/// Something that can be locked.
pub trait Lock {
    /// Sets the level. `now_ms` is the time of the door's clock, for locks that keep a record.
    ///
    /// # Errors
    /// [`LockError`]: the level may be either one now.
    fn drive(&mut self, now_ms: u64, bolt: Bolt) -> Result<(), LockError>;
}

/// A lock that does not do as it is told.
#[derive(Debug, thiserror::Error)]
#[error("the lock could not be driven: {0}")]
pub struct LockError(#[source] pub std::io::Error);
