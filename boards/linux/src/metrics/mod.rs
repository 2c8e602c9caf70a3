//! Counts for Prometheus, in its text format, version 0.0.4, and events for a webhook.
//!
//! Nobody is named: who came when is the audit log's.

use crate::hub::{LATENCY_MS, Snapshot};
use core::fmt::Write as _;
use edge_infer::door::Bolt;

/// Of [`text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All counts and levels of a snapshot. Label values are the door's own words, which need no escapes.
#[must_use]
pub fn text(snapshot: &Snapshot) -> String {
    let mut to = Writer(String::new());
    to.one(
        "door_unlocked",
        "gauge",
        "Whether the lock is released.",
        f64::from(u8::from(snapshot.bolt == Bolt::Unlocked)),
    );
    to.head("door_state", "gauge", "1 for the state that the door is in.");
    to.sample("door_state", &[("state", snapshot.state_name())], 1.0);
    to.head("door_fault", "gauge", "1 for what is broken.");
    if let Some(fault) = snapshot.fault() {
        to.sample("door_fault", &[("fault", fault.name())], 1.0);
    }
    to.one(
        "door_last_turn_seconds",
        "gauge",
        "Time since the loop last turned.",
        snapshot.at.elapsed().as_secs_f64(),
    );
    to.one(
        "door_calibrated",
        "gauge",
        "Whether there is a cosine to match at.",
        f64::from(u8::from(snapshot.calibration.is_some())),
    );
    to.one("door_people", "gauge", "People enrolled.", snapshot.names.len() as f64);
    to.one("door_templates", "gauge", "Templates searched.", f64::from(snapshot.templates));
    to.one(
        "door_audit_lost",
        "gauge",
        "Events that the audit log could not take yet.",
        snapshot.health.audit.lost as f64,
    );
    to.one(
        "door_store_failed",
        "gauge",
        "Whether the people's store has a problem.",
        f64::from(u8::from(snapshot.health.store.is_some())),
    );
    to.one("door_frames_total", "counter", "Frames looked at.", snapshot.frames as f64);
    to.one(
        "door_failed_turns_total",
        "counter",
        "Turns of the loop that failed.",
        snapshot.failures as f64,
    );
    to.head("door_events_total", "counter", "What happened.");
    for (word, count) in snapshot.events.iter() {
        to.sample("door_events_total", &[("event", word)], count as f64);
    }
    to.head("door_refusals_total", "counter", "Refused attempts by their last reason.");
    for (word, count) in snapshot.refusals.iter() {
        to.sample("door_refusals_total", &[("reason", word)], count as f64);
    }
    let name = "door_frame_seconds";
    to.head(name, "histogram", "From a frame's pixels to the level of the lock.");
    let mut sum = 0;
    for (index, count) in snapshot.latency.counts.iter().enumerate() {
        sum += count;
        let end = LATENCY_MS.get(index).map(|&ms| (f64::from(ms) / 1e3).to_string());
        to.sample(
            &format!("{name}_bucket"),
            &[("le", end.as_deref().unwrap_or("+Inf"))],
            sum as f64,
        );
    }
    to.sample(&format!("{name}_sum"), &[], snapshot.latency.sum.as_secs_f64());
    to.sample(&format!("{name}_count"), &[], sum as f64);
    to.0
}

struct Writer(String);

impl Writer {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests;
