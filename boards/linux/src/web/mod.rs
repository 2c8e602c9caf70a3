//! The pages: what the camera sees, who is enrolled, who wanted in, how the door is.
//!
//! ```text
//! connection ─ slots ─ TLS ─ guard: sizes, times, headers ─ session ─ page ─┬─ Hub: a snapshot, never waited for by the loop
//!                                                                           └─ Office: people, on a thread that may block
//! ```
//!
//! | idea | file |
//! |---|---|
//! | passwords and roles; pauses after wrong ones; who is signed in | `password`, `throttle`, `session` |
//! | connections and their places | `server`, `slots`, `tls` |
//! | what holds for every request | `guard` |
//! | what may be done with people | `office` |
//! | pages | `pages`, `html`, `style.css`, `app.js` |
//!
//! Everything has an end: connections, time for a head and a body, sizes, sessions, remembered addresses. There is no page that opens
//! the door.

mod app;
mod guard;
mod html;
mod office;
mod pages;
mod password;
mod server;
mod session;
mod slots;
mod throttle;
#[cfg(feature = "tls")]
mod tls;

pub use office::{
    DoorOffice, Listed, Office, OfficeError, Outcome, Photograph, Photographs, Tell, Wish,
};
pub use password::{PasswordError, Passwords, Role};
pub(crate) use server::secret;
pub use server::{Server, WebError};
pub use session::Lifetime;

use core::net::SocketAddr;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// Settings of the pages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// Where; `None` for no pages.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    /// File of the passwords.
    pub passwords: PathBuf,
    /// File of the certificate and those above it, in PEM; empty for none.
    pub certificate: PathBuf,
    /// File of its private key, in PEM.
    pub private_key: PathBuf,
    /// A proxy stands before the pages, which speaks TLS and notes addresses in `X-Forwarded-For`.
    pub proxy: bool,
    /// Passwords may cross the network in the clear.
    pub allow_plain: bool,
    /// How long faces of attempts are kept; 0 for not at all.
    pub keep_faces_minutes: u16,
    /// File of the token that `/metrics` asks for; empty for no such page.
    pub metrics_token: PathBuf,
    /// How long people stay signed in.
    #[serde(skip)]
    pub lifetime: Lifetime,
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "off" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let text = format!("web.listen is `{text}`, it must be an address and port as \"127.0.0.1:8470\", or \"off\"");
        serde::de::Error::custom(text)
    })
}
