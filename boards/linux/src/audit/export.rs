//! The log for other programs: JSON lines as they are on the disk, which can be checked again, or a table.

use super::{Entry, Record};
use std::io::{self, Write};

/// Each record's line.
///
/// # Errors
/// `out` fails.
pub fn write_json_lines(entries: &[Entry], out: &mut impl Write) -> io::Result<()> {
    entries.iter().try_for_each(|entry| writeln!(out, "{}", entry.line))
}

/// A table with a head, as RFC 4180 has it.
///
/// # Errors
/// `out` fails.
pub fn write_csv(entries: &[Entry], out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "seq,utc,utc_ms,boot,mono_ms,kind,person,reason,cosine,times,since_mono_ms,hash\r\n"
    )?;
    for Entry { record, head, .. } in entries {
        let Record { seq, boot, at, event, times, since_mono_ms } = record;
        let kind = serde_json::to_string(&event.kind)?;
        let reason = event.reason.as_deref().map(cell).unwrap_or_default();
        let (utc, kind) = (utc_text(at.utc_ms), kind.trim_matches('"'));
        let (person, cosine) = (text(event.person), text(event.cosine));
        write!(
            out,
            "{seq},{utc},{},{boot},{},{kind},{person},{reason},{cosine},{times},{},{}\r\n",
            at.utc_ms,
            at.mono_ms,
            text(*since_mono_ms),
            head.hash,
        )?;
    }
    Ok(())
}

fn text(value: Option<impl core::fmt::Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A cell of any text. A spreadsheet takes some first letters for a formula; after an apostrophe it does not.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Unix time as ISO 8601, such as `2025-11-26T21:00:00.000Z`.
pub fn utc_text(utc_ms: u64) -> String {
    let (days, ms) = (utc_ms / 86_400_000, utc_ms % 86_400_000);
    // Years that begin in March end with the leap day; 400 of them have 146,097 days. 719,468 days before 1970 one began.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        10.. => (400 * era + year + 1, month - 9),
        _ => (400 * era + year, month + 3),
    };
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `date --utc --date=@N`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (951_868_800, "2000-03-01T00:00:00.007Z"),
            (1_709_164_800, "2024-02-29T00:00:00.007Z"),
            (1_764_190_800, "2025-11-26T21:00:00.007Z"),
            (1_798_761_599, "2026-12-31T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
            (253_402_300_799, "9999-12-31T23:59:59.007Z"),
        ] {
            assert_eq!(utc_text(seconds * 1_000 + 7), text);
        }
        assert!(utc_text(u64::MAX).ends_with(".615Z"));
    }
}
