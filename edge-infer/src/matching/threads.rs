//! A scan by several threads: each takes rows that lie together, and what they find is merged in the
//! order of enrolment, so that it is what one thread finds.

use std::thread::{self, Builder};

use super::scan::Rows;
use super::{TemplateRef, Top};
use crate::kernels::Tier;

/// Rows that are worth a thread: fewer take hardly longer than starting it.
const WORTH_A_THREAD: usize = 100_000;

/// As [`Rows::closest`], by at most so many threads, this one included: it starts one for half of the
/// rows, and either half is shared out in the same way. What no thread can be started for is
/// scanned here.
pub(super) fn closest<const K: usize, const P: usize>(
    rows: Rows<'_>,
    tier: Tier,
    probes: &[TemplateRef<'_>; P],
    threads: usize,
) -> [Top<K>; P] {
    let count = rows.people.len();
    let threads = threads.min(count / WORTH_A_THREAD);
    if threads < 2 {
        return rows.closest(tier, probes);
    }
    let mine = threads / 2;
    let mut last = rows;
    let first = last.split_off(count / threads * mine);
    thread::scope(|scope| {
        let search_last = || closest::<K, P>(last, tier, probes, threads - mine);
        let other = Builder::new().spawn_scoped(scope, search_last);
        let mut found = closest(first, tier, probes, mine);
        let other = other.ok().and_then(|other| other.join().ok());
        let other = other.unwrap_or_else(|| last.closest(tier, probes));
        for (found, other) in found.iter_mut().zip(&other) {
            found.merge(other);
        }
        found
    })
}
