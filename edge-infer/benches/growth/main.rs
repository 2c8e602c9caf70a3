//! How time grows with a network: MobileFaceNets of several widths and input sizes, with random weights, by their
//! multiply-accumulates.
//!
//! `cargo bench -p edge-infer --features std --bench growth [-- TIER]`. Networks take turns, and the least time of each counts. A
//! line through the times, `fixed + per_mac * macs` with the least squares of relative errors, says what growth in proportion would
//! be; the worst deviation from it is printed for sizes alone, for widths alone and for all.

mod network;

use std::time::Instant;

use edge_infer::engine::Engine;
use edge_infer::kernels::Tier;
use model_format::ModelFile;

const SIDES: [u16; 5] = [56, 80, 112, 160, 224];
/// In percent.
const WIDTHS: [u16; 6] = [25, 50, 75, 100, 150, 200];
const ROUNDS: usize = 100;

struct Sample {
    side: u16,
    width: u16,
    file: ModelFile,
    ms: f64,
}

impl Sample {
    fn macs(&self) -> f64 {
        self.file.view().macs() as f64
    }
}

fn main() {
    let name = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let tier =
        name.map_or_else(Tier::detect, |name| Tier::named(&name).expect("no such tier here"));
    let all = SIDES.iter().flat_map(|&side| WIDTHS.iter().map(move |&width| (side, width)));
    let mut samples: Vec<Sample> = all
        .map(|(side, width)| Sample {
            side,
            width,
            file: network::build(side, width),
            ms: f64::MAX,
        })
        .collect();
    for _ in 0..ROUNDS {
        for sample in &mut samples {
            sample.ms = sample.ms.min(time(&sample.file, tier));
        }
    }
    println!("{}: side, width, million multiply-accumulates, least ms, GMAC/s", tier.name());
    for sample in &samples {
        let Sample { side, width, ms, .. } = sample;
        let macs = sample.macs();
        println!("{side:>4} {width:>4} % {:>9.1} {ms:>9.3} {:>7.1}", macs / 1e6, macs / ms / 1e6);
    }
    deviation("input sizes, width 100 %", samples.iter().filter(|sample| sample.width == 100));
    deviation("widths, input 112x112", samples.iter().filter(|sample| sample.side == 112));
    deviation("widths from 100 % on, all inputs", samples.iter().filter(|s| s.width >= 100));
    deviation("all", samples.iter());
}

/// One run, in ms, after another that fills the caches.
fn time(file: &ModelFile, tier: Tier) -> f64 {
    let engine = Engine::with_tier(file.view(), tier);
    let image = vec![100; engine.model().input().shape.elements()];
    let mut arena = vec![0; engine.arena_bytes()];
    engine.run(&image, &mut arena).expect("the sizes are the model's");
    let start = Instant::now();
    engine.run(&image, &mut arena).expect("the sizes are the model's");
    start.elapsed().as_secs_f64() * 1e3
}

/// Fits the line and prints who is farthest from it.
fn deviation<'s>(what: &str, samples: impl Iterator<Item = &'s Sample>) {
    let samples: Vec<&Sample> = samples.collect();
    // 1 = fixed * x + per_mac * y, with x and y of each sample divided by its time.
    let (mut xx, mut xy, mut yy, mut x, mut y) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for sample in &samples {
        let (a, b) = (1.0 / sample.ms, sample.macs() / sample.ms);
        (xx, xy, yy, x, y) = (xx + a * a, xy + a * b, yy + b * b, x + a, y + b);
    }
    let determinant = xx * yy - xy * xy;
    let (fixed, per_mac) = ((x * yy - y * xy) / determinant, (y * xx - x * xy) / determinant);
    let of = |sample: &Sample| sample.ms / (fixed + per_mac * sample.macs()) - 1.0;
    let worst = samples.iter().max_by(|a, b| of(a).abs().total_cmp(&of(b).abs()));
    let worst = worst.expect("there are samples");
    println!(
        "{what}: {fixed:.3} ms + {:.2} ms a billion; at most {:+.1} % from that, {}x{} at {} %",
        per_mac * 1e9,
        100.0 * of(worst),
        worst.side,
        worst.side,
        worst.width
    );
}
