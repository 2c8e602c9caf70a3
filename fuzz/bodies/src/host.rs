//! The target `host`: what a device, or somebody in its place, sends to a host that has asked.

use arbitrary::{Result, Unstructured};
use device_protocol::{Arrived, Entry, Host, MAX_WIRE, Nonce, Refusal, Request, Response};

use crate::Outcome;
use crate::line::{self, Seal};

const HOSTS: Nonce = [1; 16];
const DEVICES: Nonce = [2; 16];

/// Bytes of a message that fits a frame.
const MESSAGE: usize = 700;

/// Runs one case.
///
/// # Panics
/// On a finding: a response taken from bytes that were not sealed as the next one, or a session that came from nowhere or is gone.
pub fn host(data: &[u8]) -> Outcome {
    run(&mut Unstructured::new(data)).unwrap_or(Outcome::Starved)
}

fn run(input: &mut Unstructured<'_>) -> Result<Outcome> {
    let mut host = Host::new(line::key(), HOSTS);
    let seal = Seal::new(false, &HOSTS, &DEVICES);
    // Whether a session has begun, whether it is the one that `seal` is of, and the number that it expects.
    let (mut begun, mut sealed, mut next, mut outcome) = (false, false, 0, Outcome::Refused);
    let welcome = input.ratio(3, 4)?;
    for turn in 0..input.int_in_range(1..=12)? {
        let (mut number, mut ours) = (None, false);
        let sent = match if turn == 0 && welcome { 2 } else { input.int_in_range(0..=6)? } {
            0 => [input.arbitrary::<&[u8]>()?, &[0]].concat(),
            1 => line::frame(input.arbitrary()?, input.arbitrary()?),
            2 => {
                ours = true;
                line::greeting(line::WELCOME, &DEVICES)
            }
            choice => {
                let at = if choice == 3 { input.arbitrary()? } else { next };
                let message = if choice > 4 {
                    response(input)?
                } else {
                    input.arbitrary::<&[u8]>()?.to_vec()
                };
                number = Some(at);
                seal.frame(at, message.get(..MESSAGE).unwrap_or(&message))
            }
        };
        let expected = sealed && number == Some(next);
        for &byte in &sent {
            match host.receive(byte) {
                None => {}
                Some(Ok(Arrived::Ready)) => (begun, sealed) = (true, ours),
                Some(Ok(Arrived::Response(response))) => {
                    assert!(expected, "{response:?}");
                    outcome = Outcome::Accepted;
                }
                Some(Err(error)) => assert!(!error.to_string().is_empty()),
            }
        }
        next += u32::from(expected);
    }
    let mut out = [0; MAX_WIRE];
    assert_eq!(host.request(&Request::Status, &mut out).is_ok(), begun);
    Ok(outcome)
}

/// A response of the device's, with numbers and words that it would not say.
fn response(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let response = match input.int_in_range(0..=4)? {
        0 => Response::Status {
            model: input.arbitrary()?,
            preprocessing: input.arbitrary()?,
            boot: input.arbitrary()?,
        },
        1 => Response::Entry(Entry {
            person: input.arbitrary()?,
            name: input.arbitrary()?,
            model: input.arbitrary()?,
            len: input.arbitrary()?,
            values: input.arbitrary()?,
        }),
        2 => Response::Came { bytes: input.arbitrary()? },
        3 => Response::Refused { why: Refusal::Update, text: input.arbitrary()? },
        _ => Response::SelfTest { failed: input.arbitrary()? },
    };
    let mut bytes = [0; 2 * MESSAGE];
    // What does not fit is cut, and no message.
    Ok(postcard::to_slice(&response, &mut bytes)
        .map_or_else(|_| Vec::new(), |bytes| bytes.to_vec()))
}
