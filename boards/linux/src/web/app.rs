//! What all requests share, and who makes one.

use super::WebConfig;
use super::html;
use super::office::{Office, Tell};
use super::password::{Passwords, Role};
use super::session::{Session, Sessions};
use super::throttle::Throttle;
use crate::hub::{Hub, Preview};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use core::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;

/// The session's cookie.
pub(super) const COOKIE: &str = "door";

/// See the [module](self).
pub(super) struct App {
    pub(super) config: WebConfig,
    pub(super) hub: Hub,
    pub(super) office: Arc<dyn Office>,
    pub(super) tell: Tell,
    pub(super) passwords: Passwords,
    /// The audit log's folder.
    pub(super) audit: PathBuf,
    /// Whether browsers come by TLS, here or at a proxy.
    pub(super) secure: bool,
    /// The token that meters show for `/metrics`; without one there is no such page.
    pub(super) metrics_token: Option<String>,
    /// One password is checked at a time: each takes memory and time.
    pub(super) checking: Semaphore,
    /// One person is enrolled at a time.
    pub(super) enrolling: Semaphore,
    sessions: Mutex<Sessions>,
    throttle: Mutex<Throttle>,
    jpeg: Mutex<Option<(Arc<Preview>, axum::body::Bytes)>>,
}

pub(super) type Shared = Arc<App>;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// What an [`App`] begins with.
pub(super) struct Start {
    pub(super) config: WebConfig,
    pub(super) hub: Hub,
    pub(super) office: Arc<dyn Office>,
    pub(super) tell: Tell,
    pub(super) passwords: Passwords,
    pub(super) audit: PathBuf,
    pub(super) secure: bool,
    pub(super) metrics_token: Option<String>,
}

impl App {
    pub(super) fn new(parts: Start) -> Self {
        let Start { config, hub, office, tell, passwords, audit, secure, metrics_token } = parts;
        Self {
            sessions: Mutex::new(Sessions::new(config.lifetime)),
            config,
            hub,
            office,
            tell,
            passwords,
            audit,
            secure,
            metrics_token,
            checking: Semaphore::new(1),
            enrolling: Semaphore::new(1),
            throttle: Mutex::default(),
            jpeg: Mutex::default(),
        }
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A preview as JPEG, made once for all who look at it.
    pub(super) fn jpeg(&self, preview: &Arc<Preview>) -> Option<axum::body::Bytes> {
        let mut kept = self.jpeg.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, jpeg)) = &*kept
            && Arc::ptr_eq(of, preview)
        {
            return Some(jpeg.clone());
        }
        let made = jpeg(preview)?;
        *kept = Some((preview.clone(), made.clone()));
        Some(made)
    }

    /// Whose guesses a request's are. Behind a proxy, the last address that it noted; whatever stands before that, the client wrote.
    pub(super) fn address(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        let noted = headers.get_all("x-forwarded-for").iter().next_back();
        let noted =
            noted.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        match noted {
            Some(noted) if self.config.proxy => noted,
            _ => peer.0.ip(),
        }
    }
}

pub(super) fn jpeg(preview: &Preview) -> Option<axum::body::Bytes> {
    let (width, height) = (u32::try_from(preview.width).ok()?, u32::try_from(preview.height).ok()?);
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 75)
        .encode(&preview.rgb, width, height, image::ExtendedColorType::Rgb8)
        .ok()?;
    Some(bytes.into())
}

/// The session's token in the request's cookies.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Only for whoever is signed in; all others are sent to the sign-in page.
impl FromRequestParts<Shared> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Response> {
        let found =
            token(&parts.headers).and_then(|token| app.sessions().find(token, Instant::now()));
        found.ok_or_else(|| {
            // A page that polls is told so; a page that is opened goes to the sign-in.
            if parts.uri.path().contains('.') {
                StatusCode::UNAUTHORIZED.into_response()
            } else {
                Redirect::to("/login").into_response()
            }
        })
    }
}

/// Something that is not done, and why.
#[derive(Debug)]
pub(super) struct Refused(pub(super) StatusCode, pub(super) String);

impl Refused {
    pub(super) fn form() -> Self {
        Self(
            StatusCode::FORBIDDEN,
            "This form is not of your session: go back, load the page again and try once more."
                .to_owned(),
        )
    }

    /// Only an administrator may.
    pub(super) fn unless_admin(session: &Session) -> Result<(), Self> {
        match session.role {
            Role::Admin => Ok(()),
            Role::Operator => {
                Err(Self(StatusCode::FORBIDDEN, "Only an administrator may do this.".to_owned()))
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, why) = self;
        let title = status.canonical_reason().unwrap_or("Not done");
        let body = format!(
            "<p class=\"bad\" role=\"alert\">{}</p><p><a class=\"button\" href=\"/\">Back</a></p>",
            html::Text(why)
        );
        (status, Html(html::plain(title, &body))).into_response()
    }
}
