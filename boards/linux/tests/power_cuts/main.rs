//! Power cuts and failures at every step of every change, within writes at every byte, and at every step of the recovery from each
//! of them.
//!
//! After any of them the next start finds the old state or the new one, whole, and everything that was acknowledged. Each test
//! prints how many it tried; two show that a forgotten sync does not get past it.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

mod disk;
mod log;
mod pending;
mod people;
mod stories;

use disk::{CutDisk, Fault, Step};
use pending::{SURVIVALS, Survival};

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    cuts: usize,
    cuts_in_recovery: usize,
    old: usize,
    new: usize,
    acknowledged: usize,
}

/// Where a step can be cut: in a write before each byte and after the last.
fn places(step: Step) -> impl Iterator<Item = usize> {
    0..=if let Step::Write(len) = step { len } else { 0 }
}

/// Where a step can fail: a write at its ends and within, another step without and with its effect.
fn failures(step: Step) -> Vec<usize> {
    if let Step::Write(len) = step { vec![0, len / 2, len] } else { vec![0, 1] }
}

/// Runs `change` with a cut at every place, and `check` on what every way of surviving leaves; then `check` again with a
/// cut in each of its steps, and on what that leaves.
///
/// `change` says whether it was acknowledged. `check` recovers and judges: the disk, that, and whether it may be cut itself.
fn cut_everywhere(
    start: &CutDisk,
    change: impl Fn(CutDisk) -> (CutDisk, bool),
    check: impl Fn(CutDisk, bool) -> Result<(CutDisk, Verdict), String>,
) -> Result<Tried, String> {
    let mut tried = Tried::default();
    let (whole, _) = change(start.with(None));
    // The last one is behind all steps: the power goes when everything was acknowledged.
    for (step, what) in whole.steps().into_iter().chain([Step::Idle]).enumerate() {
        for bytes in places(what) {
            let (disk, acknowledged) = change(start.with(Some(Fault::Cut { step, bytes })));
            for survival in SURVIVALS {
                tried.cuts += 1;
                tried.acknowledged += usize::from(acknowledged);
                let left = disk.after_cut(survival);
                let named = |why| format!("{what:?} {step} at {bytes}, {survival:?}: {why}");
                let (recovered, verdict) = check(left.with(None), acknowledged).map_err(named)?;
                match verdict {
                    Verdict::New => tried.new += 1,
                    _ => tried.old += 1,
                }
                // Torn after one byte or after another, it recovers alike.
                if bytes % 16 > 1 {
                    continue;
                }
                for (again, what) in recovered.steps().into_iter().enumerate() {
                    for bytes in failures(what) {
                        let cut = left.with(Some(Fault::Cut { step: again, bytes }));
                        let (cut, _) = check(cut, acknowledged).map_err(named)?;
                        for survival in [Survival::Nothing, Survival::Everything, Survival::Some(4)]
                        {
                            tried.cuts_in_recovery += 1;
                            let left = cut.after_cut(survival);
                            let named = |why| {
                                named(format!("{what:?} {again} at {bytes}, {survival:?}: {why}"))
                            };
                            check(left, acknowledged).map_err(named)?;
                        }
                    }
                }
            }
        }
    }
    Ok(tried)
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Old,
    New,
    /// The power went while it looked.
    Cut,
}
