//! What holds for every request before any page sees it, and for every answer.

use super::app::{Refused, Shared};
use super::pages::UPLOAD_BYTES;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use core::time::Duration;

/// Longest time for a request with its body.
const TIME: Duration = Duration::from_secs(15);

/// The same for pictures over a slow network, and the camera's.
const UPLOAD_TIME: Duration = Duration::from_secs(60);

/// An upload's fields and boundaries beside its files.
const SLACK: u64 = 16 << 10;

const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: forms would then come with the origin `null`.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    (header::CACHE_CONTROL, "no-store"),
];

pub(super) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let secure = app.secure;
    let mut answer = match check(&app, &request) {
        Err(refused) => {
            let mut answer = refused.into_response();
            // What is not read of a body would be taken for the next request.
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            answer
        }
        Ok(()) => {
            let time = if request.uri().path() == "/people/enrol" { UPLOAD_TIME } else { TIME };
            tokio::time::timeout(time, next.run(request)).await.unwrap_or_else(|_| {
                let text = "It took too long.".to_owned();
                Refused(StatusCode::REQUEST_TIMEOUT, text).into_response()
            })
        }
    };
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if secure {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    answer
}

fn check(app: &Shared, request: &Request) -> Result<(), Refused> {
    let headers = request.headers();
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > UPLOAD_BYTES as u64 + SLACK) {
        let text = format!("At most {} MB can be uploaded at once.", UPLOAD_BYTES >> 20);
        return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        Method::POST if is_own(headers, app.config.proxy) => Ok(()),
        Method::POST => Err(Refused::form()),
        _ => Err(Refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "Pages are read, and forms are sent.".to_owned(),
        )),
    }
}

/// Whether no other site's page made this request, as far as the browser says. Forms bring the session's token besides.
fn is_own(headers: &HeaderMap, proxy: bool) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        // A proxy may have put another host in.
        (Some(origin), Some(host)) if !proxy => {
            origin.split_once("://").is_some_and(|(_, of)| of == host)
        }
        (Some(_), None) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_not_ours() {
        let with = |pairs: &[(&'static str, &'static str)], proxy| {
            let pairs = pairs.iter().map(|&(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            is_own(&pairs.collect(), proxy)
        };
        let host = ("host", "door.lan:8470");
        assert!(with(&[host], false), "no browser");
        assert!(with(&[host, ("origin", "http://door.lan:8470")], false));
        for origin in
            ["http://evil.example", "null", "http://door.lan", "http://door.lan:8470.evil.example"]
        {
            assert!(!with(&[host, ("origin", origin)], false), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            let header: &'static str = site;
            let list = [host, ("origin", "http://door.lan:8470"), ("sec-fetch-site", header)];
            assert!(!with(&list, true), "{site}");
        }
        assert!(with(&[host, ("sec-fetch-site", "same-origin")], false));
        assert!(
            with(&[("host", "inside:80"), ("origin", "https://door.example")], true),
            "a proxy"
        );
    }
}
