//! A real broker: what Home Assistant would find there, what stays, and what is said when the door or the broker goes.
//!
//! Needs `mosquitto`, `mosquitto_sub` and `mosquitto_pub` (Debian: mosquitto, mosquitto-clients).
#![allow(clippy::std_instead_of_core, reason = "a program for Linux: std is the normal path")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use door_linux::hub::{Publisher, hub};
use door_linux::mqtt::{Mqtt, MqttConfig};
use door_linux::outside::Outside;
use edge_infer::door::{Door, Event, Fault, Policy, State};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Broker {
    port: u16,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Broker {
    fn new() -> Self {
        let script = "PATH=$PATH:/usr/sbin; for one in mosquitto mosquitto_sub mosquitto_pub; do command -v $one || exit 1; done";
        let found = Command::new("sh").args(["-c", script]).stdout(Stdio::null()).status().unwrap();
        assert!(found.success(), "install mosquitto and mosquitto-clients, or leave this test out");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut broker = Self { port, folder: tempfile::tempdir().unwrap(), process: None };
        broker.start();
        broker
    }

    fn start(&mut self) {
        let file = self.folder.path().join("mosquitto.conf");
        std::fs::write(&file, format!("listener {} 127.0.0.1\nallow_anonymous true\n", self.port))
            .unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "PATH=$PATH:/usr/sbin; exec mosquitto -c \"$0\""]).arg(&file);
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the broker does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Topic and payload of what comes within so many seconds; of what is retained, if `retained`.
    fn hear(&self, topic: &str, seconds: u32, retained: bool) -> Vec<(String, String)> {
        let mut command = Command::new("mosquitto_sub");
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-t",
            topic,
            "-q",
            "1",
            "-F",
            "%t %p",
            "-W",
            &seconds.to_string(),
        ]);
        command.args(if retained { ["--retained-only"].as_slice() } else { &["-R"] });
        let out = command.output().unwrap().stdout;
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(topic, payload)| (topic.to_owned(), payload.to_owned()))
            .collect()
    }

    /// The retained payload of a topic, once it is as it should be.
    fn until(&self, topic: &str, fits: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let heard = self.hear(topic, 1, true);
            if let Some((_, payload)) = heard.iter().find(|(_, payload)| fits(payload)) {
                return payload.clone();
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{topic}: {heard:?}");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A door at the broker, whose loop turns.
struct AtBroker {
    publisher: Publisher,
    door: Door,
    now_ms: u64,
    outside: Option<Outside>,
}

impl AtBroker {
    fn new(broker: &Broker) -> Self {
        let (publisher, hub) = hub(1);
        let config = MqttConfig {
            broker: format!("mqtt://127.0.0.1:{}", broker.port),
            user: String::new(),
            password: "".into(),
            ca: "".into(),
            id: "front".to_owned(),
            discovery: "homeassistant".to_owned(),
            names: false,
        };
        let mqtt = Mqtt::new(config).unwrap().unwrap();
        let outside = Outside::start(vec![Box::pin(mqtt.run(hub))]).unwrap();
        let door = Door::new(Policy::default()).unwrap();
        Self { publisher, door, now_ms: 0, outside: Some(outside) }
    }

    fn tell(&mut self, event: Event) {
        self.now_ms += 10;
        let decision = self.door.step(self.now_ms, event);
        self.publisher.decision(&decision, Some(self.now_ms));
        self.publisher.end_turn(self.door.state());
    }
}

#[test]
#[ignore = "needs mosquitto: cargo test -p door-linux --test mqtt -- --ignored"]
fn what_a_broker_is_told_and_what_it_keeps() {
    let broker = Broker::new();
    let mut door = AtBroker::new(&broker);
    door.tell(Event::Tick);
    broker.until("door/front/availability", |payload| payload == "online");
    let discovery = broker.hear("homeassistant/#", 1, true);
    assert_eq!(discovery.len(), 5);
    for (topic, payload) in &discovery {
        let payload: Value = serde_json::from_str(payload).unwrap();
        assert!(payload["unique_id"].as_str().unwrap().starts_with("door-front-"), "{topic}");
        assert_eq!(payload["availability_topic"], "door/front/availability");
    }
    let kept = broker.hear("door/front/#", 1, true);
    let kept = |name: &str| {
        kept.iter()
            .find(|(topic, _)| topic == &format!("door/front/{name}"))
            .map(|(_, payload)| payload.as_str())
    };
    assert_eq!((kept("lock"), kept("problem")), (Some("LOCKED"), Some("OFF")));
    let state: Value = serde_json::from_str(kept("state").unwrap()).unwrap();
    assert_eq!(state["state"], "locked");
    assert_eq!(kept("event"), None, "an event is over when it is over");

    // Commands, which nobody hears.
    for topic in ["door/front/no-commands", "door/front/lock", "door/front/lock/set"] {
        let port = broker.port.to_string();
        Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-m", "UNLOCK"])
            .status()
            .unwrap();
    }
    let heard = std::thread::scope(|scope| {
        let listener = scope.spawn(|| broker.hear("door/front/#", 3, false));
        std::thread::sleep(Duration::from_millis(700));
        door.tell(Event::CredentialRefused);
        door.tell(Event::FaultRaised(Fault::Lock));
        listener.join().unwrap()
    });
    let events: Vec<Value> = heard
        .iter()
        .filter(|(topic, _)| topic == "door/front/event")
        .map(|(_, payload)| serde_json::from_str(payload).unwrap())
        .collect();
    let words: Vec<&str> =
        events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert!(
        words.starts_with(&["credential-refused"]) && words.contains(&"fault-raised"),
        "{words:?}"
    );
    assert!(events.iter().all(|event| event["name"].is_null()));
    assert_eq!(broker.until("door/front/lock", |payload| payload == "JAMMED"), "JAMMED");
    assert_eq!(broker.until("door/front/problem", |payload| payload == "ON"), "ON");
    assert!(!matches!(door.door.state(), State::Granted { .. }));

    // The socket ends without a word, as with a killed process.
    drop(door.outside.take());
    assert_eq!(broker.until("door/front/availability", |payload| payload == "offline"), "offline");
}

#[test]
#[ignore = "needs mosquitto: cargo test -p door-linux --test mqtt -- --ignored"]
fn a_broker_that_was_gone_is_told_again() {
    let mut broker = Broker::new();
    let mut door = AtBroker::new(&broker);
    door.tell(Event::Tick);
    broker.until("door/front/availability", |payload| payload == "online");
    broker.stop();
    door.tell(Event::FaultRaised(Fault::Tamper));
    std::thread::sleep(Duration::from_millis(1_500));
    // It has kept nothing: all comes anew.
    broker.start();
    let heard = broker.hear("door/front/event", 8, false);
    assert!(heard.iter().any(|(_, payload)| payload.contains("\"tamper\"")), "{heard:?}");
    door.tell(Event::Tick);
    broker.until("door/front/availability", |payload| payload == "online");
    let state = broker.until("door/front/state", |payload| payload.contains("faulted"));
    assert!(state.contains("\"fault\":\"tamper\""), "{state}");
    assert_eq!(broker.hear("homeassistant/#", 1, true).len(), 5);
}
