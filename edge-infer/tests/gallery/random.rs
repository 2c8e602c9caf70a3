//! Every search against the obvious loop, on galleries that leave every kind of remainder.

use proptest::prelude::*;

use crate::searches::{COUNTS, LENGTHS, Shape, check_searches};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn searches_equal_the_obvious_loop(
        len in prop::sample::select(&LENGTHS[..]),
        rows in prop::sample::select(&COUNTS[..]),
        people in prop::sample::select(&[1_usize, 2, 5, 60, 1000][..]),
        seed in any::<u64>(),
    ) {
        check_searches(&Shape { len, rows, people, seed });
    }
}
