//! `bench`: how long the int8 engine takes, whole and op by op, on one thread of this machine.

use super::failure::Failure;
use super::output;
use crate::model::open_file;
use edge_infer::engine::Engine;
use edge_infer::kernels::Tier;
use model_format::ModelFile;
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs that warm caches up and are not counted.
const WARM_UP: usize = 3;

/// Times the int8 engine on one thread.
///
/// An operation that runs together with others a few rows at a time is timed as the sum of its slices, whose number is said.
///
/// With --json: median_ms, p99_ms, min_ms, macs, arena_bytes, weights_bytes, tier, ops (a list of op, macs, median_ms, slices).
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// The model file.
    #[arg(long, value_name = "F.afm")]
    model: PathBuf,
    /// Images to time.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Instructions to use: the name of a tier that this processor has. All give the same bits. [default: the fastest]
    #[arg(long, value_parser = tier)]
    tier: Option<Tier>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Bench {
    median_ms: f64,
    p99_ms: f64,
    min_ms: f64,
    macs: u64,
    arena_bytes: usize,
    weights_bytes: usize,
    tier: &'static str,
    ops: Vec<OpTime>,
}

#[derive(Serialize)]
struct OpTime {
    op: &'static str,
    macs: u64,
    median_ms: f64,
    /// Times that it runs for an image.
    slices: usize,
}

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let file = open_file(&args.model)?;
    let bench = measure(&file, args.runs as usize, args.tier.unwrap_or_else(Tier::detect))?;
    if args.json {
        return output::json(&bench);
    }
    let giga = |macs: u64, ms: f64| macs as f64 / ms / 1e6;
    let mut lines =
        vec![format!("{:>4}  {:<18} {:>12} {:>10} {:>8}", "op", "kind", "MACs", "ms", "GMAC/s")];
    for (index, op) in bench.ops.iter().enumerate() {
        let OpTime { op, macs, median_ms, slices } = op;
        let speed = giga(*macs, *median_ms);
        let slices = match slices {
            1 => String::new(),
            slices => format!("  {slices} slices"),
        };
        lines.push(format!(
            "{index:>4}  {op:<18} {macs:>12} {median_ms:>10.4} {speed:>8.2}{slices}"
        ));
    }
    lines.push(format!(
        "{}: median {:.3} ms, p99 {:.3}, least {:.3} over {} images, one thread; {:.2} GMAC/s; arena {} bytes, weights {} bytes",
        bench.tier,
        bench.median_ms,
        bench.p99_ms,
        bench.min_ms,
        args.runs,
        giga(bench.macs, bench.median_ms),
        bench.arena_bytes,
        bench.weights_bytes
    ));
    output::line(&lines.join("\n"))
}

fn measure(file: &ModelFile, runs: usize, tier: Tier) -> Result<Bench, Failure> {
    let view = file.view();
    let engine = Engine::with_tier(view, tier);
    let mut arena = vec![0; engine.arena_bytes()];
    // Speed does not depend on the pixels; these are not all alike, in case it ever does.
    let image: Vec<u8> = (0..view.input().shape.elements()).map(|i| (i * 37 % 251) as u8).collect();
    let mut totals = Vec::with_capacity(runs);
    let mut ops = vec![Vec::with_capacity(runs); view.op_count()];
    let mut slices = vec![0; view.op_count()];
    for run in 0..WARM_UP + runs {
        let mut took = vec![Duration::ZERO; view.op_count()];
        slices.fill(0);
        let start = Instant::now();
        let mut last = start;
        engine.run_with(&image, &mut arena, |index, _, _| {
            let now = Instant::now();
            took[index] += now - last;
            slices[index] += 1;
            last = now;
        })?;
        if run >= WARM_UP {
            totals.push(start.elapsed().as_secs_f64() * 1e3);
            for (times, took) in ops.iter_mut().zip(took) {
                times.push(took.as_secs_f64() * 1e3);
            }
        }
    }
    let times = view.ops().zip(&mut ops).zip(slices);
    let ops = times.map(|((op, times), slices)| OpTime {
        op: op.name(),
        macs: view.tensor(op.output()).map_or(0, |tensor| op.macs(tensor.shape)),
        median_ms: quantile(times, 0.5),
        slices,
    });
    Ok(Bench {
        ops: ops.collect(),
        median_ms: quantile(&mut totals, 0.5),
        p99_ms: quantile(&mut totals, 0.99),
        min_ms: quantile(&mut totals, 0.0),
        macs: view.macs(),
        arena_bytes: engine.arena_bytes(),
        weights_bytes: view.weights_bytes(),
        tier: tier.name(),
    })
}

/// Reads a tier's name.
fn tier(name: &str) -> Result<Tier, String> {
    Tier::named(name).ok_or_else(|| {
        let names: Vec<&str> = Tier::available().map(Tier::name).collect();
        format!("this processor has the tiers {}", names.join(", "))
    })
}

/// The value that a share `q` of the others do not exceed.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((q * last as f64).ceil() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_hundred() {
        let mut values: Vec<f64> = (1..=101).rev().map(f64::from).collect();
        let all: Vec<f64> =
            [0.0, 0.5, 0.99, 1.0].iter().map(|&q| quantile(&mut values, q)).collect();
        assert_eq!(all, [1.0, 51.0, 100.0, 101.0]);
    }
}
