//! Which tiers the other tests of this program have run on.

use edge_infer::kernels::Tier;

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
