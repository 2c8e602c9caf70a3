//! Both ends against each other, and against somebody on the line.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const KEY: [u8; 32] = [1; 32];

/// A device that counts what it did, and whose nonces count too.
struct Door {
    device: Device,
    nonces: u8,
    done: Vec<u32>,
}

impl Door {
    fn new(key: [u8; 32]) -> Self {
        Self { device: Device::new(Key::new(key)), nonces: 3, done: Vec::new() }
    }

    /// What it sends for these bytes, and what it refused.
    fn takes(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<ProtocolError>) {
        let (mut sent, mut refused) = (Vec::new(), Vec::new());
        for &byte in bytes {
            let mut out = [0; MAX_WIRE];
            let nonces = &mut self.nonces;
            let nonce = || {
                *nonces += 1;
                [*nonces - 1; 16]
            };
            let templates = match self.device.receive(byte, nonce, &mut out) {
                Incoming::Nothing => continue,
                Incoming::Welcome(len) => {
                    sent.extend_from_slice(&out[..len]);
                    continue;
                }
                Incoming::Refused(error, len) => {
                    sent.extend_from_slice(&out[..len]);
                    refused.push(error);
                    continue;
                }
                Incoming::Request(Request::Remove { person }) => {
                    self.done.push(person);
                    self.done.len() as u32
                }
                Incoming::Request(_) => 0,
            };
            let answer = self.device.respond(&Response::Removed { templates }, &mut out).unwrap();
            sent.extend_from_slice(answer);
        }
        (sent, refused)
    }
}

/// What the host makes of these bytes.
fn hears(host: &mut Host, bytes: &[u8]) -> Vec<Result<Option<u32>, ProtocolError>> {
    let mut heard = Vec::new();
    for &byte in bytes {
        if let Some(arrived) = host.receive(byte) {
            heard.push(arrived.map(|arrived| match arrived {
                Arrived::Response(Response::Removed { templates }) => Some(templates),
                _ => None,
            }));
        }
    }
    heard
}

fn hello(host: &Host) -> Vec<u8> {
    host.hello(&mut [0; MAX_WIRE]).to_vec()
}

fn remove(host: &mut Host, person: u32) -> Vec<u8> {
    host.request(&Request::Remove { person }, &mut [0; MAX_WIRE]).unwrap().to_vec()
}

/// A session that has begun.
fn session() -> (Host, Door) {
    let (mut host, mut door) = (Host::new(Key::new(KEY), [2; 16]), Door::new(KEY));
    let (welcome, refused) = door.takes(&hello(&host));
    assert_eq!((hears(&mut host, &welcome), refused), (std::vec![Ok(None)], Vec::new()));
    (host, door)
}

#[test]
fn requests_are_answered_in_turn() {
    let (mut host, mut door) = session();
    for person in 1..=3 {
        let (answer, refused) = door.takes(&remove(&mut host, 10 * person));
        assert_eq!((hears(&mut host, &answer), refused), (std::vec![Ok(Some(person))], Vec::new()));
    }
    assert_eq!(door.done, [10, 20, 30]);
}

/// As HMAC-SHA256, ChaCha20-Poly1305, CRC-32 and COBS written in Python make it.
#[test]
fn a_sealed_frame_is_as_drawn() {
    let (mut host, _) = session();
    let hex: std::string::String =
        remove(&mut host, 300).iter().map(|byte| std::format!("{byte:02x}")).collect();
    assert_eq!(hex, "0203010101036a9115312b1ac4cef4d6118f070d38ec4bfba640c795c100");
}

#[test]
fn rejects_another_key() {
    let (mut host, mut door) = (Host::new(Key::new([9; 32]), [2; 16]), Door::new(KEY));
    let (welcome, _) = door.takes(&hello(&host));
    hears(&mut host, &welcome);
    let (answer, refused) = door.takes(&remove(&mut host, 1));
    assert_eq!((refused, door.done.len()), (std::vec![ProtocolError::Seal], 0));
    assert_eq!(hears(&mut host, &answer), [Err(ProtocolError::Refused { code: 9 })]);
}

#[test]
fn rejects_a_device_with_another_key() {
    let (mut host, _) = session();
    // Its answer is sealed with another key in the same session.
    let mut other = Door::new([9; 32]);
    let mut same = Host::new(Key::new([9; 32]), [2; 16]);
    let (welcome, _) = other.takes(&hello(&same));
    hears(&mut same, &welcome);
    let (answer, _) = other.takes(&remove(&mut same, 1));
    assert_eq!(hears(&mut host, &answer), [Err(ProtocolError::Seal)]);
}

#[test]
fn rejects_frames_again_and_out_of_order() {
    let (mut host, mut door) = session();
    let frames = [1, 2, 3].map(|person| remove(&mut host, person));
    let refused = |door: &mut Door, frame: &[u8]| door.takes(frame).1;
    let number = |expected, found| std::vec![ProtocolError::Number { expected, found }];
    assert_eq!(refused(&mut door, &frames[1]), number(0, 1));
    assert_eq!(refused(&mut door, &frames[0]), []);
    assert_eq!(refused(&mut door, &frames[0]), number(1, 0));
    assert_eq!(refused(&mut door, &frames[2]), number(1, 2));
    assert_eq!(refused(&mut door, &frames[1]), []);
    assert_eq!(door.done, [1, 2]);
}

#[test]
fn rejects_a_session_that_was_recorded() {
    let (mut host, mut door) = session();
    let recorded = [hello(&host), remove(&mut host, 1)].concat();
    assert_eq!(door.takes(&recorded[hello(&host).len()..]).1, []);
    // The same hello, but the device's nonce is another one, and with it the keys.
    assert_eq!(door.takes(&recorded).1, [ProtocolError::Seal]);
    assert_eq!(door.done, [1]);
}

#[test]
fn rejects_requests_without_a_session() {
    let (mut host, _) = session();
    let mut door = Door::new(KEY);
    assert_eq!(door.takes(&remove(&mut host, 1)).1, [ProtocolError::NoSession]);
    let mut host = Host::new(Key::new(KEY), [2; 16]);
    let refused = host.request(&Request::SelfTest, &mut [0; MAX_WIRE]).unwrap_err();
    assert_eq!(refused, ProtocolError::NoSession);
}

#[test]
fn rejects_another_version() {
    let mut door = Door::new(KEY);
    let mut out = [0; MAX_WIRE];
    let later = frame::encode(frame::kind::HELLO, &[2; 17], &mut out).unwrap();
    assert_eq!(door.takes(later).1, [ProtocolError::Version { found: 2, supported: 1 }]);
}

#[test]
fn rejects_frames_that_are_cut_or_too_long() {
    let (mut host, mut door) = session();
    let frame = remove(&mut host, 1);
    for len in 1..frame.len() - 1 {
        let (_, refused) = door.takes(&[&frame[..len], &[0]].concat());
        assert_eq!(refused.len(), 1, "{len}");
    }
    let limit = ProtocolError::TooLong { limit: MAX_FRAME };
    assert_eq!(door.takes(&[&[1; MAX_WIRE + 5][..], &[0]].concat()).1, [limit]);
    assert_eq!(door.takes(&frame).1, [], "and goes on");
    assert_eq!(door.done, [1]);
}

#[test]
fn rejects_messages_that_fit_no_frame() {
    let (mut host, _) = session();
    let enroll = |values| Request::Enroll {
        person: None,
        name: "a",
        model: [0; 16],
        preprocessing: [0; 16],
        values,
    };
    let mut out = [0; MAX_WIRE];
    assert!(host.request(&enroll(&[255; MAX_VALUES]), &mut out).is_ok());
    assert!(
        host.request(&Request::Piece { at: u32::MAX, bytes: &[255; MAX_PIECE] }, &mut out).is_ok()
    );
    let refused = host.request(&enroll(&[255; MAX_FRAME]), &mut out).unwrap_err();
    assert!(matches!(refused, ProtocolError::MessageTooLong { .. }));
}

#[test]
fn noise_before_a_frame_is_no_harm() {
    let (mut host, mut door) = session();
    let (_, refused) = door.takes(&[&[0, 0, 7, 8, 9, 0][..], &remove(&mut host, 5)].concat());
    assert_eq!(refused.len(), 1);
    assert_eq!(door.done, [5]);
}

proptest! {
    /// A sealed frame with some bits changed is refused, whatever they are.
    #[test]
    fn changed_frames_do_nothing(flips in prop::collection::hash_set(0_usize..20 * 8, 1..6)) {
        let (mut host, mut door) = session();
        let mut frame = remove(&mut host, 1);
        for bit in flips {
            frame[bit / 8] ^= 1 << (bit % 8);
        }
        let (_, refused) = door.takes(&frame);
        prop_assert!(!refused.is_empty());
        prop_assert!(door.done.is_empty());
    }

    /// Any bytes, in a session and without one: nothing is done, at either end, and nothing panics.
    #[test]
    fn any_bytes_do_nothing(bytes in prop::collection::vec(any::<u8>(), 0..3000), sparse in any::<bool>()) {
        let (mut host, mut door) = session();
        let bytes: Vec<u8> = bytes.iter().map(|&byte| if sparse { byte % 5 } else { byte }).collect();
        door.takes(&bytes);
        prop_assert!(door.done.is_empty());
        for arrived in hears(&mut host, &bytes) {
            prop_assert!(arrived.is_err());
        }
    }

    /// Bodies that are framed well, of any kind: still nothing.
    #[test]
    fn any_frame_does_nothing(kind in 0_u8..6, body in prop::collection::vec(any::<u8>(), 0..frame::MAX_BODY)) {
        let (mut host, mut door) = session();
        let mut out = [0; MAX_WIRE];
        let framed = frame::encode(kind, &body, &mut out).unwrap();
        door.takes(framed);
        prop_assert!(door.done.is_empty());
        for arrived in hears(&mut host, framed) {
            prop_assert!(arrived.is_err());
        }
    }

    /// What is framed comes out again.
    #[test]
    fn frames_come_out_as_they_went_in(kind in any::<u8>(), body in prop::collection::vec(0_u8..3, 0..=frame::MAX_BODY)) {
        let mut out = [0; MAX_WIRE];
        let framed = frame::encode(kind, &body, &mut out).unwrap();
        let mut deframer = frame::Deframer::new();
        let (&last, rest) = framed.split_last().unwrap();
        for &byte in rest {
            prop_assert!(byte != 0 && deframer.push(byte).is_none());
        }
        let found = deframer.push(last).unwrap().map(|(kind, body)| (kind, body.to_vec()));
        prop_assert_eq!(found, Ok((kind, body)));
    }
}
