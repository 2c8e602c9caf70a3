//! Runs a model on a tier, for tools that count instructions or compare times: the count of two runs
//! less that of one is exactly one run.
//!
//! ```text
//! run_model FILE.afm TIER RUNS
//! ```
//!
//! Prints the tier, a checksum of the embedding, or of all that the operations write where there is none, which is the same on every
//! tier, and the median and the least time of a run in ms. See `tests/arm.sh` and `benches/peers/run`.

use edge_infer::engine::Engine;
use edge_infer::kernels::Tier;
use model_format::ModelFile;
use std::time::Instant;

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, tier, runs] = arguments.as_slice() else {
        return Err("run_model FILE.afm TIER RUNS".into());
    };
    let tier = Tier::named(tier).ok_or("this processor does not have that tier")?;
    let model = ModelFile::from_bytes(std::fs::read(file)?)?;
    let engine = Engine::with_tier(model.view(), tier);
    let image: Vec<u8> = (0_u32..)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .take(engine.model().input().shape.elements())
        .collect();
    let mut arena = vec![0; engine.arena_bytes()];
    let mut times = Vec::new();
    for _ in 0..runs.parse()? {
        let start = Instant::now();
        engine.run(&image, &mut arena)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let add = |sum: u32, word: u32| sum.rotate_left(5) ^ word;
    let mut embedding = vec![0.0_f32; engine.model().metadata().embedding_len.into()];
    let mut written = 0_u32;
    let output = engine.run_with(&image, &mut arena, |_, _, bytes| {
        written = bytes.iter().fold(written, |sum, &byte| add(sum, byte.into()));
    })?;
    let checksum = if embedding.is_empty() {
        written
    } else {
        output.embedding(&mut embedding)?;
        embedding.iter().fold(0, |sum, x| add(sum, x.to_bits()))
    };
    times.sort_unstable_by(f64::total_cmp);
    let (least, median) = (times.first(), times.get(times.len() / 2));
    let (least, median) = least.zip(median).ok_or("RUNS is at least 1")?;
    println!("{} {checksum:08x} {median:.4} {least:.4}", tier.name());
    Ok(())
}
