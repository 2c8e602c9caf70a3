//! What the thresholds mean: rates of mistakes, not likenesses.

use crate::web::app::Shared;
use crate::web::html;
use crate::web::session::Session;
use axum::extract::State;
use axum::response::Html;

pub(super) async fn page(State(app): State<Shared>, session: Session) -> Html<String> {
    let snapshot = app.hub.snapshot();
    let templates = snapshot.templates;
    let body = match snapshot.calibration {
        Some(calibration) => {
            let target = calibration.target_fpir();
            let fmr = f64::from(calibration.fmr());
            format!(
                "<div class=\"card\"><p class=\"big\">At most <strong>1 in {:.0}</strong> pictures of a stranger may look like somebody enrolled.</p>\
                 <p>This rate is what you set: <code>target_fpir = {target}</code> (false positive identification rate). One picture opens nothing: \
                 several good ones in a row are needed, of a face that is alive.</p></div>\
                 <h2>What follows from it</h2><dl class=\"card\">\
                 <dt>Templates searched</dt><dd>{templates}, a person's pictures being one by fours (the rate holds up to {})</dd>\
                 <dt>One comparison may be wrong</dt><dd>1 in {:.0} times at most: each stranger is compared with all templates</dd>\
                 <dt>So the cosine must be</dt><dd>{:.4} or more, as measured for this network</dd></dl>\
                 <p class=\"note\">More people, or a lower rate, ask for a higher cosine: strangers get in less often, and people who are enrolled must try again \
                 more often. There is no likeness to set, because nobody can know what one means. The bound is that of the network's own test faces; twins and close \
                 relatives are beyond it.</p>",
                1.0 / f64::from(target),
                calibration.templates(),
                1.0 / fmr,
                calibration.cosine(),
            )
        }
        None => "<p class=\"bad\">The door is not calibrated, so nobody gets in: nobody is enrolled, or the network's table has no rate that is low enough for so \
                 many templates.</p>".to_owned(),
    };
    Html(html::page(&session, "/rates", "Rates", &body))
}
