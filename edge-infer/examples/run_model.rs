//! Runs a model on a tier, for a tool that counts instructions: the count of two runs less that of
//! one is exactly one run.
//!
//! ```text
//! run_model FILE.afm TIER RUNS
//! ```
//!
//! Prints the tier and a checksum of the embedding, which is the same on every tier. See
//! `tests/arm.sh`.

use edge_infer::engine::Engine;
use edge_infer::kernels::Tier;
use model_format::ModelFile;

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
    let mut embedding = vec![0.0; engine.model().metadata().embedding_len.into()];
    for _ in 0..runs.parse()? {
        engine.run(&image, &mut arena)?.embedding(&mut embedding)?;
    }
    let checksum = embedding.iter().fold(0_u32, |sum, x| sum.rotate_left(5) ^ x.to_bits());
    println!("{} {checksum:08x}", tier.name());
    Ok(())
}
