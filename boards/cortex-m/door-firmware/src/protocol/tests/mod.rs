//! A host, a line and a device whose people, log and models lie in flash that is only memory.

mod update;

use core::cell::RefCell;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use device_protocol::{Arrived, Book, Entry, Host, ProtocolError, Request};
use proptest::prelude::*;

use super::*;
use crate::ports::Enrolled;
use crate::store::audit::{Layout, Rate, Which};
use crate::store::flash::Shared;
use crate::store::gallery::Gallery;
use crate::store::sim::Rp2350;

const OURS: PreprocessingId = PreprocessingId([2; 16]);
const MODEL: [u8; 16] = [1; 16];
type Flash<'a> = Shared<'a, Rp2350>;

/// A device at the end of a line.
struct Door<'a> {
    server: Server,
    gallery: Gallery<Flash<'a>, 256>,
    audit: Audit<Flash<'a>>,
    slots: Option<(Models<Flash<'a>>, Boot)>,
    nonces: u8,
    changes: usize,
    restarts: usize,
}

impl<'a> Door<'a> {
    fn new(chip: &'a RefCell<Rp2350>) -> Self {
        let (gallery, _) = Gallery::open(Shared(chip), 0..8192, OURS).unwrap();
        let rate = Rate { burst: 10, each_ms: 1000 };
        let layout = Layout { kept: 8192..16384, routine: 16384..24576, rate };
        let (audit, _) = Audit::open(Shared(chip), layout, Moment::default()).unwrap();
        Self {
            server: Server::new(
                Key::new([7; 32]),
                Pipeline { model: ModelId(MODEL), preprocessing: OURS },
            ),
            gallery,
            audit,
            slots: None,
            nonces: 0,
            changes: 0,
            restarts: 0,
        }
    }

    fn takes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        let nonces = &mut self.nonces;
        let mut parts = Parts {
            gallery: &mut self.gallery,
            audit: &mut self.audit,
            slots: self.slots.as_mut().map(|(models, boot)| Slots { models, boot }),
            self_test: &mut || 3,
            nonce: &mut || {
                *nonces += 1;
                [*nonces; 16]
            },
            now: Moment { utc_ms: 5, mono_ms: 6 },
        };
        for &byte in bytes {
            let mut out = [0; MAX_WIRE];
            let Outcome { send, changed, restart } =
                self.server.receive(byte, &mut parts, &mut out);
            sent.extend_from_slice(send);
            self.changes += usize::from(changed);
            self.restarts += usize::from(restart);
        }
        sent
    }

    fn people(&mut self) -> Vec<(u32, String, Vec<i8>)> {
        let mut people = Vec::new();
        let each = &mut |one: Enrolled<'_>| {
            people.push((one.person, one.name.into(), one.values.to_vec()))
        };
        self.gallery.for_each(each).unwrap();
        people
    }
}

fn connect(key: u8, door: &mut Door<'_>) -> Host {
    let mut host = Host::new(Key::new([key; 32]), [9; 16]);
    let mut out = [0; MAX_WIRE];
    let welcome = door.takes(host.hello(&mut out));
    let ready = welcome
        .iter()
        .filter_map(|&byte| host.receive(byte).map(|arrived| arrived.is_ok()))
        .collect::<Vec<_>>();
    assert_eq!(ready, [true]);
    host
}

/// Asks, and gives what is answered to `check`.
fn ask<T>(
    host: &mut Host,
    door: &mut Door<'_>,
    request: Request<'_>,
    check: impl FnOnce(Result<Response<'_>, ProtocolError>) -> T,
) -> T {
    let mut out = [0; MAX_WIRE];
    let answer = door.takes(host.request(&request, &mut out).unwrap());
    let (&last, rest) = answer.split_last().unwrap();
    assert!(rest.iter().all(|&byte| host.receive(byte).is_none()), "one frame");
    check(host.receive(last).unwrap().map(|arrived| match arrived {
        Arrived::Response(response) => response,
        Arrived::Ready => panic!("twice"),
    }))
}

fn enroll<'a>(name: &'a str, values: &'a [u8]) -> Request<'a> {
    Request::Enroll { person: None, name, model: MODEL, preprocessing: OURS.0, values }
}

#[test]
fn a_template_of_the_host_is_stored_bit_for_bit() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let host = &mut connect(7, &mut door);
    let values: Vec<u8> = (0..128).map(|i| i * 2 + 1).collect();
    ask(host, &mut door, enroll("Zoë", &values), |answer| {
        assert_eq!(answer, Ok(Response::Enrolled { person: 1 }))
    });
    let signed: Vec<i8> = bytemuck::cast_slice(&values).to_vec();
    assert_eq!(door.people(), [(1, "Zoë".into(), signed)]);
    let entry = Entry { person: 1, name: "Zoë", model: MODEL, len: 128, values: &values };
    let list = Entry { values: &[], ..entry };
    ask(host, &mut door, Request::List { place: 0 }, |answer| {
        assert_eq!(answer, Ok(Response::Entry(list)))
    });
    ask(host, &mut door, Request::List { place: 1 }, |answer| {
        assert_eq!(answer, Ok(Response::End))
    });
    ask(host, &mut door, Request::Export { place: 0 }, |answer| {
        assert_eq!(answer, Ok(Response::Entry(entry)))
    });
    assert_eq!(door.changes, 1);
}

#[test]
fn a_second_template_is_of_the_same_person_and_both_go() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let host = &mut connect(7, &mut door);
    let (first, second) = ([5; 128], [6; 128]);
    ask(host, &mut door, enroll("Ada", &first), |answer| assert!(answer.is_ok()));
    let more = |person| Request::Enroll {
        person: Some(person),
        name: "Ada",
        model: MODEL,
        preprocessing: OURS.0,
        values: &second,
    };
    ask(host, &mut door, more(1), |answer| {
        assert_eq!(answer, Ok(Response::Enrolled { person: 1 }))
    });
    let unknown = Ok(Response::Refused { why: Refusal::Unknown, text: "" });
    ask(host, &mut door, more(2), |answer| assert_eq!(answer, unknown));
    ask(host, &mut door, Request::Remove { person: 1 }, |answer| {
        assert_eq!(answer, Ok(Response::Removed { templates: 2 }));
    });
    ask(host, &mut door, Request::Remove { person: 1 }, |answer| assert_eq!(answer, unknown));
    assert_eq!(door.people(), []);
    // The number is not given again.
    ask(host, &mut door, enroll("Eve", &first), |answer| {
        assert_eq!(answer, Ok(Response::Enrolled { person: 2 }))
    });
}

#[test]
fn rejects_what_would_never_match() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let host = &mut connect(7, &mut door);
    let values = [5; 128];
    let refusal = |why| Ok(Response::Refused { why, text: "" });
    let elsewhere = Request::Enroll {
        person: None,
        name: "a",
        model: MODEL,
        preprocessing: [3; 16],
        values: &values,
    };
    ask(host, &mut door, elsewhere, |answer| assert_eq!(answer, refusal(Refusal::Preprocessing)));
    ask(host, &mut door, enroll("a", &[0; 128]), |answer| {
        assert_eq!(answer, refusal(Refusal::Template))
    });
    ask(host, &mut door, enroll("a", &[]), |answer| assert_eq!(answer, refusal(Refusal::Template)));
    ask(host, &mut door, enroll("", &values), |answer| {
        let text = "a name has 1 to 32 bytes and no control characters; this one has 0 bytes";
        assert_eq!(answer, Ok(Response::Refused { why: Refusal::Store, text }));
    });
    ask(host, &mut door, enroll("a", &[5; 300]), |answer| {
        assert!(matches!(answer, Ok(Response::Refused { why: Refusal::Store, .. })), "{answer:?}");
    });
    assert_eq!(door.people(), []);
}

#[test]
fn what_was_done_is_in_the_log() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let host = &mut connect(7, &mut door);
    ask(host, &mut door, enroll("Ada", &[5; 128]), |answer| assert!(answer.is_ok()));
    ask(host, &mut door, Request::Export { place: 0 }, |answer| assert!(answer.is_ok()));
    ask(host, &mut door, Request::Remove { person: 1 }, |answer| assert!(answer.is_ok()));
    let (mut kinds, mut after) = (Vec::new(), 0);
    let end = loop {
        let record =
            ask(host, &mut door, Request::Log { book: Book::Kept, after }, |answer| match answer {
                Ok(Response::Record(record)) => Ok(record),
                Ok(Response::LogEnd(end)) => Err(end),
                other => panic!("{other:?}"),
            });
        match record {
            Ok(record) => {
                after = record.seq;
                kinds.push((record.kind, record.person, record.utc_ms, record.mono_ms));
            }
            Err(end) => break end,
        }
    };
    let code = |kind: Kind| kind.code();
    let expected = [
        (code(Kind::Enrolled), Some(1), 5, 6),
        (code(Kind::Exported), None, 5, 6),
        (code(Kind::Removed), Some(1), 5, 6),
    ];
    assert_eq!(kinds, expected);
    assert_eq!((end.records, end.damaged, end.changed, end.unlinked), (3, 0, 0, 0));
    let head = door.audit.head(Which::Kept).unwrap();
    assert_eq!(end.head, Some((head.seq, head.hash)));
    let status = Response::Status { model: MODEL, preprocessing: OURS.0, boot: 1 };
    ask(host, &mut door, Request::Status, |answer| assert_eq!(answer, Ok(status)));
    ask(host, &mut door, Request::SelfTest, |answer| {
        assert_eq!(answer, Ok(Response::SelfTest { failed: 3 }))
    });
}

#[test]
fn rejects_another_key_and_says_so_in_the_log() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let host = &mut connect(8, &mut door);
    ask(host, &mut door, enroll("Eve", &[5; 128]), |answer| {
        assert_eq!(answer, Err(ProtocolError::Refused { code: 9 }));
    });
    assert_eq!((door.people(), door.changes), (vec![], 0));
    let mut tried = Vec::new();
    door.audit
        .for_each(Which::Routine, |record| tried.push((record.event.kind, record.event.reason)))
        .unwrap();
    assert_eq!(tried, [(Kind::Unauthorized, 9)]);
}

#[test]
fn rejects_a_replayed_enrolment() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let mut host = connect(7, &mut door);
    let mut out = [0; MAX_WIRE];
    let recorded = host.request(&enroll("Ada", &[5; 128]), &mut out).unwrap().to_vec();
    door.takes(&recorded);
    door.takes(&recorded);
    let hello = host.hello(&mut out).to_vec();
    door.takes(&[hello, recorded].concat());
    assert_eq!((door.people().len(), door.changes), (1, 1));
}

/// A store that fails says why, and the people are loaded anew.
#[test]
fn a_store_that_fails_says_why() {
    let chip = RefCell::new(Rp2350::new(6));
    let mut door = Door::new(&chip);
    let host = &mut connect(7, &mut door);
    for n in 0..15 {
        ask(host, &mut door, enroll(&format!("p{n}"), &[n + 1; 128]), |answer| {
            assert!(answer.is_ok())
        });
    }
    ask(host, &mut door, enroll("one too many", &[5; 128]), |answer| {
        let text = "the gallery holds 15 templates and is full; remove somebody";
        assert_eq!(answer, Ok(Response::Refused { why: Refusal::Store, text }));
    });
    assert_eq!(door.people().len(), 15);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes, and any requests in a session of another key: no person comes or goes.
    #[test]
    fn nothing_without_the_key_changes_anything(
        bytes in prop::collection::vec(any::<u8>(), 0..1500),
        requests in prop::collection::vec((0_u8..6, any::<u32>()), 0..8),
    ) {
        let chip = RefCell::new(Rp2350::new(6));
        let mut door = Door::new(&chip);
        let host = &mut connect(7, &mut door);
        ask(host, &mut door, enroll("Ada", &[5; 128]), |answer| assert!(answer.is_ok()));
        let before = (door.people(), door.changes);
        door.takes(&bytes);
        door.takes(&[0]);
        let stranger = &mut connect(8, &mut door);
        for (kind, number) in requests {
            let request = match kind {
                0 => Request::List { place: number },
                1 => Request::Export { place: number },
                2 => Request::Remove { person: number % 3 },
                3 => enroll("Eve", &[6; 128]),
                4 => Request::Log { book: Book::Kept, after: number.into() },
                _ => Request::SelfTest,
            };
            ask(stranger, &mut door, request, |answer| {
                // The first is not sealed with the key, the others would come after it.
                assert!(matches!(answer, Err(ProtocolError::Refused { code: 8 | 9 })), "{answer:?}");
            });
        }
        prop_assert_eq!((door.people(), door.changes), before);
    }
}
