//! Which tiers the other tests of this program have run on.

use edge_infer::kernels::Tier;
use std::time::Instant;

/// `EXPECT_TIERS=scalar,neon,dotprod` makes it a failure if one is missing, so that a run for a
/// processor that is not there cannot pass for one that is.
#[test]
fn the_expected_tiers_are_there() {
    let names: Vec<&str> = Tier::available().map(Tier::name).collect();
    let names = names.join(",");
    println!("tiers: {names}");
    if let Ok(expected) = std::env::var("EXPECT_TIERS") {
        assert_eq!(names, expected);
    }
}

/// If the compiler saw through the loop, it would take no time, and every layer have no share of the peak.
#[test]
fn saturating_a_tier_takes_as_long_as_its_products_must() {
    const TURNS: u32 = 100_000;
    for tier in Tier::available() {
        let start = Instant::now();
        let macs = tier.saturate(TURNS);
        let took = start.elapsed();
        assert!(macs >= 8 * u64::from(TURNS), "{}", tier.name());
        assert_eq!(tier.saturate(1) * u64::from(TURNS), macs, "{}", tier.name());
        // No core has done 4,000 multiply-accumulates a nanosecond.
        assert!(took.as_nanos() >= u128::from(macs / 4000), "{}: {took:?}", tier.name());
    }
}
