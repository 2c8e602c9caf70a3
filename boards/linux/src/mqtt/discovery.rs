//! What Home Assistant is told of the door's entities.

use super::MqttConfig;
use edge_infer::door::{Audit, Cause, Fault, Reason};
use serde_json::{Value, json};

/// The topic of one of the door's values.
pub(super) fn topic(config: &MqttConfig, value: &str) -> String {
    format!("door/{}/{value}", config.id)
}

/// Topics and payloads, all to be retained.
pub(super) fn messages(config: &MqttConfig) -> Vec<(String, Value)> {
    let id = &config.id;
    let of = |value| topic(config, value);
    let device = json!({
        "identifiers": [format!("door-{id}")],
        "name": format!("Door {id}"),
        "manufacturer": "door-linux",
        "sw_version": env!("CARGO_PKG_VERSION"),
    });
    let entity = |kind: &str, name: &str, rest: Value| {
        let mut all = json!({
            "unique_id": format!("door-{id}-{name}"),
            "object_id": format!("door_{id}_{name}"),
            "availability_topic": of("availability"),
            "device": device,
        });
        if let (Some(all), Value::Object(rest)) = (all.as_object_mut(), rest) {
            all.extend(rest);
        }
        (format!("{}/{kind}/door-{id}/{name}/config", config.discovery), all)
    };
    vec![
        entity(
            "lock",
            "lock",
            json!({
                "name": "Lock",
                "state_topic": of("lock"),
                // The form demands one. The door does not listen there, nor anywhere.
                "command_topic": of("no-commands"),
                "optimistic": false,
                "json_attributes_topic": of("state"),
            }),
        ),
        entity(
            "sensor",
            "state",
            json!({
                "name": "State",
                "state_topic": of("state"),
                "value_template": "{{ value_json.state }}",
                "icon": "mdi:door",
            }),
        ),
        entity(
            "sensor",
            "reason",
            json!({
                "name": "Reason",
                "state_topic": of("state"),
                "value_template": "{{ value_json.reason }}",
                "icon": "mdi:help-circle-outline",
            }),
        ),
        entity(
            "binary_sensor",
            "problem",
            json!({
                "name": "Problem",
                "state_topic": of("problem"),
                "device_class": "problem",
                "entity_category": "diagnostic",
            }),
        ),
        entity(
            "event",
            "event",
            json!({
                "name": "Event",
                "state_topic": of("event"),
                "event_types": event_types(),
                "icon": "mdi:face-recognition",
            }),
        ),
    ]
}

/// Words of all events that are told.
fn event_types() -> Vec<&'static str> {
    let fault = Fault::Other;
    let all = [
        Audit::Unlocked(Cause::Exit),
        Audit::Refused { reason: Reason::Idle, person: None },
        Audit::CredentialRefused,
        Audit::Duress { person: 0 },
        Audit::LockedOut { refusals: 0, pause_ms: 0 },
        Audit::Held,
        Audit::FaultRaised(fault),
        Audit::FaultCleared(fault),
        Audit::Forced,
        Audit::LeftOpen,
    ];
    all.iter().map(Audit::name).collect()
}
