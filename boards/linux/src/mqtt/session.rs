//! One connection to the broker, from its greeting to its end.

use super::Mqtt;
use super::discovery::{messages, topic};
use crate::hub::{Hub, Snapshot};
use crate::outside::{News, report};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use edge_infer::door::{Bolt, Fault};
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use serde_json::json;
use std::collections::{HashMap, VecDeque};

/// How often the hub is looked at.
const LOOK_EACH: Duration = Duration::from_millis(200);

/// Messages that wait for the broker; what finds no place is tried again at the next look.
const QUEUE: usize = 64;

/// A loop that has not turned for so long hangs.
const HANGS: Duration = Duration::from_secs(10);

/// See the [module](self).
pub(super) struct Session<'a> {
    mqtt: &'a Mqtt,
    client: AsyncClient,
    events: EventLoop,
}

impl<'a> Session<'a> {
    pub(super) fn new(mqtt: &'a Mqtt) -> Self {
        let (config, address) = (&mqtt.config, &mqtt.address);
        let name = format!("door-{}", config.id);
        let mut options = MqttOptions::new(name, address.host.clone(), address.port);
        let gone = LastWill::new(topic(config, "availability"), "offline", QoS::AtLeastOnce, true);
        options.set_last_will(gone).set_keep_alive(Duration::from_secs(20)).set_clean_session(true);
        if !config.user.is_empty() {
            options.set_credentials(&config.user, mqtt.password.clone().unwrap_or_default());
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mqtt.tls {
            let tls = rumqttc::TlsConfiguration::Rustls(tls.clone());
            options.set_transport(rumqttc::Transport::tls_with_config(tls));
        }
        let (client, events) = AsyncClient::new(options, QUEUE);
        Self { mqtt, client, events }
    }

    /// Connects, and tells what changes until the connection ends.
    pub(super) async fn hold(mut self, hub: &Hub, news: &mut News) -> Result<(), ConnectionError> {
        while !matches!(self.events.poll().await?, Event::Incoming(Packet::ConnAck(_))) {}
        let acknowledged = AtomicU64::new(0);
        let events = &mut self.events;
        let listen = async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::PubAck(_))) => {
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                    Err(error) => return error,
                }
            }
        };
        let mut teller = Teller {
            mqtt: self.mqtt,
            client: &self.client,
            retained: HashMap::new(),
            waiting: VecDeque::new(),
            sent: *news,
            acknowledged: 0,
        };
        let tell = async {
            loop {
                teller.settle(acknowledged.load(Ordering::Relaxed), news);
                teller.look(&hub.snapshot());
                tokio::time::sleep(LOOK_EACH).await;
            }
        };
        tokio::select! {
            error = listen => Err(error),
            () = tell => Ok(()),
        }
    }
}

/// What the broker was told in this connection.
struct Teller<'a> {
    mqtt: &'a Mqtt,
    client: &'a AsyncClient,
    /// By topic, the last retained payload.
    retained: HashMap<String, String>,
    /// Messages without acknowledgement, in their order; of events, which.
    waiting: VecDeque<Option<u64>>,
    /// Events up to the last one that was sent.
    sent: News,
    acknowledged: u64,
}

impl Teller<'_> {
    /// Brokers acknowledge in the order in which they were told (MQTT 3.1.1, 4.6). What was not is told again in the next connection.
    fn settle(&mut self, acknowledged: u64, news: &mut News) {
        while self.acknowledged < acknowledged {
            self.acknowledged += 1;
            if let Some(Some(id)) = self.waiting.pop_front() {
                news.told(id);
            }
        }
    }

    fn look(&mut self, snapshot: &Snapshot) {
        let config = &self.mqtt.config;
        for (topic, payload) in messages(config) {
            self.retain(topic, payload.to_string());
        }
        let hangs = snapshot.at.elapsed() > HANGS;
        let fault = snapshot.fault();
        let lock = match (snapshot.bolt, fault) {
            (_, Some(Fault::Lock)) => "JAMMED",
            (Bolt::Unlocked, _) => "UNLOCKED",
            (Bolt::Locked, _) => "LOCKED",
        };
        let health = &snapshot.health;
        let problem =
            hangs || fault.is_some() || health.store.is_some() || health.audit.is_degraded();
        let state = json!({
            "state": snapshot.state_name(),
            "reason": snapshot.reason.name(),
            "fault": fault.map(Fault::name),
        });
        self.retain(topic(config, "lock"), lock.to_owned());
        self.retain(topic(config, "state"), state.to_string());
        self.retain(topic(config, "problem"), if problem { "ON" } else { "OFF" }.to_owned());
        // Last, so that whoever sees the door appear sees it as it is.
        let there = if hangs { "offline" } else { "online" };
        self.retain(topic(config, "availability"), there.to_owned());
        while let Some(record) = self.sent.next(snapshot) {
            let text = report(snapshot, &record, config.names).to_string();
            if !self.publish(&topic(config, "event"), false, text, Some(record.id)) {
                break;
            }
            self.sent.told(record.id);
        }
    }

    fn retain(&mut self, topic: String, payload: String) {
        if self.retained.get(&topic) != Some(&payload)
            && self.publish(&topic, true, payload.clone(), None)
        {
            self.retained.insert(topic, payload);
        }
    }

    /// Whether there was a place for it.
    fn publish(&mut self, topic: &str, retain: bool, payload: String, event: Option<u64>) -> bool {
        let sent = self.client.try_publish(topic, QoS::AtLeastOnce, retain, payload).is_ok();
        if sent {
            self.waiting.push_back(event);
        }
        sent
    }
}
