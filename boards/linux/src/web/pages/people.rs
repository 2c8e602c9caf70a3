//! Who is enrolled: new people from the camera or from files, other names, removal.

use super::UPLOAD_BYTES;
use crate::enrol::Who;
use crate::store::{PersonId, Profile};
use crate::web::app::{Refused, Shared};
use crate::web::html::{self, Text, csrf};
use crate::web::office::{Listed, OfficeError, Outcome, Photograph, Photographs, Wish};
use crate::web::password::Role;
use crate::web::session::Session;
use axum::Form;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use core::time::Duration;
use serde::Deserialize;

/// Frames of the camera that an enrolment looks at, and the time between two, in which the head turns a little.
const FRAMES: usize = 6;
const FRAME_EACH: Duration = Duration::from_millis(500);
const FRAME_WAIT: Duration = Duration::from_secs(2);

/// Most files of one upload.
const FILES: usize = 12;

pub(super) async fn page(
    State(app): State<Shared>,
    session: Session,
) -> Result<Html<String>, Refused> {
    let office = app.office.clone();
    let people = blocking(move || Ok(office.people())).await?;
    let options: String = people
        .iter()
        .map(|person| format!("<option value=\"{}\">{}</option>", person.id, Text(&person.name)))
        .collect();
    let list: String = people.iter().map(|person| row(&session, person)).collect();
    let list = match list.as_str() {
        "" => "<p>Nobody is enrolled: the door opens for nobody.</p>".to_owned(),
        list => format!("<ul class=\"list\">{list}</ul>"),
    };
    let fields = |form: &str| {
        format!(
            "{csrf}<label for=\"{form}-name\">Name</label>\
             <input id=\"{form}-name\" name=\"name\" maxlength=\"60\" autocomplete=\"off\">\
             <label for=\"{form}-person\">Or more pictures of</label>\
             <select id=\"{form}-person\" name=\"person\"><option value=\"\">nobody yet</option>{options}</select>\
             <label class=\"check\"><input type=\"checkbox\" name=\"alike\" value=\"yes\"> also if somebody enrolled looks the same</label>",
            csrf = csrf(&session)
        )
    };
    let body = format!(
        "{list}<h2>Enrol</h2><div class=\"columns\">\
         <form class=\"card\" method=\"post\" action=\"/people/enrol\" enctype=\"multipart/form-data\"><h3>From the camera</h3>\
         <p>Stand before the door, alone, and turn the head a little to each side. It takes {} seconds.</p>{}\
         <input type=\"hidden\" name=\"from\" value=\"camera\"><button>Take pictures</button></form>\
         <form class=\"card\" method=\"post\" action=\"/people/enrol\" enctype=\"multipart/form-data\"><h3>From files</h3>\
         <p>JPEG or PNG, each with one person alone, in different light and poses; 8 MB together.</p>{}\
         <input type=\"hidden\" name=\"from\" value=\"files\"><label for=\"files\">Pictures</label>\
         <input id=\"files\" type=\"file\" name=\"picture\" accept=\"image/jpeg,image/png\" multiple required>\
         <button>Upload</button></form></div>\
         <p class=\"note\">Pictures are looked at and forgotten. What is kept are templates, encrypted.</p>",
        (FRAME_EACH * FRAMES as u32).as_secs(),
        fields("camera"),
        fields("files"),
    );
    Ok(Html(html::page(&session, "/people", "People", &body)))
}

fn row(session: &Session, person: &Listed) -> String {
    let Listed { id, name, usable, dormant } = person;
    let again = match (usable, dormant) {
        (0, _) => " <span class=\"badge held\">must be enrolled again</span>",
        _ => "",
    };
    let csrf = csrf(session);
    let name = Text(name);
    let remove = match session.role {
        Role::Operator => String::new(),
        Role::Admin => format!(
            "<form method=\"post\" action=\"/people/{id}/remove\">{csrf}\
             <label class=\"check\"><input type=\"checkbox\" name=\"really\" value=\"yes\" required> yes, {name} may not enter any more</label>\
             <button class=\"danger\">Remove</button></form>"
        ),
    };
    format!(
        "<li><details><summary><strong>{name}</strong>{again} <small>{usable} templates</small></summary>\
         <form method=\"post\" action=\"/people/{id}/rename\">{csrf}<label for=\"name-{id}\">New name</label>\
         <input id=\"name-{id}\" name=\"name\" value=\"{name}\" maxlength=\"60\" required autocomplete=\"off\">\
         <button>Rename</button></form>{remove}</details></li>"
    )
}

#[derive(Deserialize)]
pub(super) struct Rename {
    csrf: String,
    name: String,
}

pub(super) async fn rename(
    State(app): State<Shared>,
    session: Session,
    Path(id): Path<u32>,
    Form(form): Form<Rename>,
) -> Result<Redirect, Refused> {
    if !session.owns(&form.csrf) {
        return Err(Refused::form());
    }
    let office = app.office.clone();
    blocking(move || office.rename(id, form.name.trim())).await?;
    Ok(Redirect::to("/people"))
}

#[derive(Deserialize)]
pub(super) struct Remove {
    csrf: String,
    really: Option<String>,
}

pub(super) async fn remove(
    State(app): State<Shared>,
    session: Session,
    Path(id): Path<u32>,
    Form(form): Form<Remove>,
) -> Result<Redirect, Refused> {
    if !session.owns(&form.csrf) {
        return Err(Refused::form());
    }
    Refused::unless_admin(&session)?;
    if form.really.is_none() {
        let text = "Tick the box to remove somebody.".to_owned();
        return Err(Refused(StatusCode::BAD_REQUEST, text));
    }
    let office = app.office.clone();
    blocking(move || office.remove(id)).await?;
    Ok(Redirect::to("/people"))
}

/// A form's fields before its files.
#[derive(Default)]
struct EnrolForm {
    name: String,
    person: Option<u32>,
    alike: bool,
    camera: bool,
    photographs: Photographs,
}

pub(super) async fn enrol(
    State(app): State<Shared>,
    session: Session,
    multipart: Multipart,
) -> Result<Response, Refused> {
    let busy = || {
        Refused(
            StatusCode::CONFLICT,
            "Somebody else is being enrolled: try again in a moment.".to_owned(),
        )
    };
    // Before the files are read, which take memory.
    let _turn = app.enrolling.try_acquire().map_err(|_| busy())?;
    let mut form = read(&session, multipart).await?;
    if form.camera {
        form.photographs = frames(&app).await;
        if form.photographs.is_empty() {
            let text = "The camera gave no picture: look at Health.".to_owned();
            return Err(Refused(StatusCode::SERVICE_UNAVAILABLE, text));
        }
    }
    let who = match form.person {
        Some(id) => Who::Enrolled(PersonId(id)),
        None => Who::New(Profile { name: form.name.trim().to_owned(), ..Profile::default() }),
    };
    let wish = Wish { who, even_if_alike: form.alike };
    let office = app.office.clone();
    let outcome = blocking(move || office.enrol(&wish, form.photographs)).await;
    app.hub.forget_still();
    let outcome = outcome?;
    let status =
        if outcome.id.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, Html(result(&session, &outcome))).into_response())
}

async fn read(session: &Session, mut multipart: Multipart) -> Result<EnrolForm, Refused> {
    let mut form = EnrolForm::default();
    let mut owned = false;
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let field_name = field.name().unwrap_or_default().to_owned();
        if field_name == "picture" {
            if !owned {
                // The token stands first in our forms.
                return Err(Refused::form());
            }
            let file: String = field.file_name().unwrap_or("picture").chars().take(80).collect();
            let bytes = field.bytes().await.map_err(broken)?.to_vec();
            if form.photographs.len() == FILES {
                let text = format!("At most {FILES} pictures at once are looked at.");
                return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            form.photographs.push((file, Photograph::File(bytes)));
            continue;
        }
        let value = field.text().await.map_err(broken)?;
        match field_name.as_str() {
            "csrf" => owned = session.owns(&value),
            "name" => form.name = value,
            "person" => form.person = value.parse().ok(),
            "alike" => form.alike = value == "yes",
            "from" => form.camera = value == "camera",
            _ => {}
        }
    }
    if owned { Ok(form) } else { Err(Refused::form()) }
}

fn broken(error: MultipartError) -> Refused {
    let status = error.status();
    let text = if status == StatusCode::PAYLOAD_TOO_LARGE {
        format!("The pictures are larger than {} MB together.", UPLOAD_BYTES >> 20)
    } else {
        "The upload broke off or is none.".to_owned()
    };
    Refused(status, text)
}

async fn frames(app: &Shared) -> Photographs {
    let mut photographs = Photographs::new();
    for number in 1..=FRAMES {
        let hub = app.hub.clone();
        let still = tokio::task::spawn_blocking(move || hub.still(FRAME_WAIT));
        // No camera at the first is no camera at the sixth.
        let Ok(Some(picture)) = still.await else { break };
        photographs.push((format!("picture {number}"), Photograph::Frame(picture)));
        tokio::time::sleep(FRAME_EACH).await;
    }
    photographs
}

fn result(session: &Session, outcome: &Outcome) -> String {
    let mut body = match (outcome.id, &outcome.alike) {
        (Some(id), _) => format!("<p class=\"good\" role=\"status\">Enrolled as person {id}.</p>"),
        (None, Some((id, name, cosine))) => format!(
            "<p class=\"bad\" role=\"alert\">Nobody was enrolled: this looks like <strong>{}</strong>, person {id} (cosine {cosine:.2}), who is enrolled already. \
             Add the pictures to them, or tick “also if somebody enrolled looks the same” for twins.</p>",
            Text(name)
        ),
        (None, None) => {
            "<p class=\"bad\" role=\"alert\">Nobody was enrolled: no picture is good for it.</p>"
                .to_owned()
        }
    };
    let good =
        outcome.good.iter().map(|name| format!("<li class=\"good\">{}: good</li>", Text(name)));
    let refused = outcome.refused.iter();
    let refused =
        refused.map(|(name, why)| format!("<li class=\"bad\">{}: {}</li>", Text(name), Text(why)));
    body += &format!("<ul class=\"card\">{}</ul>", good.chain(refused).collect::<String>());
    if let Some(advice) = outcome.advice {
        body += &format!("<p class=\"note\">{}</p>", Text(advice));
    }
    body += "<p><a class=\"button\" href=\"/people\">Back to people</a></p>";
    html::page(session, "/people", "Enrolment", &body)
}

/// Runs what waits for the disk or the networks where no other request waits behind it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OfficeError> + Send + 'static,
) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error @ OfficeError::NoPerson(_))) => {
            Err(Refused(StatusCode::NOT_FOUND, error.to_string()))
        }
        Ok(Err(error)) => Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())),
        Err(error) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}
