//! Updates, frame by frame.

use device_protocol::{MAX_PIECE, ModelReport, Version, Why};
use ed25519_dalek::{Signer as _, SigningKey};
use model_format::PublicKey;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::store::model::{Layout, Manifest, SignedManifest};

/// Two sectors a slot, behind people and log.
const LAYOUT: Layout = Layout { a: 24576..32768, b: 32768..40960, state: 40960..49152 };
const SECTORS: u32 = 12;

fn owner() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// Longer than a sector and no multiple of a piece; another one for each number.
fn file(counter: u32) -> Vec<u8> {
    (0..5000 + counter).map(|at| (at * 7 + counter * 31) as u8).collect()
}

fn signed_by(owner: &SigningKey, counter: u32) -> SignedManifest {
    let (file, model) = (file(counter), ModelId([counter as u8; 16]));
    let sha256 = Sha256::digest(&file).into();
    let manifest = Manifest { counter, length: file.len() as u32, sha256, model, answer: 0 };
    SignedManifest { manifest, signature: owner.sign(&manifest.message()).to_bytes() }
}

fn version(counter: u32) -> Version {
    let Manifest { model, sha256, .. } = signed_by(&owner(), counter).manifest;
    Version { counter, model: model.0, sha256 }
}

fn open<'a>(chip: &'a RefCell<Rp2350>) -> Models<Flash<'a>> {
    Models::open(Shared(chip), LAYOUT, PublicKey(owner().verifying_key().to_bytes())).unwrap()
}

/// A chip on which model 3 runs.
fn chip() -> RefCell<Rp2350> {
    let chip = RefCell::new(Rp2350::new(SECTORS));
    let models = &mut open(&chip);
    let mut install = models.install(signed_by(&owner(), 3)).unwrap();
    install.write(&file(3)).unwrap();
    install.finish().unwrap();
    models.boot().unwrap();
    models.confirm().unwrap();
    chip
}

/// The device after a reset, and a session with it.
fn start<'a>(chip: &'a RefCell<Rp2350>) -> (Door<'a>, Host) {
    let mut models = open(chip);
    let boot = models.boot().unwrap();
    let mut door = Door { slots: Some((models, boot)), ..Door::new(chip) };
    let host = connect(7, &mut door);
    (door, host)
}

fn begin(host: &mut Host, door: &mut Door<'_>, signed: &SignedManifest) -> Result<u32, String> {
    came(host, door, Request::Begin { manifest: &signed.to_bytes() })
}

/// How many bytes the device has, or why it refuses.
fn came(host: &mut Host, door: &mut Door<'_>, request: Request<'_>) -> Result<u32, String> {
    ask(host, door, request, |answer| match answer {
        Ok(Response::Came { bytes }) => Ok(bytes),
        Ok(Response::Installed) => Ok(0),
        Ok(Response::Refused { why: Refusal::Update, text }) => Err(text.into()),
        other => panic!("{other:?}"),
    })
}

/// Sends a file's bytes from `at` to `until`, in pieces.
fn send(host: &mut Host, door: &mut Door<'_>, file: &[u8], at: u32, until: usize) {
    let mut at = at as usize;
    while at < until {
        let piece = &file[at..until.min(at + MAX_PIECE)];
        let request = Request::Piece { at: at as u32, bytes: piece };
        at += piece.len();
        assert_eq!(came(host, door, request), Ok(at as u32));
    }
}

fn report(host: &mut Host, door: &mut Door<'_>) -> ModelReport {
    ask(host, door, Request::Model, |answer| match answer {
        Ok(Response::Model(report)) => report,
        other => panic!("{other:?}"),
    })
}

#[test]
fn an_update_is_tried_confirmed_and_reported_at_each_step() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    let before = ModelReport { runs: version(3), why: Why::Confirmed, floor: 3, waiting: None };
    assert_eq!(report(&mut host, &mut door), before);
    let four = file(4);
    assert_eq!(begin(&mut host, &mut door, &signed_by(&owner(), 4)), Ok(0));
    send(&mut host, &mut door, &four, 0, four.len());
    assert_eq!(report(&mut host, &mut door), before, "not yet");
    assert_eq!(came(&mut host, &mut door, Request::Finish), Ok(0));
    let waits = ModelReport { waiting: Some(version(4)), ..before };
    assert_eq!(report(&mut host, &mut door), waits);
    ask(&mut host, &mut door, Request::Restart, |answer| {
        assert_eq!(answer, Ok(Response::Restarting))
    });
    assert_eq!(door.restarts, 1);

    let (mut door, mut host) = start(&chip);
    let trial = ModelReport { runs: version(4), why: Why::Trial, ..before };
    assert_eq!(report(&mut host, &mut door), trial);
    assert_eq!(
        begin(&mut host, &mut door, &signed_by(&owner(), 5)),
        Err("a model is on trial; confirm it or start again first".into())
    );
    let models = &mut door.slots.as_mut().unwrap().0;
    models.confirm().unwrap();
    let confirmed = ModelReport { runs: version(4), why: Why::Confirmed, floor: 4, waiting: None };
    assert_eq!(report(&mut host, &mut door), confirmed);
    let mut kinds = Vec::new();
    door.audit.for_each(Which::Kept, |record| kinds.push(record.event.kind)).unwrap();
    assert_eq!(kinds, [Kind::Installed]);
}

#[test]
fn a_trial_that_failed_is_reported() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    begin(&mut host, &mut door, &signed_by(&owner(), 4)).unwrap();
    send(&mut host, &mut door, &file(4), 0, file(4).len());
    came(&mut host, &mut door, Request::Finish).unwrap();
    start(&chip);
    let (mut door, mut host) = start(&chip);
    let back = ModelReport { runs: version(3), why: Why::RolledBack, floor: 3, waiting: None };
    assert_eq!(report(&mut host, &mut door), back);
}

#[test]
fn another_session_goes_on_where_the_line_was_lost_and_a_reset_begins_anew() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    let (four, signed) = (file(4), signed_by(&owner(), 4));
    begin(&mut host, &mut door, &signed).unwrap();
    send(&mut host, &mut door, &four, 0, 3000);
    let mut host = connect(7, &mut door);
    assert_eq!(begin(&mut host, &mut door, &signed), Ok(3000));
    send(&mut host, &mut door, &four, 3000, 4000);
    drop(door);

    let (mut door, mut host) = start(&chip);
    let piece = Request::Piece { at: 4000, bytes: &four[4000..4100] };
    let not_begun = Err("no update has begun since the last start; begin it again".into());
    assert_eq!(came(&mut host, &mut door, piece), not_begun);
    assert_eq!(came(&mut host, &mut door, Request::Finish), not_begun);
    assert_eq!(begin(&mut host, &mut door, &signed), Ok(0));
    send(&mut host, &mut door, &four, 0, four.len());
    assert_eq!(came(&mut host, &mut door, Request::Finish), Ok(0));
}

/// Another update takes the place of one on its way.
#[test]
fn another_manifest_begins_another_update() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    begin(&mut host, &mut door, &signed_by(&owner(), 4)).unwrap();
    send(&mut host, &mut door, &file(4), 0, 3000);
    assert_eq!(begin(&mut host, &mut door, &signed_by(&owner(), 5)), Ok(0));
    send(&mut host, &mut door, &file(5), 0, file(5).len());
    assert_eq!(came(&mut host, &mut door, Request::Finish), Ok(0));
    assert_eq!(report(&mut host, &mut door).waiting, Some(version(5)));
}

#[test]
fn rejects_manifests_that_are_older_another_s_or_none() {
    let chip = chip();
    let before = chip.borrow().bytes().to_vec();
    let (mut door, mut host) = start(&chip);
    let older = begin(&mut host, &mut door, &signed_by(&owner(), 3));
    assert_eq!(older, Err("update 3 is not newer than 3, which was confirmed".into()));
    let stranger = SigningKey::from_bytes(&[6; 32]);
    let theirs = begin(&mut host, &mut door, &signed_by(&stranger, 4));
    assert_eq!(theirs, Err("the manifest of update 4 is not signed by this door's key".into()));
    let short = came(&mut host, &mut door, Request::Begin { manifest: &[0; 123] });
    let text = "a manifest has 124 bytes, this one 123: is the host of another version?";
    assert_eq!(short, Err(text.into()));
    let slots = LAYOUT.a.start as usize..;
    assert_eq!(chip.borrow().bytes()[slots.clone()], before[slots], "nothing was written");
}

#[test]
fn rejects_pieces_that_are_not_the_next_ones() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    let (four, signed) = (file(4), signed_by(&owner(), 4));
    begin(&mut host, &mut door, &signed).unwrap();
    send(&mut host, &mut door, &four, 0, 704);
    for at in [0, 703, 705, u32::MAX] {
        let refused = came(&mut host, &mut door, Request::Piece { at, bytes: &four[..9] });
        assert_eq!(refused, Err(format!("the next byte is 704, these begin at {at}")));
    }
    // Nothing was lost by it.
    send(&mut host, &mut door, &four, 704, four.len());
    let longer = came(&mut host, &mut door, Request::Piece { at: 5004, bytes: &[1] });
    assert_eq!(longer, Err("5005 bytes came of a file of 5004".into()));
    assert_eq!(begin(&mut host, &mut door, &signed), Ok(0), "it begins again");
}

#[test]
fn rejects_a_file_that_is_cut_or_changed() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    let (mut four, signed) = (file(4), signed_by(&owner(), 4));
    begin(&mut host, &mut door, &signed).unwrap();
    send(&mut host, &mut door, &four, 0, 4999);
    let cut = came(&mut host, &mut door, Request::Finish);
    assert_eq!(cut, Err("4999 bytes came of a file of 5004".into()));
    four[4500] ^= 1;
    begin(&mut host, &mut door, &signed).unwrap();
    send(&mut host, &mut door, &four, 0, four.len());
    let changed = came(&mut host, &mut door, Request::Finish);
    assert_eq!(changed, Err("the file does not hash to what the manifest of update 4 says".into()));
    let ModelReport { runs, waiting, .. } = report(&mut host, &mut door);
    assert_eq!((runs, waiting), (version(3), None));
}

/// A recorded frame, sent again in the same session or in another, and two in the wrong order: each piece is written once.
#[test]
fn rejects_frames_again_and_out_of_order() {
    let chip = chip();
    let (mut door, mut host) = start(&chip);
    let (four, signed) = (file(4), signed_by(&owner(), 4));
    begin(&mut host, &mut door, &signed).unwrap();
    let mut out = [0; MAX_WIRE];
    let mut piece = |host: &mut Host, at: usize| {
        let request = Request::Piece { at: at as u32, bytes: &four[at..at + 700] };
        host.request(&request, &mut out).unwrap().to_vec()
    };
    let (first, second) = (piece(&mut host, 0), piece(&mut host, 700));
    let refusal = |sent: &[u8], host: &mut Host| {
        let mut errors = sent.iter().filter_map(|&byte| host.receive(byte)?.err());
        errors.next().unwrap()
    };
    let early = door.takes(&second);
    assert_eq!(refusal(&early, &mut host), ProtocolError::Refused { code: 8 });
    door.takes(&first);
    let again = door.takes(&first);
    assert_eq!(refusal(&again, &mut host), ProtocolError::Refused { code: 8 });
    door.takes(&second);
    let mut host = connect(7, &mut door);
    let replayed = door.takes(&second);
    assert_eq!(refusal(&replayed, &mut host), ProtocolError::Refused { code: 8 });
    let mut host = connect(7, &mut door);
    assert_eq!(begin(&mut host, &mut door, &signed), Ok(1400));
}

#[test]
fn rejects_updates_where_there_are_no_slots() {
    let chip = chip();
    let mut door = Door::new(&chip);
    let host = &mut connect(7, &mut door);
    for request in [
        Request::Model,
        Request::Begin { manifest: &[] },
        Request::Piece { at: 0, bytes: &[] },
        Request::Finish,
    ] {
        let no_slots = Response::Refused { why: Refusal::NoSlots, text: "" };
        ask(host, &mut door, request, |answer| assert_eq!(answer, Ok(no_slots)));
    }
}
