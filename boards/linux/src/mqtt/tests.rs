//! What Home Assistant is told, and settings that are refused. A real broker is in `tests/mqtt.rs`.

use super::discovery::messages;
use super::*;

pub(super) fn config(broker: &str) -> MqttConfig {
    MqttConfig {
        broker: broker.to_owned(),
        user: String::new(),
        password: PathBuf::new(),
        ca: PathBuf::from("no/such/file"),
        id: "front".to_owned(),
        discovery: "homeassistant".to_owned(),
        names: false,
    }
}

#[test]
fn entities_say_where_their_state_is_and_the_lock_takes_no_commands() {
    let config = config("mqtt://b");
    let all = messages(&config);
    let topics: Vec<&str> = all.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(
        topics,
        [
            "homeassistant/lock/door-front/lock/config",
            "homeassistant/sensor/door-front/state/config",
            "homeassistant/sensor/door-front/reason/config",
            "homeassistant/binary_sensor/door-front/problem/config",
            "homeassistant/event/door-front/event/config",
        ]
    );
    for (topic, payload) in &all {
        assert_eq!(payload["availability_topic"], "door/front/availability", "{topic}");
        assert_eq!(payload["device"]["identifiers"][0], "door-front");
        assert!(payload["state_topic"].as_str().unwrap().starts_with("door/front/"));
    }
    let lock = &all[0].1;
    assert_eq!(lock["state_topic"], "door/front/lock");
    assert_eq!(lock["optimistic"], false);
    assert_eq!(lock["command_topic"], "door/front/no-commands");
    let events = all[4].1["event_types"].as_array().unwrap();
    assert!(
        events.iter().any(|word| word == "unlocked") && events.iter().any(|word| word == "duress")
    );
}

#[test]
fn no_broker_is_no_error() {
    assert!(Mqtt::new(config("off")).unwrap().is_none());
    assert_eq!(Mqtt::new(config("mqtt://b")).unwrap().unwrap().address.port, 1883);
}

fn refused(config: MqttConfig) -> MqttError {
    Mqtt::new(config).err().unwrap()
}

#[test]
fn rejects_addresses_topics_and_files_that_are_none() {
    assert!(matches!(refused(config("http://b")), MqttError::Address(_)));
    for id in ["", "a/b", "a+", "#", "ä", &"x".repeat(65)] {
        let config = MqttConfig { id: id.to_owned(), ..config("mqtt://b") };
        assert!(matches!(refused(config), MqttError::Topic(_)), "{id}");
    }
    let no_file = MqttConfig { password: "no/such/file".into(), ..config("mqtt://b") };
    assert!(matches!(refused(no_file), MqttError::Password(_)));
    #[cfg(feature = "tls")]
    assert!(matches!(refused(config("mqtts://b")), MqttError::Ca(_)));
    #[cfg(not(feature = "tls"))]
    assert!(matches!(refused(config("mqtts://b")), MqttError::NoTls));
}
