//! Firmware that tests the kernels and searches on the processor of an emulated board. What it does, the
//! emulator tells it:
//!
//! ```text
//! suite ROUNDS       the tests of edge-infer/tests/kernels and gallery, so many random layers of each
//!                    kind and galleries
//! model TIER RUNS    the shipped model: a checksum of the embedding, as examples/run_model prints
//!                    it, and the stack that a run took
//! ```
//!
//! Both say first which tiers there are. See `tests/cortex-m.sh`.
#![no_std]
#![no_main]

extern crate alloc;

mod board;
mod heap;
mod suite;

#[path = "../../../edge-infer/tests/kernels/by_hand.rs"]
mod by_hand;
#[path = "../../../edge-infer/tests/kernels/definition.rs"]
mod definition;
#[path = "../../../edge-infer/tests/kernels/layers.rs"]
mod layers;
#[path = "../../../edge-infer/tests/gallery/searches.rs"]
mod searches;

use alloc::{vec, vec::Vec};
use core::error::Error;

use edge_infer::{engine::Engine, kernels::Tier};
use model_format::ModelView;

/// The model in flash, aligned as its format asks.
#[repr(align(64))]
struct Aligned<T: ?Sized>(T);

static MODEL: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../../../models/zoo/mobilefacenet-128.afm"));

fn main() -> ! {
    let mut memory = [0; 128];
    let mut words = board::arguments(&mut memory).split_whitespace().skip(1);
    board::print(format_args!("tiers"));
    Tier::available().for_each(|tier| board::print(format_args!(" {}", tier.name())));
    board::print(format_args!("\n"));
    let result = match [words.next(), words.next(), words.next()] {
        [Some("suite"), Some(rounds), None] => rounds.parse().map(suite::run).map_err(Into::into),
        [Some("model"), Some(tier), Some(runs)] => model(tier, runs),
        _ => Err("suite ROUNDS, or model TIER RUNS".into()),
    };
    match &result {
        Ok(()) => board::print(format_args!("done\n")),
        Err(error) => board::print(format_args!("error: {error}\n")),
    }
    board::exit(result.is_ok())
}

fn model(tier: &str, runs: &str) -> Result<(), alloc::boxed::Box<dyn Error>> {
    let tier = Tier::named(tier).ok_or("this processor does not have that tier")?;
    let engine = Engine::with_tier(ModelView::parse(&MODEL.0)?, tier);
    let image: Vec<u8> = (0_u32..)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .take(engine.model().input().shape.elements())
        .collect();
    let mut arena = vec![0; engine.arena_bytes()];
    let mut embedding = vec![0.0; engine.model().metadata().embedding_len.into()];
    let mut stack = 0;
    for _ in 0..runs.parse()? {
        let mut outcome = Ok(());
        stack = board::stack_use(|| {
            outcome =
                engine.run(&image, &mut arena).and_then(|output| output.embedding(&mut embedding));
        });
        outcome?;
    }
    let checksum = embedding.iter().fold(0_u32, |sum, x| sum.rotate_left(5) ^ x.to_bits());
    board::print(format_args!("{} {checksum:08x} stack {stack}\n", tier.name()));
    Ok(())
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    board::print(format_args!("{info}\n"));
    board::exit(false)
}
