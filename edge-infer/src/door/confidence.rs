//! How large or small a rate may truly be of which a few events were seen: Clopper and Pearson's exact bounds, each one-sided.
//!
//! Of `n` trials `k` were events. The upper bound is the rate `p` at which so few would still be seen one time in twenty:
//!
//! ```text
//!   sum over i = 0..k of C(n, i) p^i (1 - p)^(n - i)  =  1 - CONFIDENCE
//! ```
//!
//! and the lower bound that at which so many would be. Without an event the upper one is about `3 / n`. They hold for trials that know
//! nothing of each other. Pairs of a set of faces share faces, so that the truth is less certain than the bounds say; they are the
//! least that can be asked of a rate, not all.
//!
//! Model files are calibrated by this on the host, and a board checks them by the same numbers. It takes logarithms, which `core` lacks,
//! so it is there with feature `std` alone.

/// How sure a bound is: the true rate lies beyond it in 5 % of all samples.
pub const CONFIDENCE: f64 = 0.95;

/// Upper bound, in [0, 1], of the rate of which `events` of `trials` are a sample; 1 if every trial is one, or there is none.
#[must_use]
pub fn upper_bound(events: usize, trials: usize) -> f64 {
    if events >= trials {
        return 1.0;
    }
    let choose = ln_choose(trials, events);
    // The chance of so few events falls as the rate rises.
    let (mut below, mut above) = (events as f64 / trials as f64, 1.0);
    loop {
        let middle = f64::midpoint(below, above);
        if middle <= below || middle >= above {
            return above;
        }
        if at_most(events, trials, middle, choose) > 1.0 - CONFIDENCE {
            below = middle;
        } else {
            above = middle;
        }
    }
}

/// Lower bound, in [0, 1], of the rate of which `events` of `trials` are a sample; 0 if there is no event.
#[must_use]
pub fn lower_bound(events: usize, trials: usize) -> f64 {
    // What is not an event has an upper bound.
    1.0 - upper_bound(trials.saturating_sub(events), trials)
}

/// The most events of `trials` whose upper bound is not above `rate`, in (0, 1); none if even no event at all leaves it above.
#[must_use]
pub fn most_events(rate: f64, trials: usize) -> Option<usize> {
    let bounded = |events: &usize| upper_bound(*events, trials) <= rate;
    if !bounded(&0) {
        return None;
    }
    // The bound rises with the events and lies above their own share, where the search ends.
    let (mut most, mut above) = (0, (rate * trials as f64) as usize + 1);
    while above - most > 1 {
        let middle = usize::midpoint(most, above);
        if bounded(&middle) { most = middle } else { above = middle }
    }
    Some(most)
}

/// The fewest trials whose upper bound is not above `rate`, in (0, 1), with so many events among them.
#[must_use]
pub fn fewest_trials(events: usize, rate: f64) -> usize {
    let none = ((1.0 - CONFIDENCE).ln() / (-rate).ln_1p()).ceil() as usize;
    if events == 0 {
        return none;
    }
    // Events ask for more trials; the bound falls as these grow.
    let (mut few, mut enough) = (none, none.saturating_mul(2));
    while upper_bound(events, enough) > rate {
        (few, enough) = (enough, enough.saturating_mul(2));
    }
    while enough - few > 1 {
        let middle = usize::midpoint(few, enough);
        if upper_bound(events, middle) > rate { few = middle } else { enough = middle }
    }
    enough
}

/// Chance of at most `events` of `trials` at a rate that is not below theirs; `choose` is `ln C(trials, events)`.
fn at_most(events: usize, trials: usize, rate: f64, choose: f64) -> f64 {
    let (k, n) = (events as f64, trials as f64);
    // From the likeliest count down, each from the one before: C(n, i - 1) / C(n, i) = i / (n - i + 1).
    let mut term = (choose + k * rate.ln() + (n - k) * (-rate).ln_1p()).exp();
    let mut sum = 0.0;
    for i in (0..=events).rev() {
        sum += term;
        if term <= sum * f64::EPSILON {
            break;
        }
        term *= i as f64 / (trials - i + 1) as f64 * (1.0 - rate) / rate;
    }
    sum
}

/// `ln C(n, k)`.
fn ln_choose(n: usize, k: usize) -> f64 {
    let k = k.min(n - k);
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn close(events: usize, trials: usize, expected: f64) {
        let got = upper_bound(events, trials);
        assert!((got / expected - 1.0).abs() < 1e-8, "{events} of {trials}: {got}, not {expected}");
    }

    /// References: the sum above in decimal arithmetic of 50 digits, from i = 0 upwards.
    #[test]
    fn bounds_are_the_exact_ones() {
        close(1, 10, 0.394_163_302_436_504_8);
        close(9, 10, 0.994_883_803_108_176_3);
        close(1, 100, 0.046_559_811_453_538_95);
        close(5, 100, 0.102_253_377_643_274_5);
        close(76, 7_680_000, 0.000_011_976_459_535_451_638);
        close(768, 7_680_000, 0.000_106_142_198_401_397_72);
    }

    #[test]
    fn without_events_it_is_the_root_of_the_doubt() {
        for trials in [1, 2, 20, 1_000, 7_680_000] {
            close(0, trials, -((0.05_f64).ln() / trials as f64).exp_m1());
        }
    }

    #[test]
    fn as_many_events_pass_as_the_bound_lets() {
        // Bounds over 1,000: 0 events 0.0029912, 1 event 0.0047349, 2 events 0.0062823, 3 events 0.0077352, 4 events 0.0091300,
        // 5 events 0.0104841.
        for (rate, most) in [(0.0029, None), (0.003, Some(0)), (0.005, Some(1)), (0.01, Some(4))] {
            assert_eq!(most_events(rate, 1_000), most, "{rate}");
        }
        // Against the plain count up.
        for trials in [299, 1_000, 5_000] {
            for rate in [0.01, 0.013, 0.2] {
                let counted = (0..trials).take_while(|&k| upper_bound(k, trials) <= rate).last();
                assert_eq!(most_events(rate, trials), counted, "{rate} of {trials}");
            }
        }
    }

    #[test]
    fn the_fewest_trials_are_those_that_just_suffice() {
        // ln 0.05 / ln(1 - rate): 298.07, 2994.23, 29955.8, 299571.7, 2995731.2 (1e-6, where ln(1 - rate) is nearly -rate).
        let rates = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];
        let fewest = rates.map(|rate| fewest_trials(0, rate));
        assert_eq!(fewest, [299, 2_995, 29_956, 299_572, 2_995_731]);
        for (rate, events) in rates.into_iter().flat_map(|rate| [0, 1, 3].map(|k| (rate, k))) {
            let fewest = fewest_trials(events, rate);
            let bound = |trials| upper_bound(events, trials);
            assert!(bound(fewest) <= rate && bound(fewest - 1) > rate, "{events} at {rate}");
        }
        // Bounds with one event: 472 trials 0.0100108, 473 trials 0.0099897.
        assert_eq!(fewest_trials(1, 1e-2), 473);
    }

    #[test]
    fn ends_are_certain() {
        assert_eq!((upper_bound(3, 3), upper_bound(0, 0)), (1.0, 1.0));
        assert_eq!((lower_bound(0, 3), lower_bound(0, 0)), (0.0, 0.0));
    }

    /// References: one less the sum below `events`, in decimal arithmetic of 50 digits.
    #[test]
    fn lower_bounds_are_the_exact_ones() {
        for (events, trials, expected) in [
            (1, 10, 0.005_116_196_891_823_702),
            (5, 100, 0.019_905_563_662_171_84),
            (3, 8_000, 0.000_102_218_984_846_547_8),
            (60, 1_000, 0.048_124_364_008_956_37),
        ] {
            let got = lower_bound(events, trials);
            assert!((got / expected - 1.0).abs() < 1e-8, "{events} of {trials}: {got}");
        }
        let all = lower_bound(20, 20);
        assert!((all / 0.05_f64.powf(0.05) - 1.0).abs() < 1e-12, "{all}");
    }

    #[test]
    fn more_events_mean_more_and_more_trials_less() {
        let bounds: Vec<f64> = (0..=50).map(|events| upper_bound(events, 50)).collect();
        assert!(bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
        assert!((0..50).all(|events| upper_bound(events, 51) < upper_bound(events, 50)));
    }
}
