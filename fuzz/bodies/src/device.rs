//! The target `device`: what somebody on the line, or a host that has the key and lost its mind, sends to a door with people, a log and a
//! model in its flash.

use std::cell::RefCell;
use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use device_protocol::{MAX_PIECE, MAX_WIRE, Nonce, Request};
use door_firmware::ports::{Enrolled, GalleryStore as _};
use door_firmware::protocol::{Parts, Pipeline, Server, Slots};
use door_firmware::store::audit::{self, Audit, Moment, Rate};
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::{Gallery, PreprocessingId};
use door_firmware::store::model::{Boot, Layout, Manifest, Models, SignedManifest};
use door_firmware::store::sim::Rp2350;
use model_format::writer::SigningKey;
use model_format::{ModelId, PublicKey};
use sha2::{Digest as _, Sha256};

use crate::Outcome;
use crate::line::{self, Seal};

/// People lie before, the log behind.
const SLOTS: Layout = Layout { a: 8192..12288, b: 12288..16384, state: 16384..24576 };
const RINGS: audit::Layout = audit::Layout {
    kept: 24576..32768,
    routine: 32768..40960,
    rate: Rate { burst: 10, each_ms: 1000 },
};
const PEOPLE: usize = 8192;
const SECTORS: u32 = 10;
const MODEL: ModelId = ModelId([1; 16]);
const PREPROCESSING: PreprocessingId = PreprocessingId([2; 16]);
const HOSTS: Nonce = [1; 16];
/// Bytes of a message that fits a frame: of a piece, its place and its lengths.
const MESSAGE: usize = MAX_PIECE + 8;
/// The model that runs.
const COUNTER: u32 = 3;

type Flash<'a> = Shared<'a, Rp2350>;

/// A door since its last start.
struct Door<'a> {
    server: Server,
    gallery: Gallery<Flash<'a>, 256>,
    audit: Audit<Flash<'a>>,
    models: Models<Flash<'a>>,
    boot: Boot,
    nonces: u8,
    answers: usize,
}

/// Runs one case.
///
/// # Panics
/// On a finding: something that changed without the key, an answer that is no frame, or a door whose model is gone.
pub fn device(data: &[u8]) -> Outcome {
    run(&mut Unstructured::new(data)).unwrap_or(Outcome::Starved)
}

fn run(input: &mut Unstructured<'_>) -> Result<Outcome> {
    let (chip, boot) = running();
    let (slots, chip) = (slots_of(&chip), RefCell::new(chip));
    let mut door = Door::open(&chip, boot);
    // The session that the host's nonce began last, the number that it expects, and whether anything came under it.
    let (mut seal, mut next, mut heard) = (None, 0, false);
    for _ in 0..input.int_in_range(1..=12)? {
        let before = chip.borrow().bytes()[..PEOPLE].to_vec();
        let sent = match input.int_in_range(0..=6)? {
            0 => [input.arbitrary::<&[u8]>()?, &[0]].concat(),
            1 => line::frame(input.arbitrary()?, input.arbitrary()?),
            2 => {
                (seal, next) = (Some(Seal::new(true, &HOSTS, &[door.nonces + 1; 16])), 0);
                line::greeting(line::HELLO, &HOSTS)
            }
            choice => {
                let message = match choice {
                    5 => begin(input)?,
                    6 => piece(input)?,
                    _ => input.arbitrary::<&[u8]>()?.to_vec(),
                };
                let number = if choice == 3 { input.arbitrary()? } else { next };
                let Some(seal) = &seal else { continue };
                if number == next {
                    (next, heard) = (next + 1, true);
                }
                seal.frame(number, message.get(..MESSAGE).unwrap_or(&message))
            }
        };
        door.takes(&sent);
        let same = chip.borrow().bytes()[..PEOPLE] == before;
        assert!(heard || same, "people changed without the key");
    }
    let answers = door.answers;
    drop(door);
    // After a reset there are people and a model, whatever was said.
    if slots_of(&chip.borrow()) != slots {
        models(&chip).boot().expect("a model that boots");
    }
    gallery(&chip).for_each(&mut |_| {}).expect("people can be read");
    Ok(if answers > 0 { Outcome::Accepted } else { Outcome::Refused })
}

impl<'a> Door<'a> {
    fn open(chip: &'a RefCell<Rp2350>, boot: Boot) -> Self {
        let (gallery, models) = (gallery(chip), models(chip));
        let (audit, _) = Audit::open(Shared(chip), RINGS, Moment::default()).expect("whole");
        let pipeline = Pipeline { model: MODEL, preprocessing: PREPROCESSING };
        let server = Server::new(line::key(), pipeline);
        Self { server, gallery, audit, models, boot, nonces: 0, answers: 0 }
    }

    fn takes(&mut self, bytes: &[u8]) {
        let Self { server, gallery, audit, models, boot, nonces, answers } = self;
        let mut parts = Parts {
            gallery,
            audit,
            slots: Some(Slots { models, boot }),
            self_test: &mut || 0,
            nonce: &mut || {
                *nonces = nonces.wrapping_add(1);
                [*nonces; 16]
            },
            now: Moment { utc_ms: 5, mono_ms: 6 },
        };
        for &byte in bytes {
            let mut out = [0; MAX_WIRE];
            let send = server.receive(byte, &mut parts, &mut out).send;
            let Some((end, rest)) = send.split_last() else { continue };
            assert!(*end == 0 && !rest.contains(&0), "an answer that is no frame");
            // One overhead byte, then the kind.
            *answers += usize::from(rest.get(1) == Some(&line::SEALED));
        }
    }
}

fn slots_of(chip: &Rp2350) -> Vec<u8> {
    chip.bytes()[SLOTS.a.start as usize..SLOTS.state.end as usize].to_vec()
}

fn gallery(chip: &RefCell<Rp2350>) -> Gallery<Flash<'_>, 256> {
    Gallery::open(Shared(chip), 0..PEOPLE as u32, PREPROCESSING).expect("whole").0
}

fn models(chip: &RefCell<Rp2350>) -> Models<Flash<'_>> {
    Models::open(Shared(chip), SLOTS, public()).expect("whole")
}

/// Made once: it takes longer than most cases.
fn public() -> PublicKey {
    static PUBLIC: OnceLock<PublicKey> = OnceLock::new();
    *PUBLIC.get_or_init(|| owner().public())
}

fn owner() -> SigningKey {
    SigningKey::from_seed(&[5; 32])
}

/// Stands for a model: fits a slot in a few pieces.
fn file(counter: u32) -> Vec<u8> {
    (0..1000 + 500 * (counter % 4)).map(|at| (at * 7 + counter * 31) as u8).collect()
}

fn signed(counter: u32) -> SignedManifest {
    let file = file(counter);
    let (length, sha256) = (file.len() as u32, Sha256::digest(&file).into());
    let manifest = Manifest { counter, length, sha256, model: MODEL, answer: 0 };
    SignedManifest { manifest, signature: owner().sign_message(&manifest.message()) }
}

/// A chip with one person and a confirmed model, after its start.
fn running() -> (Rp2350, Boot) {
    static RUNNING: OnceLock<(Rp2350, Boot)> = OnceLock::new();
    let make = || {
        let chip = RefCell::new(Rp2350::new(SECTORS));
        let mut models = models(&chip);
        let mut install = models.install(signed(COUNTER)).expect("the first one");
        install.write(&file(COUNTER)).and_then(|()| install.finish()).expect("whole");
        models.boot().and_then(|_| models.confirm()).expect("on trial");
        let boot = models.boot().expect("confirmed");
        let ada = Enrolled { person: 1, name: "Ada", model: MODEL, values: &[5; 128] };
        gallery(&chip).add(ada).expect("there is room");
        (chip.into_inner(), boot)
    };
    RUNNING.get_or_init(make).clone()
}

/// The beginning of an update that the owner signed, or whose manifest was changed since.
fn begin(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut manifest = signed(input.int_in_range(COUNTER - 1..=COUNTER + 2)?).to_bytes();
    if input.ratio(1, 4)? {
        let at = input.int_in_range(0..=manifest.len() - 1)?;
        manifest[at] ^= input.arbitrary::<u8>()?;
    }
    Ok(message(&Request::Begin { manifest: &manifest }))
}

/// A piece of such an update's file, or its end.
fn piece(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let file = file(input.int_in_range(COUNTER + 1..=COUNTER + 2)?);
    let at = input.int_in_range(0..=4)? * MAX_PIECE;
    let bytes = file.get(at..).unwrap_or_default();
    let bytes = bytes.get(..MAX_PIECE).unwrap_or(bytes);
    Ok(match bytes {
        [] => message(&Request::Finish),
        bytes => message(&Request::Piece { at: at as u32, bytes }),
    })
}

fn message(request: &Request<'_>) -> Vec<u8> {
    let mut bytes = [0; MESSAGE + 50];
    postcard::to_slice(request, &mut bytes).expect("a piece and its place").to_vec()
}
