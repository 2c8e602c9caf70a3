//! Updates through all that a line and a power supply can do.

use super::*;

#[test]
fn an_update_runs_and_is_confirmed() {
    let chip = RefCell::new(chip());
    let desk = RefCell::new(Desk::new(&chip));
    assert_eq!(reported(&desk), (3, Why::Confirmed));
    let mut told = Vec::new();
    let four = package(4);
    with(&desk, |dial| dial.push(&four, &mut |came| told.push(came))).unwrap();
    assert_eq!(told, [0, 704, 1408, 2112, 2816, 3520, 4224, 4928]);
    assert_eq!(reported(&desk), (3, Why::Confirmed), "until it starts again");
    let report = with(&desk, |dial| dial.try_out(&four)).unwrap();
    let expected =
        ModelReport { runs: four.version(), why: Why::Confirmed, floor: 4, waiting: None };
    assert_eq!(report, expected);
    // It has it.
    assert_eq!(update(&desk, &four).unwrap(), expected);
}

#[test]
fn a_trial_that_fails_is_rolled_back_and_the_host_hears_of_it() {
    let chip = RefCell::new(chip());
    let desk = RefCell::new(Desk { healthy: false, ..Desk::new(&chip) });
    // The start that fails its self-test answers nobody; the next line finds power given again.
    let report = update(&desk, &package(4)).unwrap();
    assert_eq!((report.runs.counter, report.why, report.floor), (3, Why::RolledBack, 3));
    desk.borrow_mut().healthy = true;
    assert_eq!(update(&desk, &package(4)).unwrap().runs.counter, 4);
}

/// Every operation of the flash during an update, its restart and its trial.
#[test]
fn power_that_fails_anywhere_while_the_host_retries_ends_with_the_new_model() {
    let whole = RefCell::new(chip());
    let before = whole.borrow().operations();
    update(&RefCell::new(Desk::new(&whole)), &package(4)).unwrap();
    let operations = whole.borrow().operations() - before;
    let (mut old, mut new) = (0, 0);
    for at in 0..operations {
        for cut in [Cut::Before, Cut::Partly(at), Cut::Partly(at + 7), Cut::After] {
            let chip = RefCell::new(chip());
            chip.borrow_mut().cut_at(at, cut);
            let desk = RefCell::new(Desk::new(&chip));
            let result = update(&desk, &package(4));
            // One that was cut in its trial is over; it may be sent again.
            let report = result.unwrap();
            match (report.runs.counter, report.why) {
                (4, Why::Confirmed) => new += 1,
                (3, Why::RolledBack) => {
                    old += 1;
                    assert_eq!(update(&desk, &package(4)).unwrap().runs.counter, 4);
                }
                other => panic!("{at} {cut:?}: {other:?}"),
            }
            assert_eq!(boots(&chip.borrow()), 4);
        }
    }
    println!(
        "{operations} operations, {} cuts: {new} ended with the new model, {old} with the old one",
        old + new
    );
    assert!(operations > 80 && old > 0 && new > 300, "{operations} {old} {new}");
}

/// And a host that gives up: what runs then is the old model or the new one.
#[test]
fn power_that_fails_anywhere_leaves_the_old_model_or_the_new_one() {
    let (mut old, mut new) = (0, 0);
    for at in 0.. {
        let chip = RefCell::new(chip());
        chip.borrow_mut().cut_at(at, Cut::Partly(at));
        let desk = RefCell::new(Desk::new(&chip));
        let _ = with(&desk, |dial| {
            dial.patience.tries = 1;
            dial.push(&package(4), &mut |_| {})
        });
        let cut = chip.borrow().is_off();
        chip.borrow_mut().power_on();
        match boots(&chip.borrow()) {
            3 => old += 1,
            4 => new += 1,
            other => panic!("{at}: {other}"),
        }
        if !cut {
            break;
        }
    }
    assert!(old > 80 && new >= 1, "{old} {new}");
}

#[test]
fn a_line_that_is_lost_at_any_byte_is_taken_up_again() {
    for bytes in (0..9000).step_by(37) {
        let chip = RefCell::new(chip());
        let desk = RefCell::new(Desk { fault: Fault::LostAfter(bytes), ..Desk::new(&chip) });
        let mut told = Vec::new();
        with(&desk, |dial| dial.push(&package(4), &mut |came| told.push(came))).unwrap();
        // No byte was sent for nothing but the ones on the line.
        assert!(told.windows(2).all(|two| two[0] <= two[1]), "{bytes}: {told:?}");
        assert_eq!(boots(&chip.borrow()), 4, "{bytes}");
    }
}

#[test]
fn frames_that_are_repeated_swapped_or_changed_do_no_harm() {
    for fault in [Fault::Twice, Fault::Later, Fault::Flipped] {
        // A zero, the hello, the report, the manifest, pieces, the end.
        for frame in 1..14 {
            let chip = RefCell::new(chip());
            let desk = RefCell::new(Desk { fault: fault(frame), ..Desk::new(&chip) });
            with(&desk, |dial| dial.push(&package(4), &mut |_| {})).unwrap();
            assert_eq!(boots(&chip.borrow()), 4, "{:?}", fault(frame));
        }
    }
}

#[test]
fn rejects_what_another_owner_signed_and_what_is_older() {
    let chip = RefCell::new(chip());
    let desk = RefCell::new(Desk::new(&chip));
    let theirs = package_by(&SigningKey::from_seed(&[6; 32]), 4);
    let error = update(&desk, &theirs).unwrap_err().to_string();
    assert!(error.contains("the manifest of update 4 is not signed by this door's key"), "{error}");
    let error = update(&desk, &package(2)).unwrap_err().to_string();
    let text = "the door refuses the update: update 2 is not newer than 3, which was confirmed; it runs the model that it ran";
    assert_eq!(error, text);
    assert_eq!((reported(&desk), boots(&chip.borrow())), ((3, Why::Confirmed), 3));
}

#[test]
fn rejects_another_shared_key_at_once() {
    let chip = RefCell::new(chip());
    let desk = RefCell::new(Desk::new(&chip));
    let error = with(&desk, |dial| {
        dial.key = Key::new([8; 32]);
        dial.push(&package(4), &mut |_| {}).unwrap_err()
    });
    assert_eq!(error.to_string(), "the device has another key than the file given with --key");
    assert_eq!(desk.borrow().frames, 3, "it was tried once");
}

#[test]
fn a_device_that_never_answers_is_given_up_with_advice() {
    let mut tried = 0;
    let mut open = || {
        tried += 1;
        Ok(io::Cursor::new(Vec::new()))
    };
    let patience = Patience { tries: 3, pause: Duration::ZERO, restart: 2 };
    let mut dial = Dial { key: Key::new(KEY), open: &mut open, patience };
    let error = dial.push(&package(4), &mut |_| {}).unwrap_err();
    assert!(
        matches!(error, UpdateError::Lost { tries: 3, came: 0, length: 5004, .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("is this its port, has it power")
            && text.contains("give the same command again"),
        "{text}"
    );
    let error = dial.try_out(&package(4)).unwrap_err();
    assert!(error.to_string().contains("look at its light"), "{error}");
    assert_eq!(tried, 5);
}
