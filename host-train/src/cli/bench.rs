//! `bench`: how long the int8 engine takes, whole and op by op, on one thread of this machine.

mod contender;
mod peak;
mod ratio;

use super::failure::Failure;
use super::output;
use crate::model::open_file;
use contender::{Contender, OpTime, Report, gmacs};
use edge_infer::kernels::Tier;
use ratio::Ratio;
use serde::Serialize;
use std::path::PathBuf;

/// Runs that warm caches up and are not counted.
const WARM_UP: usize = 3;

/// Times the int8 engine on one thread.
///
/// An operation that runs together with others a few rows at a time is timed as the sum of its slices, whose number is said. Its share
/// is that of the peak: what the tier's dot product reaches on registers alone, measured here between the images.
///
/// With --compare or --compare-tier a second model or tier takes turns with the first, image by image. Their ratio is that of the
/// medians; its range holds 95 % of the ratios of pairs drawn anew.
///
/// With --json: median_ms, p99_ms, min_ms, macs, peak_gmacs, share_of_peak, arena_bytes, weights_bytes, tier, ops (a list of op, macs,
/// median_ms, share_of_peak, slices); compare, if there is a second one: the same of it, and ratio, ratio_95.
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
    /// Another model to take turns with. [default, with --compare-tier: the same]
    #[arg(long, value_name = "F.afm")]
    compare: Option<PathBuf>,
    /// The other one's instructions. [default, with --compare: the same]
    #[arg(long, value_name = "TIER", value_parser = tier)]
    compare_tier: Option<Tier>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Bench {
    #[serde(flatten)]
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<Comparison>,
}

#[derive(Serialize)]
struct Comparison {
    #[serde(flatten)]
    report: Report,
    #[serde(flatten)]
    ratio: Ratio,
}

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let tier = args.tier.unwrap_or_else(Tier::detect);
    let file = open_file(&args.model)?;
    let mut first = Contender::new(file.view(), tier);
    let other = args.compare.as_ref().map(|path| open_file(path)).transpose()?;
    let mut second = (other.is_some() || args.compare_tier.is_some()).then(|| {
        Contender::new(other.as_ref().unwrap_or(&file).view(), args.compare_tier.unwrap_or(tier))
    });
    for run in 0..WARM_UP + args.runs as usize {
        for contender in [Some(&mut first), second.as_mut()].into_iter().flatten() {
            if run == WARM_UP {
                contender.forget();
            }
            contender.turn()?;
        }
    }
    let compare = second.map(|second| {
        let ratio = Ratio::of(first.times(), second.times());
        Comparison { report: second.report(), ratio }
    });
    let bench = Bench { report: first.report(), compare };
    if args.json {
        return output::json(&bench);
    }
    output::line(&table(&bench, args.runs))
}

fn table(bench: &Bench, runs: u32) -> String {
    let mut lines = vec![format!(
        "{:>4}  {:<18} {:>12} {:>10} {:>8} {:>8}",
        "op", "kind", "MACs", "ms", "GMAC/s", "of peak"
    )];
    for (index, op) in bench.report.ops.iter().enumerate() {
        let OpTime { op, macs, median_ms, share_of_peak, slices } = op;
        let (speed, share) = (gmacs(*macs, *median_ms), 100.0 * share_of_peak);
        let slices = match slices {
            1 => String::new(),
            slices => format!("  {slices} slices"),
        };
        lines.push(format!(
            "{index:>4}  {op:<18} {macs:>12} {median_ms:>10.4} {speed:>8.2} {share:>6.1} %{slices}"
        ));
    }
    lines.push(summary(&bench.report, runs));
    if let Some(Comparison { report, ratio }) = &bench.compare {
        let Ratio { ratio, ratio_95: [low, high] } = ratio;
        lines.push(summary(report, runs));
        lines.push(format!(
            "the second takes {ratio:.3} times as long ({low:.3} to {high:.3}), in turns with the first"
        ));
    }
    lines.join("\n")
}

fn summary(report: &Report, runs: u32) -> String {
    format!(
        "{}: median {:.3} ms, p99 {:.3}, least {:.3} over {runs} images, one thread; {:.2} GMAC/s, {:.1} % of the peak of {:.1}; \
         arena {} bytes, weights {} bytes",
        report.tier,
        report.median_ms,
        report.p99_ms,
        report.min_ms,
        gmacs(report.macs, report.median_ms),
        100.0 * report.share_of_peak,
        report.peak_gmacs,
        report.arena_bytes,
        report.weights_bytes
    )
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
