//! What is done for each request.

use device_protocol::{Book, ChainEnd, Entry, LogRecord, MAX_VALUES, Refusal, Request, Response};
use edge_infer::matching::TemplateRef;
use embedded_storage::nor_flash::NorFlash;
use model_format::ModelId;

use super::text::Text;
use super::update::Update;
use super::{Parts, Pipeline, refused};
use crate::ports::{Enrolled, GalleryStore, MAX_NAME};
use crate::store::audit::{Chain, Event, Kind, Record};

/// What a response borrows.
#[derive(Debug)]
pub(super) struct Scratch {
    name: Text<MAX_NAME>,
    values: [i8; MAX_VALUES],
    words: Text<160>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { name: Text::EMPTY, values: [0; MAX_VALUES], words: Text::EMPTY }
    }
}

/// Does what is asked; the response, and whether the people changed.
pub(super) fn answer<'s, G: GalleryStore, F: NorFlash + Clone>(
    request: Request<'_>,
    pipeline: Pipeline,
    update: &mut Update,
    parts: &mut Parts<'_, G, F>,
    scratch: &'s mut Scratch,
) -> (Response<'s>, bool) {
    let done = match request {
        Request::Status => {
            let Pipeline { model, preprocessing } = pipeline;
            let boot = parts.audit.boot();
            return (
                Response::Status { model: model.0, preprocessing: preprocessing.0, boot },
                false,
            );
        }
        Request::List { place } => return (entry(place, false, parts, scratch), false),
        Request::Export { place } => {
            if place == 0 {
                note(Event::new(Kind::Exported), parts);
            }
            return (entry(place, true, parts, scratch), false);
        }
        Request::Log { book, after } => return (log(book, after, parts, scratch), false),
        Request::SelfTest => return (Response::SelfTest { failed: (parts.self_test)() }, false),
        Request::Restart => return (Response::Restarting, false),
        Request::Model | Request::Begin { .. } | Request::Piece { .. } | Request::Finish => {
            let Some(slots) = &mut parts.slots else { return (refused(Refusal::NoSlots), false) };
            let response = match update.answer(request, slots) {
                Ok(response) => response,
                Err(error) => {
                    let text = scratch.words.set(error);
                    return (Response::Refused { why: Refusal::Update, text }, false);
                }
            };
            if response == Response::Installed {
                note(Event::new(Kind::Installed), parts);
            }
            return (response, false);
        }
        Request::Enroll { preprocessing: theirs, .. } if theirs != pipeline.preprocessing.0 => {
            Err(Reason::Why(Refusal::Preprocessing))
        }
        Request::Enroll { person, name, model, values, .. } => {
            let values = bytemuck::cast_slice(values);
            enroll(person, name, ModelId(model), values, parts.gallery).map(|person| {
                note(Event::new(Kind::Enrolled).person(person), parts);
                Response::Enrolled { person }
            })
        }
        Request::Remove { person } => match parts.gallery.remove(person) {
            Ok(0) => Err(Reason::Why(Refusal::Unknown)),
            Ok(templates) => {
                note(Event::new(Kind::Removed).person(person), parts);
                Ok(Response::Removed { templates: u32::try_from(templates).unwrap_or(u32::MAX) })
            }
            Err(error) => Err(Reason::Store(error)),
        },
        // A later version's request is no message of this one, and never comes here.
        _ => Err(Reason::Why(Refusal::Unknown)),
    };
    match done {
        Ok(response) => (response, true),
        Err(Reason::Why(why)) => (refused(why), false),
        // What the flash was left with is to be loaded.
        Err(Reason::Store(error)) => (in_words(error, scratch), true),
    }
}

/// Why something was not done.
enum Reason<E> {
    Why(Refusal),
    Store(E),
}

fn enroll<G: GalleryStore>(
    person: Option<u32>,
    name: &str,
    model: ModelId,
    values: &[i8],
    gallery: &mut G,
) -> Result<u32, Reason<G::Error>> {
    if values.len() > MAX_VALUES || TemplateRef::from_values(values, model).is_err() {
        return Err(Reason::Why(Refusal::Template));
    }
    let person = match person {
        None => gallery.next_person().map_err(Reason::Store)?,
        Some(person) => {
            let mut known = false;
            gallery.for_each(&mut |one| known |= one.person == person).map_err(Reason::Store)?;
            known.then_some(person).ok_or(Reason::Why(Refusal::Unknown))?
        }
    };
    gallery.add(Enrolled { person, name, model, values }).map_err(Reason::Store)?;
    Ok(person)
}

/// The template at a place.
fn entry<'s, G: GalleryStore, F>(
    place: u32,
    with_values: bool,
    parts: &mut Parts<'_, G, F>,
    scratch: &'s mut Scratch,
) -> Response<'s> {
    let Scratch { name, values, words } = scratch;
    let (mut at, mut found) = (0_u32, None);
    let read = parts.gallery.for_each(&mut |one| {
        if at == place {
            name.set(one.name);
            if let Some(to) = values.get_mut(..one.values.len()) {
                to.copy_from_slice(one.values);
            }
            found = Some((one.person, one.model.0, one.values.len()));
        }
        at = at.saturating_add(1);
    });
    if let Err(error) = read {
        return Response::Refused { why: Refusal::Store, text: words.set(error) };
    }
    let Some((person, model, len)) = found else { return Response::End };
    let values = match (with_values, values.get(..len)) {
        (false, _) => &[],
        (true, Some(values)) => bytemuck::cast_slice(values),
        (true, None) => return refused(Refusal::Template),
    };
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    Response::Entry(Entry { person, name: name.get(), model, len, values })
}

fn log<'s, G, F: NorFlash + Clone>(
    book: Book,
    after: u64,
    parts: &mut Parts<'_, G, F>,
    scratch: &'s mut Scratch,
) -> Response<'s> {
    let mut next = None;
    let read = parts.audit.for_each(book, |record| {
        if record.seq > after && next.is_none() {
            next = Some(record);
        }
    });
    let Chain { records, head, damaged, changed, unlinked, .. } = match read {
        Ok(chain) => chain,
        Err(error) => return in_words(error, scratch),
    };
    let Some(Record { seq, boot, at, event, times, since_mono_ms }) = next else {
        let head = head.map(|head| (head.seq, head.hash));
        return Response::LogEnd(ChainEnd { records, head, damaged, changed, unlinked });
    };
    let Event { kind, person, reason, cosine } = event;
    let (utc_ms, mono_ms, kind) = (at.utc_ms, at.mono_ms, kind.code());
    Response::Record(LogRecord {
        seq,
        boot,
        utc_ms,
        mono_ms,
        kind,
        person,
        reason,
        cosine,
        times,
        since_mono_ms,
    })
}

pub(super) fn note<G, F: NorFlash + Clone>(event: Event, parts: &mut Parts<'_, G, F>) {
    // What is lost is counted.
    let _ = parts.audit.append(event, parts.now);
}

fn in_words(error: impl core::fmt::Display, scratch: &mut Scratch) -> Response<'_> {
    Response::Refused { why: Refusal::Store, text: scratch.words.set(error) }
}
