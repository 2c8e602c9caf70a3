//! `/metrics`, for whoever shows the token.

use crate::metrics;
use crate::web::app::{Refused, Shared};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

pub(super) async fn page(
    State(app): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let none = || Refused(StatusCode::NOT_FOUND, "There is no such page.".to_owned());
    let token = app.metrics_token.as_ref().ok_or_else(none)?;
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // How far hashes agree says nothing of the token.
    if Sha256::digest(given) != Sha256::digest(token) {
        let text = "The token is missing or wrong.".to_owned();
        return Err(Refused(StatusCode::UNAUTHORIZED, text));
    }
    let text = metrics::text(&app.hub.snapshot());
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
