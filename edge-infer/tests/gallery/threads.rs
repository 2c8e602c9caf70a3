//! Threads find what one thread finds.

use core::num::NonZero;

use crate::searches::{Arrays, Shape, check_each, template};

/// Around the rows that are worth one, two and three threads, with a tie in every one of them.
#[test]
fn searches_in_threads_equal_those_of_one() {
    for rows in [99_999, 199_999, 200_000, 300_001] {
        let arrays = Arrays::random(&Shape { len: 3, rows, people: 1000, seed: 2 });
        let one = arrays.view();
        for probe in [[1, -1, 0], [0, 1, 1], [127, 3, -9]] {
            let expected = one.search_top::<40>(template(&probe)).unwrap();
            assert_eq!(expected.len(), 40);
            for threads in [1, 2, 3, 7, usize::MAX] {
                let many = one.with_threads(NonZero::new(threads).unwrap());
                assert_eq!(many.search_top(template(&probe)), Ok(expected));
                check_each(&many, [template(&probe), template(&[5, 5, 4])]);
            }
        }
    }
}
