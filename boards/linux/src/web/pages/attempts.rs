//! Who wanted in lately, and why not. Faces only if the settings say that they are kept.

use crate::hub::{Record, Snapshot};
use crate::web::app::{Refused, Shared, jpeg};
use crate::web::html::{self, Text};
use crate::web::session::Session;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use edge_infer::door::Audit;

pub(super) async fn page(State(app): State<Shared>, session: Session) -> Html<String> {
    let snapshot = app.hub.snapshot();
    let rows: String = snapshot
        .recent
        .iter()
        .rev()
        .filter(|record| record.is_attempt() || record.what.is_alarm())
        .map(|record| row(&snapshot, record))
        .collect();
    let list = match rows.as_str() {
        "" => "<p>Nobody has wanted in since the door was started.</p>".to_owned(),
        rows => format!("<ul class=\"list\">{rows}</ul>"),
    };
    let kept = match app.config.keep_faces_minutes {
        0 => "Faces are not kept.".to_owned(),
        minutes => format!("Faces are kept in memory for {minutes} minutes, and never on disk."),
    };
    let body = format!(
        "{list}<p class=\"note\">{kept} Everything older is in the <a href=\"/audit\">log</a>.</p>"
    );
    Html(html::page(&session, "/attempts", "Attempts", &body))
}

fn row(snapshot: &Snapshot, record: &Record) -> String {
    let picture = record.crop.as_ref().map(|crop| {
        format!(
            "<img src=\"/attempts/{}.jpg\" width=\"{}\" height=\"{}\" alt=\"The face\" loading=\"lazy\">",
            record.id, crop.width, crop.height
        )
    });
    let who = record.person().map(|person| match snapshot.names.get(&person) {
        Some(name) => format!("<strong>{}</strong> ", Text(name)),
        None => format!("<strong>person {person}</strong> "),
    });
    format!(
        "<li>{}<div><span class=\"badge {}\">{}</span> {}{}<br><small>{}</small></div></li>",
        picture.unwrap_or_default(),
        record.what.name(),
        words(&record.what),
        who.unwrap_or_default(),
        Text(record.why().unwrap_or_default()),
        html::time(record.utc_ms),
    )
}

fn words(what: &Audit) -> &'static str {
    match what {
        Audit::Unlocked(_) => "Let in",
        Audit::Refused { .. } => "Refused",
        Audit::CredentialRefused => "PIN or card refused",
        Audit::LockedOut { .. } => "Locked out",
        Audit::Held => "Two faces",
        Audit::Duress { .. } => "Duress",
        Audit::Forced => "Door forced",
        Audit::LeftOpen => "Door left open",
        other => other.name(),
    }
}

pub(super) async fn picture(
    State(app): State<Shared>,
    _: Session,
    Path(file): Path<String>,
) -> Result<Response, Refused> {
    let none =
        || Refused(StatusCode::NOT_FOUND, "There is no such picture, or not any more.".to_owned());
    let id: u64 = file.strip_suffix(".jpg").and_then(|id| id.parse().ok()).ok_or_else(none)?;
    let snapshot = app.hub.snapshot();
    let record = snapshot.recent.iter().find(|record| record.id == id).ok_or_else(none)?;
    let bytes = record.crop.as_ref().and_then(|crop| jpeg(crop)).ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response())
}
