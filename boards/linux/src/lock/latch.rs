//! The lock of a running door: it bounds every release by itself, whoever asked for it and whatever became of them.
//!
//! ```text
//!             drive(Unlocked)            pulse + grace, or nobody drives for too long
//!   engaged ──────────────────> released ──────────────────────────────────────────> tripped ── drive(Locked) ──> engaged
//!      any ── shut (panic, signal, end) ──> shut: nothing releases it any more
//!      any ── guarded(false) ──> engaged, and not released until guarded(true)
//! ```
//!
//! The door ends its pulses itself. This is for the loop that hangs, panics or is told to end: another thread calls [`Latch::check`],
//! with a handle of its own to the relay. A release that was decided before the lock tripped is refused, however late it comes.

use super::{Bolt, Lock, LockError, Relay, Relays};
use core::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// What a pulse may last longer than the policy says before the latch ends it.
const GRACE: Duration = Duration::from_millis(100);

/// No time.
const NEVER: u64 = u64::MAX;

/// Milliseconds since the lock was made.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// A handle to the lock; all handles are of one.
#[derive(Clone)]
pub struct Latch(Arc<Shared>);

struct Shared {
    own: Mutex<Box<dyn Relay>>,
    spare: Mutex<Box<dyn Relay>>,
    clock: Clock,
    longest: Duration,
    silence: Duration,
    /// Since when it is released, by the clock.
    released_ms: AtomicU64,
    /// When it was last driven.
    driven_ms: AtomicU64,
    tripped: AtomicBool,
    shut: AtomicBool,
    /// Nobody would engage it if this process were killed.
    unguarded: AtomicBool,
}

/// What [`Latch::check`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// All as it should be.
    Fine,
    /// The lock is engaged and nobody drives it: the loop hangs.
    Silent,
    /// It was released for too long, or by a loop that hangs, and was told to engage.
    Relocked,
}

impl Latch {
    /// A lock that is released for `pulse` at most, and engaged when nobody drove it for `silence` while it was. It is engaged when
    /// this returns.
    ///
    /// # Errors
    /// The relay can't be driven.
    pub fn new(relays: Relays, pulse: Duration, silence: Duration) -> Result<Self, LockError> {
        let start = Instant::now();
        let clock = move || u64::try_from(start.elapsed().as_millis()).unwrap_or(NEVER - 1);
        Self::by(Box::new(clock), relays, pulse, silence)
    }

    fn by(
        clock: Clock,
        mut relays: Relays,
        pulse: Duration,
        silence: Duration,
    ) -> Result<Self, LockError> {
        relays.own.set(Bolt::Locked).map_err(LockError)?;
        Ok(Self(Arc::new(Shared {
            own: Mutex::new(relays.own),
            spare: Mutex::new(relays.spare),
            clock,
            longest: pulse + GRACE,
            silence,
            released_ms: AtomicU64::new(NEVER),
            driven_ms: AtomicU64::new(0),
            tripped: AtomicBool::new(false),
            shut: AtomicBool::new(false),
            unguarded: AtomicBool::new(false),
        })))
    }

    /// Whether it was last told to release.
    pub fn is_released(&self) -> bool {
        self.0.released_ms.load(SeqCst) != NEVER
    }

    /// Engages the lock for good: the program ends. Waits for nobody, so that a hook of a panic may call it. Whether it is engaged.
    pub fn shut(&self) -> bool {
        self.0.shut.store(true, SeqCst);
        // The spare handle is busy only while the watchdog engages the lock.
        let engaged = self.0.engage_now();
        if let Err(error) = &engaged {
            eprintln!("the lock could not be engaged: {error}");
        }
        engaged.is_ok()
    }

    /// Whether somebody would engage the lock if this process were killed, which holds until this is called. While nobody would, it is
    /// engaged and no drive releases it.
    pub fn guarded(&self, is: bool) {
        self.0.unguarded.store(!is, SeqCst);
        if !is && let Err(error) = self.0.engage_now() {
            eprintln!("the lock could not be engaged: {error}");
        }
    }

    /// Engages the lock if whoever released it does not. To be called every few milliseconds, by another thread than drives it.
    pub fn check(&self) -> Check {
        let shared = &*self.0;
        let now = (shared.clock)();
        let silent = u128::from(now.saturating_sub(shared.driven_ms.load(SeqCst)))
            > shared.silence.as_millis();
        let released = shared.released_ms.load(SeqCst);
        if released == NEVER {
            return if silent { Check::Silent } else { Check::Fine };
        }
        let too_long = u128::from(now.saturating_sub(released)) > shared.longest.as_millis();
        // Again and again until it is driven to locked, because a release that was on its way may come after the first.
        if silent || too_long || shared.tripped.load(SeqCst) {
            shared.tripped.store(true, SeqCst);
            if let Err(error) = shared.engage_now() {
                eprintln!("the lock could not be engaged: {error}");
            }
            return Check::Relocked;
        }
        Check::Fine
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("is_released", &self.is_released()).finish_non_exhaustive()
    }
}

impl Shared {
    fn engage_now(&self) -> io::Result<()> {
        for relay in [&self.spare, &self.own] {
            match relay.try_lock() {
                Ok(mut relay) => return relay.set(Bolt::Locked),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return poisoned.into_inner().set(Bolt::Locked);
                }
                Err(TryLockError::WouldBlock) => {}
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Why nothing may release it.
    fn barred(&self) -> Option<&'static str> {
        if self.shut.load(SeqCst) {
            return Some("the door is about to stop");
        }
        self.unguarded.load(SeqCst).then_some("its guard is gone, and no other one can be started")
    }

    fn own(&self) -> MutexGuard<'_, Box<dyn Relay>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lock for Latch {
    fn drive(&mut self, _now_ms: u64, bolt: Bolt) -> Result<(), LockError> {
        let shared = &*self.0;
        let refused = |why| Err(LockError(io::Error::other(why)));
        let now = (shared.clock)();
        shared.driven_ms.store(now, SeqCst);
        if bolt == Bolt::Locked {
            shared.own().set(bolt).map_err(LockError)?;
            shared.released_ms.store(NEVER, SeqCst);
            shared.tripped.store(false, SeqCst);
            return Ok(());
        }
        let since = shared.released_ms.load(SeqCst);
        // Before the relay is set, so that the watchdog knows of every release there may be.
        let since = if since == NEVER {
            shared.released_ms.store(now, SeqCst);
            now
        } else {
            since
        };
        if let Some(why) = shared.barred() {
            return refused(why);
        }
        if shared.tripped.load(SeqCst) {
            return refused("it was engaged because the program hung");
        }
        if u128::from(now.saturating_sub(since)) > shared.longest.as_millis() {
            return refused("it has been released for longer than a pulse lasts");
        }
        shared.own().set(bolt).map_err(LockError)?;
        if let Some(why) = shared.barred() {
            // That came in between, and nobody else would take this back.
            let _ = shared.own().set(Bolt::Locked);
            return refused(why);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bolt::{Locked, Unlocked};

    #[derive(Clone, Debug, Default)]
    struct Level(Arc<Mutex<Vec<Bolt>>>);

    impl Relay for Level {
        fn set(&mut self, bolt: Bolt) -> io::Result<()> {
            self.0.lock().unwrap().push(bolt);
            Ok(())
        }
    }

    impl Level {
        fn now(&self) -> Bolt {
            *self.0.lock().unwrap().last().unwrap()
        }
    }

    /// A latch, its level, and its time.
    fn latch(pulse_ms: u64, silence_ms: u64) -> (Level, Latch, Arc<AtomicU64>) {
        let level = Level::default();
        let relays = Relays { own: Box::new(level.clone()), spare: Box::new(level.clone()) };
        let time = Arc::new(AtomicU64::new(1_000));
        let clock = Box::new({
            let time = Arc::clone(&time);
            move || time.load(SeqCst)
        });
        let (pulse, silence) = (Duration::from_millis(pulse_ms), Duration::from_millis(silence_ms));
        (level, Latch::by(clock, relays, pulse, silence).unwrap(), time)
    }

    #[test]
    fn homebridge_rpi_144_and_esphome_6802_it_is_locked_first() {
        let (level, ..) = latch(50, 50);
        assert_eq!(*level.0.lock().unwrap(), [Locked]);
    }

    #[test]
    fn garagedoor_12_a_release_that_nobody_ends_is_ended() {
        let (level, mut latch, time) = latch(50, 10_000);
        latch.drive(0, Unlocked).unwrap();
        assert_eq!((level.now(), latch.check()), (Unlocked, Check::Fine));
        time.fetch_add(150, SeqCst);
        assert_eq!(latch.check(), Check::Fine, "the door's own time comes first");
        time.fetch_add(1, SeqCst);
        assert_eq!((latch.check(), level.now()), (Check::Relocked, Locked));
        // However often it is asked, until somebody decides to lock.
        latch.drive(0, Unlocked).unwrap_err();
        assert_eq!(level.now(), Locked);
        latch.drive(0, Locked).unwrap();
        latch.drive(0, Unlocked).unwrap();
        assert_eq!((level.now(), latch.check()), (Unlocked, Check::Fine));
    }

    #[test]
    fn garagedoor_12_a_release_does_not_outlast_its_pulse_by_being_repeated() {
        let (level, mut latch, time) = latch(20, 10_000);
        for _ in 0..=24 {
            latch.drive(0, Unlocked).unwrap();
            time.fetch_add(5, SeqCst);
        }
        latch.drive(0, Unlocked).unwrap_err();
        assert_eq!((latch.check(), level.now()), (Check::Relocked, Locked));
    }

    #[test]
    fn a_loop_that_hangs_releases_nothing_when_it_goes_on() {
        let (level, mut latch, time) = latch(10_000, 30);
        latch.drive(0, Unlocked).unwrap();
        time.fetch_add(31, SeqCst);
        assert_eq!((latch.check(), level.now()), (Check::Relocked, Locked));
        latch.drive(0, Unlocked).unwrap_err();
        assert_eq!(level.now(), Locked);
        latch.drive(0, Locked).unwrap();
        time.fetch_add(31, SeqCst);
        assert_eq!(latch.check(), Check::Silent);
    }

    #[test]
    fn a_lock_that_was_shut_stays_engaged() {
        let (level, mut latch, _) = latch(10_000, 10_000);
        latch.drive(0, Unlocked).unwrap();
        latch.clone().shut();
        assert_eq!(level.now(), Locked);
        latch.drive(0, Locked).unwrap();
        latch.drive(0, Unlocked).unwrap_err();
        assert_eq!(level.now(), Locked);
    }

    #[test]
    fn a_lock_without_a_guard_stays_engaged_until_there_is_one() {
        let (level, mut latch, _) = latch(10_000, 10_000);
        latch.drive(0, Unlocked).unwrap();
        latch.guarded(false);
        assert_eq!(level.now(), Locked);
        let error = latch.drive(0, Unlocked).unwrap_err();
        assert!(error.to_string().contains("guard"), "{error}");
        assert_eq!(level.now(), Locked);
        latch.drive(0, Locked).unwrap();
        latch.guarded(true);
        latch.drive(0, Unlocked).unwrap();
        assert_eq!(level.now(), Unlocked);
    }

    #[test]
    fn rejects_a_relay_that_fails_and_says_so() {
        #[derive(Debug)]
        struct Broken;
        impl Relay for Broken {
            fn set(&mut self, _: Bolt) -> io::Result<()> {
                Err(io::Error::other("no contact"))
            }
        }
        let relays = Relays { own: Box::new(Broken), spare: Box::new(Broken) };
        let error = Latch::new(relays, GRACE, GRACE).unwrap_err();
        assert!(error.to_string().contains("no contact"), "{error}");
    }
}
