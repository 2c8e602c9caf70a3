//! The time by the calendar, as far as the system knows it.

/// Milliseconds of Unix time; 0 for a clock before it.
pub(crate) fn utc_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok().and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}
