//! Images a second and peak memory of whole training steps: MobileFaceNet-128, ArcFace over 1,000 classes, SGD.
//!
//! `cargo bench -p host-train --bench train_step -- [BATCH] [STEPS] [cpu|vulkan|cuda]` prints one line of JSON. Compared with
//! PyTorch by `benches/training/compare.sh`.
#![allow(clippy::unwrap_used, missing_docs)]

use host_train::data::Batch;
use host_train::device::{Choice, Place};
use host_train::train::{TrainConfig, Trainer};
use std::time::Instant;

const CLASSES: u32 = 1000;
const SIDE: usize = 112;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let (batch, steps) = (numbers.next().unwrap_or(32), numbers.next().unwrap_or(30));
    let choice = std::env::args().skip(1).find_map(|word| match &*word {
        "cpu" => Some(Choice::Cpu),
        "vulkan" => Some(Choice::Vulkan),
        "cuda" => Some(Choice::Cuda),
        _ => None,
    });
    let place = Place::open(choice.unwrap_or_default()).unwrap();
    let config = TrainConfig { batch, ..TrainConfig::default() };
    let mut trainer = Trainer::on(&place.device, config, CLASSES as usize).unwrap();
    let mut noise = 1_u64;
    let mut step = |trainer: &mut Trainer, step| {
        let mut byte = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 56) as u8
        };
        let pixels = (0..batch * SIDE * SIDE * 3).map(|_| byte()).collect();
        let labels = (0..batch as u32).map(|i| (i * 37 + step as u32) % CLASSES).collect();
        let batch = Batch { pixels, labels, kept: None, step };
        let start = Instant::now();
        trainer.learn(&batch).unwrap();
        start.elapsed().as_secs_f64()
    };
    for warm_up in 0..3 {
        step(&mut trainer, warm_up);
    }
    let mut seconds: Vec<f64> = (0..steps as u64).map(|i| step(&mut trainer, i)).collect();
    seconds.sort_by(f64::total_cmp);
    let rate = |seconds: f64| batch as f64 / seconds;
    println!(
        "{{\"name\": \"host-train on {place}\", \"batch\": {batch}, \"images_per_second\": {:.1}, \"best\": {:.1}, \"peak_mib\": {}}}",
        rate(seconds[seconds.len() / 2]),
        rate(seconds[0]),
        peak_mib().map_or("null".to_owned(), |mib| mib.to_string()),
    );
}

/// The most memory that this process has held, where the system tells.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}
