//! A USB relay that comes back after its cable was out, under a device that is another one to the kernel.
//!
//! ```text
//! set ── fails ──> open the path anew ──> both handles go on with the new device
//!                        └── fails too ──> the lock failed: the door stays faulted, and asks again with its next turn
//! ```
//!
//! The handle that there is is tried first: what failed once may work again, and the device is one process's.

use super::{Bolt, Relay, Relays};
use std::io;
use std::sync::{Arc, Mutex};

/// Opens the relay, as for the first time.
type Open = dyn Fn() -> io::Result<Relays> + Send + Sync;

/// Handles of the last opening that nobody took yet, and its number.
#[derive(Default)]
struct Waiting {
    number: u64,
    handles: [Option<Box<dyn Relay>>; 2],
}

/// One of the two handles.
pub(super) struct Replug {
    open: Arc<Open>,
    waiting: Arc<Mutex<Waiting>>,
    /// 0: the loop's; 1: the watchdog's.
    which: usize,
    /// Of which opening the handle is.
    number: u64,
    relay: Box<dyn Relay>,
}

impl core::fmt::Debug for Replug {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Replug").field("relay", &self.relay).finish_non_exhaustive()
    }
}

/// Both handles to what `open` opens, now and whenever one fails.
///
/// # Errors
/// It can't be opened now.
pub(super) fn replugged(
    open: impl Fn() -> io::Result<Relays> + Send + Sync + 'static,
) -> io::Result<Relays> {
    let open: Arc<Open> = Arc::new(open);
    let Relays { own, spare } = open()?;
    let waiting = Arc::<Mutex<Waiting>>::default();
    let handle = |which, relay| -> Box<dyn Relay> {
        let (open, waiting) = (Arc::clone(&open), Arc::clone(&waiting));
        Box::new(Replug { open, waiting, which, number: 0, relay })
    };
    Ok(Relays { own: handle(0, own), spare: handle(1, spare) })
}

impl Replug {
    /// Takes this handle of a newer opening; whether there is one.
    fn renew(&mut self) -> bool {
        // Who is just opening it will be done at the next turn: neither handle waits for the other.
        let Ok(mut waiting) = self.waiting.try_lock() else { return false };
        if waiting.number == self.number {
            // A handle that nobody took would keep the device busy.
            waiting.handles = [None, None];
            let Ok(Relays { own, spare }) = (self.open)() else { return false };
            waiting.number += 1;
            waiting.handles = [Some(own), Some(spare)];
        }
        self.number = waiting.number;
        waiting.handles[self.which].take().map(|relay| self.relay = relay).is_some()
    }
}

impl Relay for Replug {
    fn set(&mut self, bolt: Bolt) -> io::Result<()> {
        let Err(error) = self.relay.set(bolt) else { return Ok(()) };
        // A device that comes back is not what somebody just now wanted to open.
        if bolt == Bolt::Unlocked || !self.renew() {
            return Err(error);
        }
        self.relay.set(bolt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// A device in one of several lives: its handles work in the life that they were opened in.
    #[derive(Clone, Debug, Default)]
    struct Cable {
        life: Arc<AtomicUsize>,
        told: Arc<Mutex<Vec<(usize, usize, Bolt)>>>,
    }

    #[derive(Debug)]
    struct Handle {
        cable: Cable,
        life: usize,
        which: usize,
    }

    const OUT: usize = 0;

    impl Relay for Handle {
        fn set(&mut self, bolt: Bolt) -> io::Result<()> {
            if self.cable.life.load(SeqCst) != self.life {
                return Err(io::Error::from_raw_os_error(19));
            }
            self.cable.told.lock().unwrap().push((self.life, self.which, bolt));
            Ok(())
        }
    }

    impl Cable {
        fn open(&self) -> io::Result<Relays> {
            let life = self.life.load(SeqCst);
            if life == OUT {
                return Err(io::ErrorKind::NotFound.into());
            }
            let handle = |which| Box::new(Handle { cable: self.clone(), life, which });
            Ok(Relays { own: handle(0), spare: handle(1) })
        }

        fn plug(&self, life: usize) {
            self.life.store(life, SeqCst);
        }

        fn relays(&self) -> Relays {
            let cable = self.clone();
            replugged(move || cable.open()).unwrap()
        }
    }

    #[test]
    fn both_handles_go_on_with_the_device_that_came_back() {
        let cable = Cable::default();
        cable.plug(1);
        let Relays { mut own, mut spare } = cable.relays();
        own.set(Bolt::Unlocked).unwrap();
        cable.plug(OUT);
        assert_eq!(own.set(Bolt::Locked).unwrap_err().raw_os_error(), Some(19));
        assert!(spare.set(Bolt::Locked).is_err());
        cable.plug(2);
        assert!(own.set(Bolt::Unlocked).is_err(), "the first it is told is to lock");
        own.set(Bolt::Locked).unwrap();
        spare.set(Bolt::Locked).unwrap();
        own.set(Bolt::Unlocked).unwrap();
        let told = [
            (1, 0, Bolt::Unlocked),
            (2, 0, Bolt::Locked),
            (2, 1, Bolt::Locked),
            (2, 0, Bolt::Unlocked),
        ];
        assert_eq!(*cable.told.lock().unwrap(), told);
        cable.plug(3);
        spare.set(Bolt::Locked).unwrap();
        own.set(Bolt::Locked).unwrap();
        assert_eq!(cable.told.lock().unwrap()[4..], [(3, 1, Bolt::Locked), (3, 0, Bolt::Locked)]);
    }

    #[test]
    fn rejects_a_device_that_is_not_there() {
        let cable = Cable::default();
        assert!(replugged(move || cable.open()).is_err());
    }
}
