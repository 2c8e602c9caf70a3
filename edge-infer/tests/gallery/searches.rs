//! Random galleries: every search against the obvious loop over all rows, on every tier that there
//! is.
//!
//! This file needs no more than `alloc`: `tests/bare-metal` has it too.

use alloc::vec::Vec;
use core::ops::Range;

use edge_infer::kernels::Tier;
use edge_infer::matching::{Best, GalleryView, Match, TemplateRef, Top, cosine};
use model_format::ModelId;

const MODEL: ModelId = ModelId([7; 16]);

/// Lengths around every vector, and those of which tiers take many rows at once.
pub(crate) const LENGTHS: [usize; 14] =
    [1, 2, 15, 17, 64, 65, 127, 128, 129, 255, 256, 257, 512, 513];

/// Counts around every group and block of rows.
pub(crate) const COUNTS: [usize; 14] = [0, 1, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 128, 203];

/// What a gallery is made of.
pub(crate) struct Shape {
    pub(crate) len: usize,
    pub(crate) rows: usize,
    /// At most so many.
    pub(crate) people: usize,
    /// Any other number gives other values.
    pub(crate) seed: u64,
}

/// A gallery's arrays.
pub(crate) struct Arrays {
    len: usize,
    rows: Vec<i8>,
    inverse_norms: Vec<f32>,
    people: Vec<u32>,
}

impl Arrays {
    /// One seed in three gives only the two extremes, one only -1, 0 and 1 and so many equal
    /// cosines; of the others every fourth row is that of someone before.
    pub(crate) fn random(shape: &Shape) -> Self {
        let mut draw = Draw(shape.seed);
        let (len, mut rows) = (shape.len, Vec::new());
        for row in 0..shape.rows {
            if shape.seed.is_multiple_of(3) && row > 0 && draw.below(4) == 0 {
                let earlier = draw.below(row) * len;
                rows.extend_from_within(earlier..earlier + len);
            } else {
                rows.extend(draw.values(shape.seed % 3, len));
            }
        }
        let inverse_norms = rows.chunks(len).map(|row| template(row).inverse_norm().get());
        let people = (0..shape.rows).map(|_| draw.below(shape.people) as u32).collect();
        Self { len, inverse_norms: inverse_norms.collect(), rows, people }
    }

    pub(crate) fn view(&self) -> GalleryView<'_> {
        self.part(0..self.people.len())
    }

    fn part(&self, rows: Range<usize>) -> GalleryView<'_> {
        let Self { len, inverse_norms, people, .. } = self;
        let values = &self.rows[rows.start * len..rows.end * len];
        let (inverse_norms, people) = (&inverse_norms[rows.clone()], &people[rows]);
        GalleryView::new(MODEL, *len, values, inverse_norms, people).expect("they fit each other")
    }

    fn cosines(&self, probe: &[i8]) -> impl Iterator<Item = Match> {
        let rows = self.rows.chunks(self.len).zip(&self.people);
        rows.map(move |(row, &person)| Match {
            person,
            cosine: cosine(template(probe), template(row)).expect("one model, one length"),
        })
    }

    /// The reference: row by row, the closest so far and the closest of anyone else.
    fn best(&self, probe: &[i8]) -> Option<Best> {
        let mut matches = self.cosines(probe);
        let mut best = matches.next()?;
        let mut runner_up: Option<Match> = None;
        for next in matches {
            if next.cosine > best.cosine {
                // The old best was the closest so far, so it is the closest of everyone but itself.
                if next.person != best.person {
                    runner_up = Some(best);
                }
                best = next;
            } else if next.person != best.person
                && runner_up.is_none_or(|second| next.cosine > second.cosine)
            {
                runner_up = Some(next);
            }
        }
        Some(Best { person: best.person, cosine: best.cosine, runner_up })
    }

    /// The reference of longer lists: all rows sorted, each person's first.
    fn everyone(&self, probe: &[i8]) -> Vec<Match> {
        let mut all: Vec<Match> = self.cosines(probe).collect();
        // Stable: ties stay in the order of enrolment.
        all.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        let mut people = Vec::new();
        for next in all {
            if people.iter().all(|listed: &Match| listed.person != next.person) {
                people.push(next);
            }
        }
        people
    }
}

/// Searches a random gallery with three probes at once and one by one.
pub(crate) fn check_searches(shape: &Shape) {
    let arrays = Arrays::random(shape);
    let mut draw = Draw(!shape.seed);
    let stranger = draw.values(shape.seed % 3, shape.len);
    let extreme = draw.values(1, shape.len);
    let enrolled = arrays.rows.chunks(shape.len).nth(draw.below(shape.rows.max(1)));
    let probes = [&stranger, enrolled.unwrap_or(&extreme), &extreme];
    let expected = probes.map(|probe| (arrays.best(probe), arrays.everyone(probe)));
    for tier in Tier::available() {
        let gallery = arrays.view().with_tier(tier);
        for (probe, (best, everyone)) in probes.iter().zip(&expected) {
            assert_eq!(&gallery.search(template(probe)).expect("it fits"), best, "{tier:?}");
            check_top::<0>(&gallery, probe, everyone);
            check_top::<1>(&gallery, probe, everyone);
            check_top::<3>(&gallery, probe, everyone);
            check_top::<40>(&gallery, probe, everyone);
        }
        check_each(&gallery, probes.map(template));
    }
    let middle = draw.below(shape.rows + 1);
    let parts = [arrays.part(0..middle), arrays.part(middle..shape.rows)];
    let [mut top, last] = parts.map(|part| part.search_top::<4>(template(&stranger)));
    let top = top.as_mut().expect("it fits");
    top.merge(&last.expect("it fits"));
    check_slice(top, &expected[0].1);
}

fn check_top<const K: usize>(gallery: &GalleryView<'_>, probe: &[i8], everyone: &[Match]) {
    let top: Top<K> = gallery.search_top(template(probe)).expect("it fits");
    check_slice(&top, everyone);
}

fn check_slice<const K: usize>(top: &Top<K>, everyone: &[Match]) {
    assert_eq!(**top, everyone[..everyone.len().min(K)]);
}

/// One pass for all is as many searches.
pub(crate) fn check_each<const P: usize>(gallery: &GalleryView<'_>, probes: [TemplateRef<'_>; P]) {
    let each: [Top<5>; P] = gallery.search_each(&probes).expect("they fit");
    assert_eq!(each, probes.map(|probe| gallery.search_top(probe).expect("it fits")));
}

pub(crate) fn template(values: &[i8]) -> TemplateRef<'_> {
    TemplateRef::from_values(values, MODEL).expect("no row is zero")
}

/// Deterministic numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }

    fn values(&mut self, kind: u64, len: usize) -> Vec<i8> {
        let value = |_| match kind {
            0 => self.below(256) as u8 as i8,
            1 => [i8::MIN, i8::MAX][self.below(2)],
            _ => self.below(3) as i8 - 1,
        };
        let mut values: Vec<i8> = (0..len).map(value).collect();
        if values.iter().all(|&value| value == 0) {
            values[0] = 1;
        }
        values
    }
}
