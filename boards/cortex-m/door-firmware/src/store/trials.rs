//! Cuts the power at every operation of an action, before it, partly and after it, and counts what is found when it comes back. Which
//! state that is, and that it is a good one, is left to the store's own tests.

use std::println;

use super::sim::{Cut, SimFlash};

/// What is found after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// As if the action had not begun.
    Old,
    /// As if it had returned.
    New,
}

/// How many cuts there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) cuts: u64,
    pub(crate) old: u64,
    pub(crate) new: u64,
}

/// How many different ways an operation is cut in its middle.
const SEEDS: u64 = 6;

/// Does `act` on a copy of `flash` for each way to cut it, gives power again and asks `look`, which opens the store and checks it. Then
/// the same with a second cut at each operation of the opening, which is found by `open`.
pub(crate) fn every_cut<const WRITE: usize, const PAGE: usize, const ERASE: usize>(
    what: &str,
    flash: &SimFlash<WRITE, PAGE, ERASE>,
    act: impl Fn(&mut SimFlash<WRITE, PAGE, ERASE>),
    open: impl Fn(&mut SimFlash<WRITE, PAGE, ERASE>),
    look: impl Fn(&mut SimFlash<WRITE, PAGE, ERASE>) -> State,
) -> Tally {
    let operations = count(flash, &act);
    let mut tally = Tally { operations, ..Tally::default() };
    let mut found = |flash: &mut SimFlash<WRITE, PAGE, ERASE>| {
        tally.cuts += 1;
        match look(flash) {
            State::Old => tally.old += 1,
            State::New => tally.new += 1,
        }
    };
    for at in 0..operations {
        for cut in cuts() {
            let left = cut_at(flash, at, cut, &act);
            found(&mut left.clone());
            if PAGE == 1 || cut != Cut::Partly(at % SEEDS) {
                continue;
            }
            for second in 0..count(&left, &open) {
                for cut in cuts() {
                    found(&mut cut_at(&left, second, cut, &open));
                }
            }
        }
    }
    let Tally { cuts, old, new, .. } = tally;
    println!(
        "| {what:<24} | {WRITE:>2} / {PAGE:>3} / {ERASE:>6} | {operations:>5} | {cuts:>6} | {old:>6} | {new:>6} |"
    );
    tally
}

fn cuts() -> impl Iterator<Item = Cut> {
    [Cut::Before, Cut::After].into_iter().chain((0..SEEDS).map(Cut::Partly))
}

fn count<const WRITE: usize, const PAGE: usize, const ERASE: usize>(
    flash: &SimFlash<WRITE, PAGE, ERASE>,
    act: impl Fn(&mut SimFlash<WRITE, PAGE, ERASE>),
) -> u64 {
    let mut flash = flash.clone();
    let before = flash.operations();
    act(&mut flash);
    flash.operations() - before
}

fn cut_at<const WRITE: usize, const PAGE: usize, const ERASE: usize>(
    flash: &SimFlash<WRITE, PAGE, ERASE>,
    at: u64,
    cut: Cut,
    act: impl Fn(&mut SimFlash<WRITE, PAGE, ERASE>),
) -> SimFlash<WRITE, PAGE, ERASE> {
    let mut flash = flash.clone();
    flash.cut_at(at, cut);
    act(&mut flash);
    assert!(flash.is_off(), "operation {at} was not reached");
    flash.power_on();
    flash
}
