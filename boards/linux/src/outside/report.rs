//! Events as others get them: which are told, in what order, and in what form.

use crate::hub::{Record, Snapshot};
use core::time::Duration;
use edge_infer::door::Audit;
use serde_json::{Value, json};
use std::sync::Arc;

/// What of a door's records a reader has not told yet. There is no queue: the hub keeps the last records, and a reader that falls further
/// behind than that leaves the rest to the audit log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    last: u64,
    /// Older ones are not told: an automation must not act on what was long ago.
    oldest: Duration,
}

impl News {
    /// From now on.
    pub(crate) fn after(snapshot: &Snapshot, oldest: Duration) -> Self {
        Self { last: snapshot.recent.back().map_or(0, |record| record.id), oldest }
    }

    /// The next one to tell.
    pub(crate) fn next(&self, snapshot: &Snapshot) -> Option<Arc<Record>> {
        let told = |record: &&Arc<Record>| {
            record.id > self.last
                && record.at.elapsed() < self.oldest
                && (record.is_attempt() || record.what.is_alarm() || is_fault(&record.what))
        };
        snapshot.recent.iter().find(told).cloned()
    }

    /// All up to this one are told.
    pub(crate) fn told(&mut self, id: u64) {
        self.last = self.last.max(id);
    }
}

fn is_fault(what: &Audit) -> bool {
    matches!(what, Audit::FaultRaised(_) | Audit::FaultCleared(_))
}

/// An event as JSON. The same event has the same `id` however often it is told. Names of people only if `names`.
pub(crate) fn report(snapshot: &Snapshot, record: &Record, names: bool) -> Value {
    let name = record.person().filter(|_| names).and_then(|id| snapshot.names.get(&id));
    let reason = match record.what {
        Audit::Refused { reason, .. } => Some(reason.name()),
        Audit::FaultRaised(fault) | Audit::FaultCleared(fault) => Some(fault.name()),
        _ => None,
    };
    json!({
        "event_type": record.what.name(),
        "id": format!("{:08x}-{}", snapshot.run, record.id),
        "utc_ms": record.utc_ms,
        "person": record.person(),
        "name": name,
        "reason": reason,
        "text": record.why(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::hub;
    use edge_infer::door::{Door, Event, Fault, Policy};

    #[test]
    fn each_event_is_told_once_and_old_ones_not_at_all() {
        let (mut publisher, hub) = hub(0xab);
        let mut door = Door::new(Policy::default()).unwrap();
        publisher.decision(&door.step(0, Event::CredentialRefused), Some(1));
        publisher.failed();
        let mut news = News::after(&hub.snapshot(), Duration::from_secs(60));
        assert!(news.next(&hub.snapshot()).is_none(), "that was before");
        publisher.decision(&door.step(1, Event::FaultRaised(Fault::Tamper)), Some(2));
        publisher.decision(&door.step(2, Event::CredentialRefused), None);
        publisher.failed();
        let snapshot = hub.snapshot();
        let mut told = Vec::new();
        while let Some(record) = news.next(&snapshot) {
            news.told(record.id);
            told.push(report(&snapshot, &record, false));
        }
        let fault = &told[0];
        assert_eq!(fault["event_type"], "fault-raised");
        assert_eq!(fault["reason"], "tamper");
        assert!(fault["id"].as_str().unwrap().starts_with("000000ab-"), "{fault}");
        assert_eq!(fault["utc_ms"], 2);
        assert!(told.iter().all(|event| event["id"] != told[0]["id"] || event == fault));
        let old = News { last: 0, oldest: Duration::ZERO };
        assert!(old.next(&snapshot).is_none());
    }
}
