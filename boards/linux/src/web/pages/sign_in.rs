//! Signing in and out.

use crate::audit::{Event, Kind};
use crate::web::app::{COOKIE, Peer, Refused, Shared, token};
use crate::web::html::{self, Text};
use crate::web::password::Role;
use crate::web::session::Session;
use axum::Form;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::time::Instant;

#[derive(Deserialize)]
pub(super) struct Credentials {
    role: String,
    password: String,
}

#[derive(Deserialize)]
pub(super) struct SignOut {
    csrf: String,
}

pub(super) async fn page() -> Html<String> {
    Html(form(None, Role::Admin))
}

fn form(wrong: Option<&str>, role: Role) -> String {
    let wrong = wrong.map(|text| format!("<p class=\"bad\" role=\"alert\">{}</p>", Text(text)));
    let option = |one: Role| {
        let selected = if one == role { " selected" } else { "" };
        format!("<option value=\"{one}\"{selected}>{one}</option>")
    };
    let body = format!(
        "{}<form method=\"post\" action=\"/login\" class=\"card narrow\">\
         <label for=\"role\">Sign in as</label><select id=\"role\" name=\"role\" autocomplete=\"username\">{}</select>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required autofocus>\
         <button>Sign in</button></form>",
        wrong.unwrap_or_default(),
        Role::ALL.map(option).concat()
    );
    html::plain("Sign in", &body)
}

pub(super) async fn submit(
    State(app): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(Credentials { role, password }): Form<Credentials>,
) -> Result<Response, Refused> {
    let role = Role::named(&role)
        .ok_or_else(|| Refused(StatusCode::BAD_REQUEST, "There is no such role.".to_owned()))?;
    let address = app.address(peer, &headers);
    let busy = || {
        Refused(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many people are signing in: try again in a moment.".to_owned(),
        )
    };
    // Before the pause is asked for: whoever waits here must not count as having tried.
    let _turn = app.checking.try_acquire().map_err(|_| busy())?;
    let attempt = app.throttle().attempt(address, Instant::now());
    if let Err(left) = attempt {
        let seconds = left.as_secs() + 1;
        let text = format!(
            "Too many wrong passwords. Wait {seconds} s; until then no password is looked at."
        );
        let wait = [(header::RETRY_AFTER, seconds.to_string())];
        let answer = Html(form(Some(&text), role));
        return Ok((StatusCode::TOO_MANY_REQUESTS, wait, answer).into_response());
    }
    let checker = app.clone();
    let checked = tokio::task::spawn_blocking(move || checker.passwords.verify(role, &password));
    if !checked.await.unwrap_or(false) {
        (app.tell)(Event::new(Kind::SignInFailed).reason(role.name()));
        let answer = Html(form(Some("Wrong password."), role));
        return Ok((StatusCode::UNAUTHORIZED, answer).into_response());
    }
    app.throttle().right(address);
    let token = app.sessions().begin(role, Instant::now());
    let token = token.map_err(|_| {
        Refused(StatusCode::INTERNAL_SERVER_ERROR, "The system gives no random numbers.".to_owned())
    })?;
    (app.tell)(Event::new(Kind::SignedIn).reason(role.name()));
    Ok(with_cookie(&app, &token, app.config.lifetime.total.as_secs()))
}

pub(super) async fn out(
    State(app): State<Shared>,
    session: Session,
    headers: HeaderMap,
    Form(SignOut { csrf }): Form<SignOut>,
) -> Result<Response, Refused> {
    if !session.owns(&csrf) {
        return Err(Refused::form());
    }
    if let Some(token) = token(&headers) {
        app.sessions().end(token);
    }
    Ok(with_cookie(&app, "", 0))
}

fn with_cookie(app: &Shared, value: &str, seconds: u64) -> Response {
    let secure = if app.secure { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut answer = Redirect::to(if value.is_empty() { "/login" } else { "/" }).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}
