//! Updates through power cuts, with wrong signatures, old counters and damage: a signed, whole model runs, or an error says why none.

use core::cell::RefCell;
use std::vec::Vec;

use ed25519_dalek::{Signer as _, SigningKey};
use model_format::ModelId;
use proptest::prelude::*;

use super::*;
use crate::store::flash::Shared;
use crate::store::sim::{Cut, Rp2350, SimFlash};
use crate::store::trials::{State as Found, every_cut};

type Chip<const W: usize, const P: usize, const E: usize> = SimFlash<W, P, E>;

/// Slots of one sector each, then two of states.
fn layout(sector: u32) -> Layout {
    Layout { a: 0..sector, b: sector..2 * sector, state: 2 * sector..4 * sector }
}

fn owner() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn key() -> PublicKey {
    PublicKey(owner().verifying_key().to_bytes())
}

/// Stands for a file: no multiple of anything, different for each counter.
fn file(counter: u32) -> Vec<u8> {
    (0..333 + counter % 3).map(|i| (i * 31 + counter * 101) as u8).collect()
}

fn signed_by(owner: &SigningKey, counter: u32) -> SignedManifest {
    let file = file(counter);
    let sha256 = Sha256::digest(&file).into();
    let manifest = Manifest {
        counter,
        length: file.len() as u32,
        sha256,
        model: ModelId([counter as u8; 16]),
        answer: 7 * counter,
    };
    SignedManifest { manifest, signature: owner.sign(&manifest.message()).to_bytes() }
}

fn signed(counter: u32) -> SignedManifest {
    signed_by(&owner(), counter)
}

fn with<const W: usize, const P: usize, const E: usize, T>(
    flash: &mut Chip<W, P, E>,
    act: impl FnOnce(&mut Models<Shared<'_, Chip<W, P, E>>>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    let cell = RefCell::new(flash.clone());
    let acted = Models::open(Shared(&cell), layout(E as u32), key())
        .and_then(|mut models| act(&mut models));
    *flash = cell.into_inner();
    acted
}

pub(crate) fn install<F: NorFlash + Clone>(
    models: &mut Models<F>,
    counter: u32,
) -> Result<(), ModelError> {
    let mut install = models.install(signed(counter))?;
    // In pieces that fit nothing.
    file(counter).chunks(50).try_for_each(|piece| install.write(piece))?;
    install.finish()
}

/// Boots, and looks whether the file is the manifest's.
fn boot<const W: usize, const P: usize, const E: usize>(
    flash: &mut Chip<W, P, E>,
) -> Result<(u32, Why), ModelError> {
    let Boot { file: at, manifest, why, .. } = with(flash, |models| models.boot())?;
    let stored = &flash.bytes()[at.start as usize..at.end as usize];
    assert_eq!(stored, file(manifest.counter));
    assert_eq!(at.start % 64, 0);
    Ok((manifest.counter, why))
}

/// A chip on which this model was installed, booted and confirmed, and ones before it.
fn running<const W: usize, const P: usize, const E: usize>(counter: u32) -> Chip<W, P, E> {
    let mut flash = Chip::new(4);
    for counter in 1..=counter {
        with(&mut flash, |models| install(models, counter)).unwrap();
        assert_eq!(boot(&mut flash), Ok((counter, Why::Trial)));
        with(&mut flash, |models| models.confirm()).unwrap();
    }
    assert_eq!(boot(&mut flash), Ok((counter, Why::Confirmed)));
    flash
}

/// Cuts `act`; afterwards model 2 or 3 boots, and an update to 4 works.
fn cut<const W: usize, const P: usize, const E: usize>(
    what: &str,
    flash: &Chip<W, P, E>,
    act: impl Fn(&mut Chip<W, P, E>),
) {
    let reopen = |flash: &mut Chip<W, P, E>| {
        let _ = with(flash, |models| models.boot());
    };
    let look = |flash: &mut Chip<W, P, E>| {
        let (counter, why) = boot(flash).unwrap();
        assert!(counter == 2 || counter == 3, "{counter} {why:?}");
        if why == Why::Trial {
            assert_eq!(with(flash, |models| install(models, 4)), Err(ModelError::OnTrial));
            with(flash, |models| models.confirm()).unwrap();
            assert_eq!(boot(flash), Ok((counter, Why::Confirmed)));
        }
        with(flash, |models| install(models, 4)).unwrap();
        assert_eq!(boot(flash), Ok((4, Why::Trial)));
        assert_eq!(boot(flash), Ok((counter, Why::RolledBack)));
        if counter == 3 { Found::New } else { Found::Old }
    };
    let tally = every_cut(what, flash, act, reopen, look);
    assert_eq!((tally.old + tally.new, tally.old > 0, tally.new > 0), (tally.cuts, true, true));
}

fn cuts_of<const W: usize, const P: usize, const E: usize>() {
    let two = running::<W, P, E>(2);
    cut("model, install", &two, |flash| {
        let _ = with(flash, |models| install(models, 3));
    });
    let mut three = two.clone();
    with(&mut three, |models| install(models, 3)).unwrap();
    cut("model, first boot", &three, |flash| {
        let _ = with(flash, |models| models.boot());
    });
    assert_eq!(boot(&mut three), Ok((3, Why::Trial)));
    cut("model, confirm", &three, |flash| {
        let _ = with(flash, |models| models.confirm());
    });
}

#[test]
fn a_cut_anywhere_leaves_a_model_that_boots() {
    cuts_of::<32, 32, 0x2_0000>();
    cuts_of::<1, 256, 4096>();
    cuts_of::<1, 1, 4096>();
}

/// The states go round their ring many times.
#[test]
fn a_hundred_updates_one_after_another() {
    let flash = running::<1, 256, 4096>(100);
    assert!(flash.erases()[2] > 1 && flash.erases()[3] > 1, "{:?}", flash.erases());
}

#[test]
fn a_trial_that_is_not_confirmed_is_over() {
    let mut flash = running::<1, 256, 4096>(2);
    with(&mut flash, |models| install(models, 3)).unwrap();
    assert_eq!(
        with(&mut flash, |models| models.confirm()),
        Err(ModelError::NotOnTrial),
        "it did not start yet"
    );
    assert_eq!(boot(&mut flash), Ok((3, Why::Trial)));
    assert_eq!(boot(&mut flash), Ok((2, Why::RolledBack)));
    assert_eq!(boot(&mut flash), Ok((2, Why::Confirmed)));
    assert_eq!(with(&mut flash, |models| models.confirm()), Err(ModelError::NotOnTrial));
}

/// The very first model has nothing to come back to, and does not come back itself.
#[test]
fn a_first_model_that_fails_leaves_none() {
    let mut flash = Rp2350::new(4);
    assert_eq!(boot(&mut flash), Err(ModelError::NoModel));
    with(&mut flash, |models| install(models, 1)).unwrap();
    assert_eq!(boot(&mut flash), Ok((1, Why::Trial)));
    assert_eq!(boot(&mut flash), Err(ModelError::NoModel));
    with(&mut flash, |models| install(models, 1)).unwrap();
    assert_eq!(boot(&mut flash), Ok((1, Why::Trial)));
    with(&mut flash, |models| models.confirm()).unwrap();
}

#[test]
fn rejects_manifests_of_others() {
    let mut flash = running::<1, 256, 4096>(2);
    let before = flash.bytes().to_vec();
    let stranger = SigningKey::from_bytes(&[8; 32]);
    let mut raised = signed(2);
    raised.manifest.counter = 9;
    for (manifest, counter) in [(signed_by(&stranger, 3), 3), (raised, 9)] {
        let refused = with(&mut flash, |models| models.install(manifest).map(|_| ()));
        assert_eq!(refused, Err(ModelError::Signature { counter }));
    }
    assert_eq!(flash.bytes(), before, "nothing was changed");
}

#[test]
fn rejects_what_is_not_newer() {
    let mut flash = running::<1, 256, 4096>(2);
    for counter in [1, 2] {
        let refused = with(&mut flash, |models| install(models, counter));
        assert_eq!(refused, Err(ModelError::Older { counter, floor: 2 }));
    }
    assert_eq!(boot(&mut flash), Ok((2, Why::Confirmed)));
}

#[test]
fn rejects_files_that_do_not_fit_the_slot_or_the_manifest() {
    let mut flash = running::<1, 256, 4096>(2);
    let manifest = Manifest { length: 4000, ..signed(3).manifest };
    let long = SignedManifest { manifest, signature: owner().sign(&manifest.message()).to_bytes() };
    let refused = with(&mut flash, |models| models.install(long).map(|_| ()));
    assert_eq!(refused, Err(ModelError::Length { length: 4000, capacity: 4096 - 192 }));
    let of_three = file(3);
    let sent = |flash: &mut Rp2350, bytes: &[u8]| {
        with(flash, |models| {
            let mut install = models.install(signed(3))?;
            install.write(bytes)?;
            install.finish()
        })
    };
    let length = of_three.len() as u32;
    assert_eq!(
        sent(&mut flash, &of_three[1..]),
        Err(ModelError::Count { found: length - 1, length })
    );
    let longer = [&of_three[..], &[0]].concat();
    assert_eq!(sent(&mut flash, &longer), Err(ModelError::Count { found: length + 1, length }));
    let mut changed = of_three.clone();
    changed[300] ^= 1;
    assert_eq!(sent(&mut flash, &changed), Err(ModelError::Hash { counter: 3 }));
    assert_eq!(boot(&mut flash), Ok((2, Why::Confirmed)));
    assert_eq!(sent(&mut flash, &of_three), Ok(()));
    assert_eq!(boot(&mut flash), Ok((3, Why::Trial)));
}

/// A bit of the model that runs, or of what is noted of it: it is not run, and the one before is, or the newest state is.
#[test]
fn a_flipped_bit_runs_no_damaged_model() {
    let flash = running::<1, 256, 4096>(3);
    let (mut fallbacks, mut same) = (0, 0);
    for bit in (0..4 * 4096 * 8).step_by(41) {
        let mut flash = flash.clone();
        flash.flip(bit);
        match boot(&mut flash) {
            Ok((3, Why::Confirmed)) => same += 1,
            // The states before the newest one are those of a trial.
            Ok((3, Why::Trial) | (2, Why::RolledBack | Why::Fallback)) => fallbacks += 1,
            other => panic!("bit {bit}: {other:?}"),
        }
    }
    assert!(fallbacks > 60 && same > 2000, "{fallbacks} {same}");
}

#[test]
fn both_damaged_is_an_error() {
    let mut flash = running::<1, 256, 4096>(2);
    flash.flip((192 + 5) * 8);
    flash.flip((4096 + 192 + 5) * 8);
    assert_eq!(boot(&mut flash), Err(ModelError::NoModel));
}

#[test]
fn a_manifest_is_as_drawn() {
    let bytes = signed(3).to_bytes();
    assert_eq!(SignedManifest::from_bytes(&bytes), signed(3));
    assert_eq!(
        (bytes[..4].as_ref(), bytes[4..8].as_ref()),
        (&[3, 0, 0, 0][..], &333_u32.to_le_bytes()[..])
    );
    assert_eq!(
        (bytes[40..56].as_ref(), bytes[56..60].as_ref()),
        (&[3; 16][..], &[21, 0, 0, 0][..])
    );
    let message = signed(3).manifest.message();
    assert_eq!(message[..20], *b"door model update v1");
    assert_eq!(message[20..], bytes[..60]);
}

proptest! {
    /// Any bytes in the slots and states: a model that is signed and whole, or an error.
    #[test]
    fn any_damage_is_a_whole_model_or_an_error(flips in prop::collection::vec(0_usize..4 * 4096 * 8, 0..400), near in any::<bool>()) {
        let mut flash = running::<1, 256, 4096>(2);
        for flip in flips {
            flash.flip(if near { flip % (600 * 8) + flip / (4096 * 8) * 4096 * 8 } else { flip });
        }
        match boot(&mut flash) {
            Ok((counter, _)) => prop_assert!(counter == 1 || counter == 2),
            Err(error) => prop_assert_eq!(error, ModelError::NoModel),
        }
        flash.cut_at(0, Cut::Before);
        prop_assert!(with(&mut flash, |models| install(models, 3)).is_err());
        flash.power_on();
    }
}
