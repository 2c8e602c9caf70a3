//! How the door is.

use super::live::{hangs, state_words};
use crate::web::app::Shared;
use crate::web::html::{self, Text};
use crate::web::session::Session;
use axum::extract::State;
use axum::response::Html;

pub(super) async fn page(State(app): State<Shared>, session: Session) -> Html<String> {
    let snapshot = app.hub.snapshot();
    let health = &snapshot.health;
    let mut rows = String::new();
    let mut row = |name: &str, bad: bool, text: String| {
        let class = if bad { "bad" } else { "good" };
        let mark = if bad { "✗" } else { "✓" };
        rows += &format!(
            "<dt>{name}</dt><dd class=\"{class}\"><span aria-hidden=\"true\">{mark}</span> {}</dd>",
            Text(text)
        );
    };
    row(
        "Door",
        hangs(&snapshot) || snapshot.fault().is_some(),
        match snapshot.fault() {
            Some(fault) => format!("{}: {fault}", state_words(&snapshot)),
            None => state_words(&snapshot).to_owned(),
        },
    );
    row(
        "Loop",
        hangs(&snapshot),
        format!("last turn {} ms ago", snapshot.at.elapsed().as_millis()),
    );
    let camera = if health.camera.is_empty() { "none" } else { &health.camera };
    row("Camera", health.camera.is_empty(), format!("{camera}; {} frames", snapshot.frames));
    row("Failed turns", snapshot.failures > 0, snapshot.failures.to_string());
    row(
        "Calibration",
        snapshot.calibration.is_none(),
        match snapshot.calibration {
            Some(calibration) => format!("cosine {:.4} or more", calibration.cosine()),
            None => "none: nobody gets in".to_owned(),
        },
    );
    row(
        "People",
        health.store.is_some(),
        match &health.store {
            Some(problem) => problem.clone(),
            None => format!("{} people, {} templates", snapshot.names.len(), snapshot.templates),
        },
    );
    row(
        "Log",
        health.audit.is_degraded(),
        match &health.audit.error {
            Some(error) => format!("{} events are lost: {error}", health.audit.lost),
            None => "written".to_owned(),
        },
    );
    let latency = &snapshot.latency;
    let mean = latency.sum.checked_div(u32::try_from(snapshot.frames).unwrap_or(u32::MAX));
    row(
        "A frame takes",
        false,
        format!(
            "{:.1} ms, {:.1} ms in the mean",
            latency.last.as_secs_f64() * 1e3,
            mean.unwrap_or_default().as_secs_f64() * 1e3
        ),
    );
    let count = |(word, count): (&str, u64)| {
        format!("<tr><th scope=\"row\">{word}</th><td>{count}</td></tr>")
    };
    let events: String = snapshot.events.iter().map(count).collect();
    let refusals: String = snapshot.refusals.iter().map(count).collect();
    let table = |title: &str, rows: &str| match rows {
        "" => String::new(),
        rows => {
            format!("<div class=\"card\"><table><caption>{title}</caption>{rows}</table></div>")
        }
    };
    let body = format!(
        "<dl class=\"card\">{rows}</dl>{}{}",
        table("Since the start", &events),
        table("Refused because of", &refusals)
    );
    Html(html::page(&session, "/health", "Health", &body))
}
