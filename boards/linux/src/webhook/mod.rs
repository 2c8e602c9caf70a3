//! Events to a web server, each with a signature.
//!
//! ```text
//! POST PATH
//! X-Door-Timestamp: seconds of Unix time
//! X-Door-Signature: sha256=hex(HMAC-SHA256(secret, timestamp "." body))
//!
//! {"event_type", "id", "utc_ms", "person", "name", "reason", "text"}
//! ```
//!
//! Events go one after the other, in their order. One that the server does not take (no answer of 200 to 299) is tried again with
//! growing pauses for an hour, so it may come twice, with the same `id`. What waits is the hub's to keep: an outage costs no memory.

use crate::clock::utc_ms;
use crate::hex;
use crate::hub::Hub;
use crate::outside::{Address, AddressError, Backoff, News, report};
use crate::web::{WebError, secret};
use core::time::Duration;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use sha2::Sha256;
use std::io;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How often the hub is looked at.
const LOOK_EACH: Duration = Duration::from_millis(250);
/// Longest time for one delivery.
const TIME: Duration = Duration::from_secs(10);
/// Events that are older are not told.
const OLDEST: Duration = Duration::from_secs(60 * 60);

/// Settings of the webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// `http://..`, `https://..`, or `off`.
    pub url: String,
    /// File of the secret that signatures are made with, its owner's alone.
    pub secret: PathBuf,
    /// File of the authorities that a server's certificate may be of, in PEM.
    pub ca: PathBuf,
    /// Whether events say people's names.
    pub names: bool,
}

/// Settings that nothing can be sent with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Where it is.
    #[error("webhook.url: {0}")]
    Address(#[from] AddressError),
    /// The secret can't be read.
    #[error("webhook.secret: {0}")]
    Secret(#[from] WebError),
    /// Nobody could tell the door's events from others.
    #[error(
        "webhook.secret is empty: name the file of a secret, so that events can be told from made-up ones"
    )]
    NoSecret,
    /// The authorities.
    #[error("webhook.ca: {0}")]
    Ca(io::Error),
    /// Built without it.
    #[error("this `door` was built without TLS: webhook.url must begin with http://")]
    NoTls,
}

/// A server to be told.
pub struct Webhook {
    address: Address,
    secret: String,
    names: bool,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsConnector>,
}

impl Webhook {
    /// `None` if the settings say that there is none.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn new(config: &WebhookConfig) -> Result<Option<Self>, WebhookError> {
        if config.url == "off" {
            return Ok(None);
        }
        let address = Address::parse(&config.url, ("http", 80), ("https", 443))?;
        let secret = secret(&config.secret)?.ok_or(WebhookError::NoSecret)?;
        #[cfg(not(feature = "tls"))]
        if address.secure {
            return Err(WebhookError::NoTls);
        }
        #[cfg(feature = "tls")]
        let tls = match address.secure {
            true => Some(crate::outside::trust(&config.ca).map_err(WebhookError::Ca)?.into()),
            false => None,
        };
        let names = config.names;
        Ok(Some(Self {
            address,
            secret,
            names,
            #[cfg(feature = "tls")]
            tls,
        }))
    }

    /// Sends events until it is dropped.
    pub async fn run(self, hub: Hub) {
        let mut news = News::after(&hub.snapshot(), OLDEST);
        let mut backoff = Backoff::default();
        loop {
            let snapshot = hub.snapshot();
            let Some(record) = news.next(&snapshot) else {
                tokio::time::sleep(LOOK_EACH).await;
                continue;
            };
            let body = report(&snapshot, &record, self.names).to_string();
            let delivery = tokio::time::timeout(TIME, self.deliver(body)).await;
            if matches!(delivery, Ok(Ok(true))) {
                news.told(record.id);
                backoff.succeeded();
            } else {
                tokio::time::sleep(backoff.failed()).await;
            }
        }
    }

    /// Whether the server took it.
    async fn deliver(&self, body: String) -> io::Result<bool> {
        let stream = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            use tokio_rustls::rustls::pki_types::ServerName;
            let name = ServerName::try_from(self.address.host.clone()).map_err(io::Error::other)?;
            return self.post(tls.connect(name, stream).await?, body).await;
        }
        self.post(stream, body).await
    }

    async fn post(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        body: String,
    ) -> io::Result<bool> {
        let seconds = (utc_ms() / 1_000).to_string();
        let signature = format!("sha256={}", sign(&self.secret, &seconds, &body));
        let Address { host, port, path, .. } = &self.address;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let request = Request::post(path)
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-door-timestamp", seconds)
            .header("x-door-signature", signature)
            .body(Full::new(Bytes::from(body)))
            .map_err(io::Error::other)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(io::Error::other)?;
            // Its body is not read: the status says it all.
            Ok(answer.status().is_success())
        };
        let mut answer = core::pin::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // A server that answers and closes at once.
            _ = connection => answer.await,
        }
    }
}

/// HMAC-SHA256 of the time and the body, as hex.
fn sign(secret: &str, seconds: &str, body: &str) -> String {
    // Of any length: RFC 2104.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    for part in [seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    hex::encode(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests;
