//! Search of a gallery, beside a plain read of as many bytes: what the memory could give.
//!
//! `cargo bench -p edge-infer --features std --bench search [FILTER]`. Templates have 128 values, so
//! that 1,000 of them lie in the second cache of most processors, 100,000 in the last one of a server
//! and a million in none. `benches/search/compare.sh` has faiss beside it.

use core::num::NonZero;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use edge_infer::kernels::Tier;
use edge_infer::matching::{GalleryView, InverseNorm, TemplateRef};
use model_format::ModelId;

const MODEL: ModelId = ModelId([1; 16]);
const LEN: usize = 128;
const ROWS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Bytes of a cache line.
const LINE: usize = 64;

fn main() {
    divan::main();
}

/// A gallery of random templates, each of another person.
struct Gallery {
    /// The rows, from `first` on.
    storage: Vec<i8>,
    first: usize,
    inverse_norms: Vec<f32>,
    people: Vec<u32>,
}

impl Gallery {
    /// Every row begins `offset` bytes behind the start of a cache line.
    fn new(rows: usize, offset: usize) -> Self {
        let mut storage = vec![0; rows * LEN + 2 * LINE];
        let first = storage.as_ptr().align_offset(LINE) + offset;
        let mut state = 1_u64;
        for value in &mut storage {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            *value = (state >> 56) as i8;
        }
        let of = |row: &[i8]| InverseNorm::of(row).expect("not zero").get();
        let inverse_norms = storage[first..][..rows * LEN].chunks(LEN).map(of).collect();
        Self { storage, first, inverse_norms, people: (0..rows as u32).collect() }
    }

    fn values(&self) -> &[i8] {
        &self.storage[self.first..][..self.people.len() * LEN]
    }

    fn view(&self) -> GalleryView<'_> {
        GalleryView::new(MODEL, LEN, self.values(), &self.inverse_norms, &self.people)
            .expect("they fit each other")
    }

    /// Templates of its own, from the middle on.
    fn probes<const P: usize>(&self) -> [TemplateRef<'_>; P] {
        let middle = self.people.len() / 2 * LEN;
        core::array::from_fn(|probe| {
            let values = &self.values()[middle + probe * LEN..][..LEN];
            TemplateRef::from_values(values, MODEL).expect("not zero")
        })
    }
}

/// Whom each probe is closest to.
fn search<const P: usize>(bencher: Bencher<'_, '_>, gallery: &Gallery, view: GalleryView<'_>) {
    let probes = gallery.probes::<P>();
    bencher
        .counter(BytesCount::of_slice(gallery.values()))
        .bench_local(|| view.search_each::<1, P>(black_box(&probes)));
}

#[divan::bench(args = ROWS)]
fn plain_read(bencher: Bencher<'_, '_>, rows: usize) {
    let words = vec![1_u64; rows * LEN / size_of::<u64>()];
    bencher
        .counter(BytesCount::of_slice(&words[..]))
        .bench_local(|| black_box(&words[..]).iter().fold(0, |all, word| all ^ word));
}

#[divan::bench(args = ROWS)]
fn one_probe(bencher: Bencher<'_, '_>, rows: usize) {
    let gallery = Gallery::new(rows, 0);
    search::<1>(bencher, &gallery, gallery.view());
}

#[divan::bench(args = ROWS)]
fn rows_across_lines(bencher: Bencher<'_, '_>, rows: usize) {
    let gallery = Gallery::new(rows, LINE / 4);
    search::<1>(bencher, &gallery, gallery.view());
}

#[divan::bench(args = ROWS)]
fn eight_probes(bencher: Bencher<'_, '_>, rows: usize) {
    let gallery = Gallery::new(rows, 0);
    search::<8>(bencher, &gallery, gallery.view());
}

#[divan::bench(args = ROWS)]
fn two_threads(bencher: Bencher<'_, '_>, rows: usize) {
    let gallery = Gallery::new(rows, 0);
    let two = NonZero::new(2).expect("not zero");
    search::<1>(bencher, &gallery, gallery.view().with_threads(two));
}

#[divan::bench(args = ROWS)]
fn eight_probes_two_threads(bencher: Bencher<'_, '_>, rows: usize) {
    let gallery = Gallery::new(rows, 0);
    let two = NonZero::new(2).expect("not zero");
    search::<8>(bencher, &gallery, gallery.view().with_threads(two));
}

#[divan::bench(args = Tier::available().map(Tier::name))]
fn tier_100000(bencher: Bencher<'_, '_>, name: &str) {
    let gallery = Gallery::new(100_000, 0);
    let tier = Tier::named(name).expect("it is there");
    search::<1>(bencher, &gallery, gallery.view().with_tier(tier));
}

/// What a gallery costs once, before it can be searched.
#[divan::bench(args = ROWS)]
fn checking(bencher: Bencher<'_, '_>, rows: usize) {
    let gallery = Gallery::new(rows, 0);
    bencher.bench_local(|| black_box(&gallery).view());
}
