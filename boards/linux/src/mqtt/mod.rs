//! The door at an MQTT broker, as Home Assistant finds it.
//!
//! ```text
//! door/ID/availability   online, offline   retained; the last will says offline
//! door/ID/lock           LOCKED, UNLOCKED, JAMMED   retained: without it a lock would begin as unlocked there
//! door/ID/state          {"state", "reason", "fault"}   retained
//! door/ID/problem        ON, OFF   retained
//! door/ID/event          one message an event, QoS 1, not retained
//! homeassistant/..       what these are   retained
//! ```
//!
//! Nothing is subscribed to: a broker, and whoever gets into it, can see the door and not open it. What is told comes from the hub, so a
//! broker that is slow or gone holds nothing up; events of the last minute are told when it is back.

mod discovery;
mod session;

use crate::hub::Hub;
use crate::outside::{Address, AddressError, Backoff, News};
use crate::web::{WebError, secret};
use core::time::Duration;
use serde::Deserialize;
use session::Session;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

/// Events that are older are not told.
const OLDEST: Duration = Duration::from_secs(60);

/// A connection that held for so long was one.
const HELD: Duration = Duration::from_secs(10);

/// Settings of the broker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// `mqtt://host:1883`, `mqtts://host:8883`, or `off`.
    pub broker: String,
    /// The name to sign in with; empty for none.
    pub user: String,
    /// File of its password, its owner's alone; empty for none.
    pub password: PathBuf,
    /// File of the authorities that a broker's certificate may be of, in PEM.
    pub ca: PathBuf,
    /// What tells this door from others, in topics.
    pub id: String,
    /// Under which topic Home Assistant looks.
    pub discovery: String,
    /// Whether events say people's names.
    pub names: bool,
}

/// Settings that no broker can be called with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MqttError {
    /// Where it is.
    #[error("mqtt.broker: {0}")]
    Address(#[from] AddressError),
    /// A topic's name.
    #[error("mqtt.id and mqtt.discovery are `{0}`: they need letters, digits, - and _")]
    Topic(String),
    /// The password.
    #[error("mqtt.password: {0}")]
    Password(#[from] WebError),
    /// The authorities.
    #[error("mqtt.ca: {0}")]
    Ca(io::Error),
    /// Built without it.
    #[error("this `door` was built without TLS: mqtt.broker must begin with mqtt://")]
    NoTls,
}

/// A broker to be told.
pub struct Mqtt {
    pub(crate) config: MqttConfig,
    pub(crate) address: Address,
    pub(crate) password: Option<String>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl Mqtt {
    /// `None` if the settings say that there is no broker.
    ///
    /// # Errors
    /// [`MqttError`].
    pub fn new(config: MqttConfig) -> Result<Option<Self>, MqttError> {
        if config.broker == "off" {
            return Ok(None);
        }
        let address = Address::parse(&config.broker, ("mqtt", 1883), ("mqtts", 8883))?;
        for name in [&config.id, &config.discovery] {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                return Err(MqttError::Topic(name.clone()));
            }
        }
        let password = secret(&config.password)?;
        #[cfg(not(feature = "tls"))]
        if address.secure {
            return Err(MqttError::NoTls);
        }
        #[cfg(feature = "tls")]
        let tls = match address.secure {
            true => Some(crate::outside::trust(&config.ca).map_err(MqttError::Ca)?),
            false => None,
        };
        Ok(Some(Self {
            config,
            address,
            password,
            #[cfg(feature = "tls")]
            tls,
        }))
    }

    /// Tells the broker until it is dropped, and calls it again when it is gone.
    pub async fn run(self, hub: Hub) {
        let mut news = News::after(&hub.snapshot(), OLDEST);
        let mut backoff = Backoff::default();
        loop {
            let start = Instant::now();
            // Why it ended is the broker's or the network's affair; availability says that it did.
            let _ = Session::new(&self).hold(&hub, &mut news).await;
            if start.elapsed() >= HELD {
                backoff.succeeded();
            }
            tokio::time::sleep(backoff.failed()).await;
        }
    }
}

#[cfg(test)]
mod tests;
