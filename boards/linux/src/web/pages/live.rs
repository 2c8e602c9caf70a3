//! What the camera sees now, and why the door is not open.

use crate::hub::{Snapshot, View};
use crate::web::app::Shared;
use crate::web::html::{self, Text};
use crate::web::session::Session;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use core::time::Duration;
use edge_infer::door::State as Door;
use serde_json::json;

/// A loop that has not turned for so long hangs.
const HANGS_MS: u128 = 10_000;

/// How often, and after what time, a picture is looked for.
const PICTURE_LOOKS: u32 = 20;
const PICTURE_LOOK_EACH: Duration = Duration::from_millis(25);

pub(super) async fn page(State(app): State<Shared>, session: Session) -> Html<String> {
    let snapshot = app.hub.look();
    let (width, height) = size(&snapshot);
    let body = format!(
        "<div id=\"live\" class=\"card live\"><figure><div class=\"picture\">\
         <img id=\"picture\" src=\"/live.jpg\" width=\"{width}\" height=\"{height}\" alt=\"What the camera sees\">\
         <svg id=\"boxes\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">{}</svg></div></figure>\
         <p class=\"state\"><span id=\"state\" class=\"badge {}\">{}</span> <span id=\"reason\" aria-live=\"polite\">{}</span></p></div>\
         <noscript><p><a class=\"button\" href=\"/\">Look again</a></p></noscript>",
        boxes(&snapshot),
        snapshot.state_name(),
        state_words(&snapshot),
        Text(snapshot.reason),
    );
    Html(html::page(&session, "/", "Live", &body))
}

pub(super) async fn state(State(app): State<Shared>, _: Session) -> Response {
    let snapshot = app.hub.look();
    let (width, height) = size(&snapshot);
    let view = shown(&snapshot);
    let boxes = view.map(|view| {
        let rounded = |value: f32| value.round() as i32;
        let one = |face: &crate::hub::FaceBox| {
            let place = [face.x, face.y, face.width, face.height].map(rounded);
            json!({"x": place[0], "y": place[1], "width": place[2], "height": place[3], "subject": face.subject})
        };
        view.boxes.iter().map(one).collect::<Vec<_>>()
    });
    let text = json!({
        "state": snapshot.state_name(),
        "words": state_words(&snapshot),
        "reason": snapshot.reason.to_string(),
        "width": width,
        "height": height,
        "boxes": boxes,
        "frame": view.map(|view| view.sequence),
        "hangs": hangs(&snapshot),
    });
    ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response()
}

pub(super) async fn picture(State(app): State<Shared>, _: Session) -> Response {
    // Pictures are made once somebody looks: the first is there with one of the next frames.
    for _ in 0..PICTURE_LOOKS {
        let preview = app.hub.look().preview.clone();
        if let Some(jpeg) = preview.and_then(|(preview, _)| app.jpeg(&preview)) {
            return ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response();
        }
        tokio::time::sleep(PICTURE_LOOK_EACH).await;
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response()
}

pub(super) fn hangs(snapshot: &Snapshot) -> bool {
    snapshot.at.elapsed().as_millis() > HANGS_MS
}

/// What the picture shows that is there to be seen; without one, the last frame.
fn shown(snapshot: &Snapshot) -> Option<&View> {
    let pictured = snapshot.preview.as_ref().map(|(_, view)| view);
    pictured.or(snapshot.view.as_ref()).map(|view| &**view)
}

fn size(snapshot: &Snapshot) -> (usize, usize) {
    shown(snapshot).map_or((640, 480), |view| (view.width, view.height))
}

fn boxes(snapshot: &Snapshot) -> String {
    let boxes = shown(snapshot).into_iter().flat_map(|view| &view.boxes);
    let rect = |face: &crate::hub::FaceBox| {
        let class = if face.subject { "subject" } else { "other" };
        format!(
            "<rect class=\"{class}\" x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\"/>",
            face.x, face.y, face.width, face.height
        )
    };
    boxes.map(rect).collect()
}

pub(super) fn state_words(snapshot: &Snapshot) -> &'static str {
    if hangs(snapshot) {
        return "No answer";
    }
    match snapshot.state {
        Door::Faulted(_) => "Out of order",
        Door::LockedOut { .. } => "Locked out",
        Door::Held { .. } => "Held",
        Door::Granted { .. } => "Open",
        Door::Cooldown { .. } => "Pause",
        Door::Candidate { .. } => "Looking",
        Door::Locked => "Locked",
    }
}
