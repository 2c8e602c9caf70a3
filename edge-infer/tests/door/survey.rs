//! Pictures of a door's own camera against the model's table: what they carry, what they contradict, what they are too few for.

use edge_infer::door::{Basis, Calibration, CalibrationError, Count, Survey, SurveyError};
use model_format::Threshold;
use proptest::prelude::*;

const TABLE: [(f32, f32); 4] = [(1e-2, 0.25), (1e-3, 0.35), (1e-4, 0.45), (1e-5, 0.5)];

fn table() -> impl Iterator<Item = Threshold> {
    TABLE.into_iter().map(|(fmr, cosine)| Threshold { fmr, cosine })
}

/// So many comparisons of two people at each of these cosines.
fn survey(impostors: &[(usize, f32)]) -> Survey {
    let mut survey = Survey::new(table());
    for &(count, cosine) in impostors {
        (0..count).for_each(|_| survey.impostors(cosine));
    }
    survey
}

#[test]
fn pictures_without_a_match_carry_what_their_number_bounds() {
    // ln 0.05 / ln 0.999 is 2994.2.
    let found = survey(&[(2_995, 0.1)]).find(1e-3, 1).unwrap();
    assert_eq!(
        (found.calibration.cosine(), found.basis, found.excess),
        (0.35, Basis::Pictures, 1.0)
    );
    assert_eq!(found.impostors, Count { events: 0, trials: 2_995 });
    assert!((found.impostors.upper() - 0.000_999_75).abs() < 1e-7, "{}", found.impostors.upper());
    let found = survey(&[(2_994, 0.1)]).find(1e-3, 1).unwrap();
    assert_eq!(found.basis, Basis::Table { missing: 1 });
}

#[test]
fn the_table_carries_what_pictures_do_not_contradict() {
    // 20 templates at 1e-3: 5e-5 a comparison, the row 1e-5; 59,914 comparisons without a match bound it.
    let found = survey(&[(5_990, 0.1)]).find(1e-3, 20).unwrap();
    assert_eq!(found.calibration, Calibration::new(1e-3, 20, table()).unwrap());
    assert_eq!(found.basis, Basis::Table { missing: 59_914 - 5_990 });
}

#[test]
fn a_match_asks_for_more_pictures() {
    // With two events it takes 6294 trials to bound 1e-3.
    let found = survey(&[(4_998, 0.1), (2, 0.35)]).find(1e-3, 1).unwrap();
    assert_eq!(found.basis, Basis::Table { missing: 6_294 - 5_000 });
    assert_eq!(found.impostors.events, 2, "a cosine at the row matches");
}

#[test]
fn rates_that_are_exceeded_make_the_door_stricter() {
    // 200 of 10,000 where the table says 1e-2: with 95 % at least 0.017751, so 1.775 times.
    let survey = survey(&[(9_800, 0.1), (200, 0.3)]);
    let found = survey.find(1e-3, 1).unwrap();
    assert!((found.excess - 1.775).abs() < 1e-3, "{}", found.excess);
    assert_eq!(found.calibration.cosine(), 0.45, "1e-3 / 1.775 is below 1e-3");
    assert!((found.calibration.target_fpir() - 1e-3 / 1.775).abs() < 1e-6);
    assert_eq!(found.impostors, Count { events: 0, trials: 10_000 });
    // A target that its row keeps with so much to spare stays there.
    let found = survey.find(2e-3, 1).unwrap();
    assert_eq!((found.calibration.cosine(), found.basis), (0.35, Basis::Pictures));
    // As many as the rate lets happen are no contradiction: 117 of 10,000 are at least 0.00999.
    assert_eq!(self::survey(&[(9_883, 0.1), (117, 0.3)]).find(1e-3, 1).unwrap().excess, 1.0);
}

#[test]
fn people_of_one_are_counted_below_the_row() {
    let mut survey = survey(&[(10_000, 0.1)]);
    for cosine in [0.2, 0.349, 0.35, 0.8] {
        survey.genuine(cosine);
    }
    let found = survey.find(1e-3, 1).unwrap();
    assert_eq!(found.missed, Count { events: 2, trials: 4 });
    assert_eq!((found.missed.share(), Count { events: 0, trials: 0 }.share()), (0.5, 0.0));
    assert_eq!(survey.comparisons(), 10_000);
}

#[test]
fn rejects_a_table_that_is_not_of_this_door() {
    // esp-who 76: everyone above 0.99.
    let error = survey(&[(500, 0.995)]).find(1e-3, 5).unwrap_err();
    let SurveyError::Contradicted { matching, comparisons, fmr, cosine, excess, left } = error
    else {
        panic!("{error}");
    };
    assert_eq!((matching, comparisons, fmr, cosine), (500, 500, 1e-5, 0.5));
    assert!((99_000.0..1e5).contains(&excess), "{excess}");
    assert!(matches!(left, CalibrationError::BeyondTable { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("500 of 500 comparisons") && text.contains("in two folders"),
        "{text}"
    );
}

#[test]
fn rejects_too_few_pictures_and_says_how_many_are_missing() {
    // 20 templates at 1e-2 are 5e-4 a comparison: 5,990.
    let error = survey(&[(5_989, 0.1)]).find(1e-3, 20).unwrap_err();
    assert!(matches!(error, SurveyError::TooFew { missing: 1, comparisons: 5_989, .. }), "{error}");
    let error = survey(&[]).find(1e-3, 1).unwrap_err();
    let SurveyError::TooFew { missing: 299, fpir, .. } = error else { panic!("{error}") };
    assert_eq!(fpir, 1.0);
    assert!(error.to_string().contains("299 more without a match"), "{error}");
}

#[test]
fn rejects_what_the_table_cannot_give() {
    let beyond = survey(&[(100_000, 0.1)]).find(1e-4, 20).unwrap_err();
    assert!(
        matches!(beyond, SurveyError::Calibration(CalibrationError::BeyondTable { .. })),
        "{beyond}"
    );
    let nobody = survey(&[(100_000, 0.1)]).find(1e-3, 0).unwrap_err();
    assert_eq!(nobody, SurveyError::Calibration(CalibrationError::NoTemplates));
    let empty = Survey::new([]).find(1e-3, 1).unwrap_err();
    assert_eq!(empty, SurveyError::Calibration(CalibrationError::NoTable));
}

proptest! {
    /// Whatever the pictures show, the door becomes no looser than by the table alone; and by more matches no looser than by fewer.
    #[test]
    fn no_picture_makes_a_door_looser(
        counts in prop::array::uniform4(0_usize..40), far in 40_usize..20_000, more in 1_usize..40, place in 0_usize..4,
        target in 1_u32..=100, templates in 1_u32..50,
    ) {
        let target = target as f32 * 1e-4;
        let of = |counts: &[usize]| {
            let matches: Vec<_> = counts.iter().zip(TABLE).map(|(&count, (_, cosine))| (count, cosine)).collect();
            survey(&[&[(far, 0.0)][..], &matches].concat()).find(target, templates)
        };
        let own = Calibration::new(target, templates, table());
        let found = of(&counts);
        if let Ok(found) = &found {
            prop_assert!(found.calibration.cosine() >= own.unwrap().cosine());
            prop_assert!(found.calibration.target_fpir() <= target && found.excess >= 1.0);
            let mut worse = counts;
            worse[place] += more;
            // The same comparisons, some of which match now.
            let far = far - more;
            let matches: Vec<_> = worse.iter().zip(TABLE).map(|(&count, (_, cosine))| (count, cosine)).collect();
            if let Ok(worse) = survey(&[&[(far, 0.0)][..], &matches].concat()).find(target, templates) {
                prop_assert!(worse.calibration.cosine() >= found.calibration.cosine());
            }
        }
    }
}
