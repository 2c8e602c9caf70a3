//! The pages, one file each, and their addresses.

mod attempts;
mod health;
mod live;
mod log;
mod meters;
mod people;
mod rates;
mod sign_in;

use super::app::{Refused, Shared};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};

/// Longest body of a form without files.
const FORM_BYTES: usize = 8 << 10;

/// Longest upload.
pub(super) const UPLOAD_BYTES: usize = 8 << 20;

/// All addresses. None of them opens the door.
pub(super) fn router(app: Shared) -> Router {
    let upload = post(people::enrol).layer(DefaultBodyLimit::max(UPLOAD_BYTES));
    Router::new()
        .route("/people/enrol", upload)
        .route("/", get(live::page))
        .route("/live.json", get(live::state))
        .route("/live.jpg", get(live::picture))
        .route("/people", get(people::page))
        .route("/people/{id}/rename", post(people::rename))
        .route("/people/{id}/remove", post(people::remove))
        .route("/attempts", get(attempts::page))
        .route("/attempts/{file}", get(attempts::picture))
        .route("/rates", get(rates::page))
        .route("/health", get(health::page))
        .route("/audit", get(log::page))
        .route("/login", get(sign_in::page).post(sign_in::submit))
        .route("/logout", post(sign_in::out))
        .route("/metrics", get(meters::page))
        .route("/style.css", get(|| file("text/css", include_str!("../style.css"))))
        .route("/app.js", get(|| file("text/javascript", include_str!("../app.js"))))
        .route("/icon.svg", get(|| file("image/svg+xml", include_str!("../icon.svg"))))
        .fallback(async || Refused(StatusCode::NOT_FOUND, "There is no such page.".to_owned()))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .with_state(app)
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=60")], text)
}
