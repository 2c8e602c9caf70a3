//! The door's clock: milliseconds since the boot, sleep included, which nobody can set.

use rustix::time::{ClockId, clock_gettime};

/// Now. All processes of one boot agree on it.
#[must_use]
pub fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) = (now.tv_sec.max(0).cast_unsigned(), now.tv_nsec.max(0).cast_unsigned());
    seconds * 1_000 + nanos / 1_000_000
}

/// Milliseconds of Unix time; `None` for a clock that was never set, as that of a board without a battery before it found a network.
#[must_use]
pub fn utc_ms() -> Option<u64> {
    /// The start of 2025. No clock that was ever set stands before it.
    const LEAST: u64 = 1_735_689_600_000;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().filter(|&now| now >= LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_by_milliseconds() {
        let before = now_ms();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = now_ms() - before;
        assert!((20..2_000).contains(&passed), "{passed}");
    }
}
