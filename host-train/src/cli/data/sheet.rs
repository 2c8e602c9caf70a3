//! The contact sheet of a cleaning: each face that was left out, beside faces that stay, on one page without other files.

use super::clean::Labelled;
use crate::data::clean::{Findings, Reason, Removal};
use crate::evaluate::report::html::escape;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use core::fmt::Write as _;

/// Faces shown for each reason, the clearest first.
const SHOWN: usize = 100;

/// Images of the person and of the nearest other person shown beside.
const BESIDE: usize = 3;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:24px;color:#1a1a1a;background:#fff}\
h1{font-size:22px}h2{font-size:17px;margin:28px 0 8px}\
.row{display:flex;flex-wrap:wrap;gap:10px;align-items:center;border-top:1px solid #ddd;padding:8px 0}\
.row p{flex:0 0 260px;margin:0;overflow-wrap:anywhere}.group{display:flex;gap:4px;align-items:center}\
.group span{font-size:12px;width:76px;color:#555;overflow-wrap:anywhere}img{width:84px;height:84px;object-fit:cover;background:#eee}\
.out img{outline:3px solid #b3261e}";

/// The page.
pub(super) fn page(labelled: &Labelled<'_>, findings: &Findings, names: &[&str]) -> String {
    let mut members = vec![Vec::new(); labelled.classes];
    let mut removed = vec![false; labelled.images.len()];
    for removal in &findings.removals {
        removed[removal.image] = true;
    }
    for (place, &(_, label)) in labelled.images.iter().enumerate() {
        if !removed[place] {
            members[label].push(place);
        }
    }
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Cleaning</title><style>{STYLE}</style>\
         <h1>{} of {} images left out</h1><p>Each row: the face that was left out (framed), faces of its person that stay, \
         and what it is most like elsewhere.</p>",
        findings.removals.len(),
        labelled.images.len()
    );
    for reason in Reason::ALL {
        let mut found: Vec<&Removal> =
            findings.removals.iter().filter(|removal| removal.reason == reason).collect();
        if found.is_empty() {
            continue;
        }
        found.sort_by(|a, b| b.value.total_cmp(&a.value));
        // Writing to a string can't fail.
        let _ = write!(page, "<h2>{} ({})</h2>", reason.words(), found.len());
        for removal in found.iter().take(SHOWN) {
            row(&mut page, labelled, removal, &members, names);
        }
        if found.len() > SHOWN {
            let _ = write!(page, "<p>{} more stand in removed.csv.</p>", found.len() - SHOWN);
        }
    }
    if !findings.same_person.is_empty() {
        let _ =
            write!(page, "<h2>Labels that may be one person ({})</h2>", findings.same_person.len());
    }
    for pair in findings.same_person.iter().take(SHOWN) {
        let _ = write!(page, "<div class=\"row\"><p>cosine {:.3}</p>", pair.cosine);
        for label in [pair.a, pair.b] {
            group(&mut page, labelled, names[label], members[label].iter().take(BESIDE));
        }
        page.push_str("</div>");
    }
    page.push_str("</html>");
    page
}

fn row(
    page: &mut String,
    labelled: &Labelled<'_>,
    removal: &Removal,
    members: &[Vec<usize>],
    names: &[&str],
) {
    let (image, label) = labelled.images[removal.image];
    let number = match removal.reason {
        Reason::Undecodable => String::new(),
        Reason::OtherPerson | Reason::OffCentre => format!("{:.0} degrees", removal.value),
        Reason::NearDuplicate | Reason::OtherPersonsCopy => format!("cosine {:.3}", removal.value),
    };
    let name = escape(&labelled.source.full_name(image));
    let _ = write!(page, "<div class=\"row\"><p>{name}<br>{number}</p>");
    page.push_str("<div class=\"group out\">");
    picture(page, labelled, removal.image);
    page.push_str("</div>");
    group(page, labelled, names[label], members[label].iter().take(BESIDE));
    match (removal.other, removal.nearest) {
        (Some(other), _) => group(page, labelled, labelled.person(other), [other].iter()),
        (None, Some((nearest, cosine))) => {
            let title = format!("{} {cosine:.2}", names[nearest]);
            group(page, labelled, &title, members[nearest].iter().take(BESIDE));
        }
        (None, None) => {}
    }
    page.push_str("</div>");
}

fn group<'a>(
    page: &mut String,
    labelled: &Labelled<'_>,
    title: &str,
    places: impl Iterator<Item = &'a usize>,
) {
    let _ = write!(page, "<div class=\"group\"><span>{}</span>", escape(title));
    places.for_each(|&place| picture(page, labelled, place));
    page.push_str("</div>");
}

/// The image file itself; a broken one shows its name.
fn picture(page: &mut String, labelled: &Labelled<'_>, place: usize) {
    let image = labelled.images[place].0;
    let bytes = labelled.source.read(image).unwrap_or_default();
    let kind = if bytes.starts_with(b"\x89PNG") { "png" } else { "jpeg" };
    let name = escape(labelled.source.path(image));
    let data = STANDARD.encode(bytes);
    let _ = write!(
        page,
        "<img alt=\"{name}\" title=\"{name}\" src=\"data:image/{kind};base64,{data}\">"
    );
}
