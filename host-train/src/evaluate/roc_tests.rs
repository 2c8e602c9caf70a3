//! Hand-computed and closed-form cases for the curve.
#![allow(clippy::unwrap_used)]

use super::*;

/// 10 impostors 0.0, 0.1 .. 0.9 and 4 genuine scores.
fn small() -> Roc {
    let impostor = (0..10).map(|i| i as f32 / 10.0).collect();
    Roc::new(vec![0.95, 0.65, 0.85, 0.25], impostor).unwrap()
}

#[test]
fn tar_counts_the_impostors_behind_a_far() {
    let point = small().at_far(0.1).unwrap();
    // One impostor may pass: 0.9. 0.8 must not, and the smallest score above it is the genuine 0.85.
    assert_eq!(
        point,
        OperatingPoint { threshold: 0.85, accepted_impostors: 1, impostors: 10, tar: 0.5 }
    );
    // 0.35 of 10 is 3.5, so three may pass and 0.6 may not.
    let point = small().at_far(0.35).unwrap();
    assert_eq!((point.accepted_impostors, point.tar), (3, 0.75));
    assert_eq!(point.threshold, 0.65);
    let all = small().at_far(1.0).unwrap();
    assert_eq!((all.threshold, all.accepted_impostors, all.tar), (0.0, 10, 1.0));
}

#[test]
fn a_rate_rounded_in_binary_still_gets_its_pair() {
    let roc = Roc::new(vec![1.0], (0..100).map(|i| i as f32 / 200.0).collect()).unwrap();
    for percent in 1..=100 {
        let far = f64::from(percent) / 100.0;
        assert_eq!(roc.at_far(far).unwrap().accepted_impostors, percent as usize);
        // 0.07 * 100 = 7.000000000000001 and 0.29 * 100 = 28.999999999999996.
    }
}

#[test]
fn ties_never_admit_more_than_allowed() {
    // Three impostors tie at 0.8; two may pass, so none of the three does.
    let roc = Roc::new(vec![0.8, 0.9], vec![0.8, 0.8, 0.8, 0.1, 0.0]).unwrap();
    let point = roc.at_far(0.4).unwrap();
    assert_eq!(
        point,
        OperatingPoint { threshold: 0.9, accepted_impostors: 0, impostors: 5, tar: 0.5 }
    );
    let point = roc.at_far(0.6).unwrap();
    assert_eq!((point.threshold, point.accepted_impostors, point.tar), (0.8, 3, 1.0));
}

#[test]
fn no_score_above_the_tie_means_nobody_enters() {
    let roc = Roc::new(vec![1.0; 50], vec![1.0; 200]).unwrap();
    let point = roc.at_far(0.5).unwrap();
    assert_eq!(point.threshold, 1.0_f32.next_up());
    assert_eq!((point.accepted_impostors, point.tar), (0, 0.0));
    assert_eq!(roc.auc(), 0.5);
    assert_eq!(roc.eer(), 0.5);
    assert_eq!(roc.curve(50), [RocPoint { far: 1.0, tar: 1.0 }]);
}

#[test]
fn negative_zero_is_zero() {
    let roc = Roc::new(vec![0.0, -0.0], vec![-0.0, 0.0, -1.0, -1.0]).unwrap();
    // One impostor may pass, two tie at zero.
    assert_eq!(roc.at_far(0.25).unwrap().accepted_impostors, 0);
    assert_eq!(roc.auc(), 0.75);
}

#[test]
fn auc_by_hand() {
    // Genuine .95 beats all 10, .85 beats 9 (0..0.8), .65 beats 7, .25 beats 3: 29 of 40.
    assert_eq!(small().auc(), 29.0 / 40.0);
    // Ties half: .8 beats 2 and ties 3 -> 3.5; .9 beats 5: 8.5 of 10.
    let tied = Roc::new(vec![0.8, 0.9], vec![0.8, 0.8, 0.8, 0.1, 0.0]).unwrap();
    assert_eq!(tied.auc(), 0.85);
    // Repeated genuine scores count each.
    let repeated = Roc::new(vec![0.8, 0.8, 0.9], vec![0.8, 0.8, 0.8, 0.1, 0.0]).unwrap();
    assert!((repeated.auc() - 12.0 / 15.0).abs() < 1e-15);
}

#[test]
fn auc_equals_the_definition_on_many_ties() {
    let genuine: Vec<f32> = (0..97).map(|i| ((i * 37) % 23) as f32 / 23.0).collect();
    let impostor: Vec<f32> = (0..131).map(|i| ((i * 53) % 19) as f32 / 23.0).collect();
    let mut wins = 0.0;
    for g in &genuine {
        for i in &impostor {
            wins += if g > i {
                1.0
            } else if g == i {
                0.5
            } else {
                0.0
            };
        }
    }
    let expected = wins / (97.0 * 131.0);
    assert!((Roc::new(genuine, impostor).unwrap().auc() - expected).abs() < 1e-12);
}

#[test]
fn eer_by_hand() {
    // Thresholds: at 0.7 FAR .3, FRR .5; at 0.65 FAR .3, FRR .25. Between them FAR stays .3, and FRR passes it there.
    assert!((small().eer() - 0.3).abs() < 1e-15);
    // At .8 FAR .6, FRR 0; at .9 FAR 0, FRR .5. Line: FAR = .6 - .6a meets FRR = .5a at a = 6/11.
    let tied = Roc::new(vec![0.8, 0.9], vec![0.8, 0.8, 0.8, 0.1, 0.0]).unwrap();
    assert!((tied.eer() - 3.0 / 11.0).abs() < 1e-15);
    let separated = Roc::new(vec![0.8, 0.9], vec![0.1, 0.2]).unwrap();
    assert_eq!((separated.eer(), separated.auc()), (0.0, 1.0));
    let inverted = Roc::new(vec![0.1, 0.2], vec![0.8, 0.9]).unwrap();
    assert_eq!((inverted.eer(), inverted.auc()), (1.0, 0.0));
}

#[test]
fn two_gaussians_give_the_closed_form() {
    // Genuine N(d, 1), impostor N(0, 1), d = 3: EER = Phi(-d/2), AUC = Phi(d/sqrt 2), TAR@1e-3 = Phi(d - z) with
    // z = 3.090232 (the 99.9 % point). Phi(-1.5) = .0668072, Phi(2.1213203) = .9830526, Phi(-.090232) = .4640513.
    let n = 50_000;
    let quantiles: Vec<f32> =
        (0..n).map(|i| normal_quantile((f64::from(i) + 0.5) / f64::from(n))).collect();
    let roc = Roc::new(quantiles.iter().map(|q| q + 3.0).collect(), quantiles).unwrap();
    assert!((roc.eer() - 0.066_807_2).abs() < 2e-5, "{}", roc.eer());
    assert!((roc.auc() - 0.983_052_6).abs() < 2e-5, "{}", roc.auc());
    let point = roc.at_far(1e-3).unwrap();
    assert_eq!(point.accepted_impostors, 50);
    assert!((point.tar - 0.464_051_3).abs() < 2e-3, "{}", point.tar);
}

/// Inverse of the normal distribution by bisection on its integral (Simpson's rule), good to about 1e-6.
fn normal_quantile(p: f64) -> f32 {
    let (mut low, mut high) = (-6.0_f64, 6.0_f64);
    for _ in 0..36 {
        let middle = f64::midpoint(low, high);
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    low as f32
}

fn normal_cdf(x: f64) -> f64 {
    let steps = 60;
    let h = x / f64::from(steps);
    let density = |t: f64| (-t * t / 2.0).exp();
    let mut sum = density(0.0) + density(x);
    for i in 1..steps {
        sum += density(f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 };
    }
    0.5 + sum * h / 3.0 / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn the_curve_climbs_and_ends_at_one() {
    let impostor: Vec<f32> = (0..5000).map(|i| (i as f32 / 5000.0).sin()).collect();
    let genuine: Vec<f32> = (0..700).map(|i| (0.3 + i as f32 / 1000.0).sin()).collect();
    let curve = Roc::new(genuine, impostor).unwrap().curve(100);
    assert_eq!(curve.first().unwrap().far, 1.0 / 5000.0);
    assert_eq!(*curve.last().unwrap(), RocPoint { far: 1.0, tar: 1.0 });
    assert!(curve.windows(2).all(|w| w[0].far < w[1].far && w[0].tar <= w[1].tar));
    assert!((70..=100).contains(&curve.len()), "{}", curve.len());
}

#[test]
fn standard_rates_stop_at_the_resolution() {
    let keys = |impostors: usize| {
        let impostor = (0..impostors).map(|i| i as f32 / impostors as f32).collect();
        let points = Roc::new(vec![1.0], impostor).unwrap().tar_at_standard_fars();
        points.into_keys().collect::<Vec<_>>()
    };
    assert!(keys(99).is_empty());
    assert_eq!(keys(100), ["1e-2"]);
    assert_eq!(keys(3000), ["1e-2", "1e-3"]);
    assert_eq!(keys(1_000_000), ["1e-2", "1e-3", "1e-4", "1e-5", "1e-6"]);
}

#[test]
fn rejects_a_far_below_one_impostor() {
    let refused = small().at_far(0.09).unwrap_err();
    assert_eq!(refused, EvaluateError::FarBelowResolution { far: 0.09, impostors: 10 });
    assert!(refused.to_string().contains("where one pair is 1.0e-1"), "{refused}");
}

#[test]
fn rejects_a_far_outside_its_range() {
    for far in [0.0, -0.1, 1.1, f64::NAN] {
        assert!(matches!(small().at_far(far), Err(EvaluateError::FarOutOfRange { .. })));
    }
}

#[test]
fn rejects_scores_that_are_not_numbers() {
    let refused = Roc::new(vec![0.5], vec![0.1, f32::NAN]).unwrap_err();
    assert!(matches!(refused, EvaluateError::ScoreNotFinite { kind: "impostor", index: 1, .. }));
    let refused = Roc::new(vec![f32::INFINITY], vec![0.1]).unwrap_err();
    assert!(matches!(refused, EvaluateError::ScoreNotFinite { kind: "genuine", index: 0, .. }));
}

#[test]
fn rejects_an_empty_list() {
    let refused = Roc::new(vec![], vec![0.1]).unwrap_err();
    assert_eq!(refused, EvaluateError::NeedsBothKinds { genuine: 0, impostor: 1 });
}
