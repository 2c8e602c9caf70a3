//! Rates to cosines, and the tables that cannot give one.

use edge_infer::door::{Calibration, CalibrationError};
use model_format::Threshold;
use proptest::prelude::*;

/// A table as long as one may get: `mobilefacenet-128-ms1m`'s, of pairs alone.
const TABLE: [(f32, f32); 14] = [
    (1e-2, 0.2520),
    (5e-3, 0.2791),
    (2e-3, 0.3125),
    (1e-3, 0.3363),
    (5e-4, 0.3588),
    (2e-4, 0.3873),
    (1e-4, 0.4072),
    (5e-5, 0.4261),
    (2e-5, 0.4551),
    (1e-5, 0.4766),
    (5e-6, 0.5012),
    (2e-6, 0.5364),
    (1e-6, 0.6609),
    (5e-7, 0.7499),
];

fn table() -> impl Iterator<Item = Threshold> {
    TABLE.into_iter().map(|(fmr, cosine)| Threshold { fmr, cosine })
}

#[test]
fn a_gallery_of_n_needs_the_rate_over_n() {
    for (target, templates, cosine) in [
        (1e-2, 1, 0.2520),
        (1e-2, 10, 0.3363),
        (1e-3, 10, 0.4072),
        (1e-3, 11, 0.4261),
        (1e-3, 20, 0.4261),
        (1e-3, 21, 0.4551),
        (1e-3, 80, 0.4766),
        (1e-3, 100, 0.4766),
        (1e-4, 100, 0.6609),
        (1e-2, 10_000, 0.6609),
    ] {
        let chosen = Calibration::new(target, templates, table()).unwrap();
        assert_eq!(chosen.cosine(), cosine, "{target} over {templates}");
        assert_eq!((chosen.target_fpir(), chosen.templates()), (target, templates));
        let bound = chosen.fpir_bound(templates);
        assert!(bound <= target * 1.000_001 && bound > target / 2.51, "{target} over {templates}");
    }
}

#[test]
fn of_two_measurements_of_a_rate_the_stricter_counts() {
    let twice = [(1e-3, 0.30), (1e-3, 0.35), (1e-3, 0.32)];
    let twice = twice.map(|(fmr, cosine)| Threshold { fmr, cosine });
    assert_eq!(Calibration::new(1e-3, 1, twice).unwrap().cosine(), 0.35);
}

#[test]
fn rejects_a_target_that_is_none_for_a_door() {
    for target_fpir in [0.0, -1e-3, 0.011, 0.5, f32::INFINITY] {
        let error = Calibration::new(target_fpir, 1, table()).unwrap_err();
        assert_eq!(error, CalibrationError::Target { target_fpir });
    }
    assert!(Calibration::new(f32::NAN, 1, table()).is_err());
}

#[test]
fn rejects_an_empty_gallery() {
    assert_eq!(Calibration::new(1e-3, 0, table()).unwrap_err(), CalibrationError::NoTemplates);
}

#[test]
fn rejects_a_model_that_nobody_measured() {
    assert_eq!(Calibration::new(1e-3, 1, []).unwrap_err(), CalibrationError::NoTable);
    let damaged = Threshold { fmr: f32::NAN, cosine: 0.5 };
    assert_eq!(Calibration::new(1e-3, 1, [damaged]).unwrap_err(), CalibrationError::NoTable);
}

#[test]
fn rejects_a_rate_beyond_the_table() {
    assert_eq!(Calibration::new(1e-4, 200, table()).unwrap().cosine(), 0.7499);
    let error = Calibration::new(1e-4, 400, table()).unwrap_err();
    let CalibrationError::BeyondTable { needed, least, templates: 400, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(least, 5e-7);
    assert!((needed - 2.5e-7).abs() < 1e-12);
    assert_eq!(
        error.to_string(),
        "400 templates at a target FPIR of 0.0001 need a false match rate of 2.5e-7, the table's least is 5e-7; \
         calibrate with more impostors, enrol fewer templates or ask for less"
    );
}

#[test]
fn rejects_a_cosine_that_strangers_have() {
    for cosine in [0.0, -0.2, 1.5] {
        let error = Calibration::new(1e-3, 1, [Threshold { fmr: 1e-3, cosine }]).unwrap_err();
        assert_eq!(error, CalibrationError::Cosine { cosine, fmr: 1e-3 });
    }
    assert!(Calibration::new(1e-3, 1, [Threshold { fmr: 1e-3, cosine: f32::NAN }]).is_err());
}

proptest! {
    /// Against a sort of the whole table, in any order.
    #[test]
    fn the_loosest_cosine_that_keeps_the_target(
        rows in prop::collection::vec((1_u32..10_000, 0.01_f32..1.0), 1..16),
        target in 1_u32..=100, templates in 1_u32..500,
    ) {
        let rate = |parts: u32| parts as f32 * 1e-4;
        let mut rows: Vec<(u32, f32)> = rows;
        let table: Vec<_> = rows.iter().map(|&(parts, cosine)| Threshold { fmr: rate(parts) / 500.0, cosine }).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        // In whole numbers: parts / 500 <= target / templates.
        let kept = rows.iter().rfind(|(parts, _)| parts * templates <= target * 500);
        let found = Calibration::new(rate(target), templates, table).ok().map(|chosen| chosen.cosine());
        prop_assert_eq!(found, kept.map(|&(_, cosine)| cosine));
    }
}
