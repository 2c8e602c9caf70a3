//! The end of the audit log.

use crate::audit::{self, Record};
use crate::disk::Folder;
use crate::web::app::Shared;
use crate::web::html::{self, Text};
use crate::web::session::Session;
use axum::extract::State;
use axum::response::Html;

/// Records that are shown.
const SHOWN: usize = 100;

pub(super) async fn page(State(app): State<Shared>, session: Session) -> Html<String> {
    let reader = app.clone();
    let read = tokio::task::spawn_blocking(move || -> Result<Vec<Record>, String> {
        let folder = Folder::read_only(&reader.audit).map_err(|error| error.to_string())?;
        audit::tail(&folder, SHOWN).map_err(|error| error.to_string())
    });
    let records = read.await.unwrap_or_else(|error| Err(error.to_string()));
    let snapshot = app.hub.snapshot();
    let row = |record: &Record| {
        let event = &record.event;
        let person = event.person.map(|id| {
            let name = snapshot.names.get(&id.0);
            name.map_or_else(|| format!("person {id}"), |name| Text(name).to_string())
        });
        let kind = format!("{:?}", event.kind);
        let times = if record.times == 1 { String::new() } else { format!(" ×{}", record.times) };
        format!(
            "<tr><td>{}</td><td>{}{times}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            record.seq,
            Text(kind),
            person.unwrap_or_default(),
            Text(event.reason.as_deref().unwrap_or_default()),
            html::time(Some(record.at.utc_ms)),
        )
    };
    let body = match records {
        Err(error) => format!("<p class=\"bad\">The log cannot be read: {}</p>", Text(error)),
        Ok(records) if records.is_empty() => "<p>Nothing has been recorded yet.</p>".to_owned(),
        Ok(records) => format!(
            "<div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Log\"><table><thead><tr><th>Number</th><th>What</th><th>Who</th>\
             <th>Why</th><th>When</th></tr></thead><tbody>{}</tbody></table></div>\
             <p class=\"note\"><code>door audit verify</code> checks the whole log.</p>",
            records.iter().map(row).collect::<String>()
        ),
    };
    Html(html::page(&session, "/audit", "Log", &body))
}
