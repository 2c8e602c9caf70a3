//! The tests of `edge-infer`'s kernels and searches, on layers and galleries drawn as its property tests draw them.

use edge_infer::kernels::{Extent, Window};

use crate::definition::Values;
use crate::{by_hand, layers, searches};

/// Checks so many layers of each kind and galleries, and those worked out by hand. A wrong result panics.
pub fn run(rounds: u64) {
    by_hand::a_window_larger_than_its_input_and_a_global_one();
    by_hand::overflowing_residuals_saturate_the_same_way_everywhere();
    by_hand::multipliers_that_are_no_numbers_give_the_same_everywhere();
    by_hand::a_small_convolution_by_hand();
    by_hand::pools_and_a_scaling_by_hand();
    by_hand::a_lookup_is_its_table();
    by_hand::a_concatenation_brings_both_sides_to_one_scale();
    by_hand::an_enlargement_repeats_pixels();
    for seed in 0..rounds {
        let mut draw = Draw(Values(seed));
        draw.convolution(seed);
        draw.others();
        draw.gallery(seed);
    }
}

struct Draw(Values);

impl Draw {
    /// From `least` to `most`.
    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.0.next() as usize % (most - least + 1)
    }

    fn pair(&mut self, least: usize, most: usize) -> [u8; 2] {
        [0; 2].map(|_| self.between(least, most) as u8)
    }

    fn channels(&mut self) -> u16 {
        layers::CHANNELS[self.between(0, layers::CHANNELS.len() - 1)]
    }

    fn input(&mut self) -> Extent {
        let [height, width] = self.pair(1, 8).map(u16::from);
        Extent { height, width, channels: self.channels() }
    }

    fn values(&mut self) -> Values {
        Values(self.0.next())
    }

    fn convolution(&mut self, seed: u64) {
        let (input, outputs) = (self.input(), self.channels());
        let (kernel, stride) = (self.pair(1, 5), self.pair(1, 3));
        let ([top, left], after) = (self.pair(0, 3), self.pair(0, 3));
        let window = Window { kernel, stride, top, left };
        for (outputs, depthwise) in [(outputs, false), (input.channels, true)] {
            if let Some(geometry) = layers::geometry(input, outputs, window, after) {
                layers::check_convolution(geometry, depthwise, seed);
            }
        }
    }

    fn gallery(&mut self, seed: u64) {
        let len = searches::LENGTHS[self.between(0, searches::LENGTHS.len() - 1)];
        let rows = searches::COUNTS[self.between(0, searches::COUNTS.len() - 1)];
        let people = self.between(1, 60);
        searches::check_searches(&searches::Shape { len, rows, people, seed });
    }

    fn others(&mut self) {
        let (inputs, outputs) = (self.between(1, 299), self.between(1, 149));
        layers::check_fully_connected(inputs, outputs, self.values());
        let (pixels, channels) = (self.between(1, 59), self.between(1, 139));
        let multipliers = [0; 2].map(|_| self.0.unit() as f32 * 4.0 - 2.0);
        layers::check_add(pixels.min(4), channels, multipliers, self.values());
        layers::check_average(pixels, channels, multipliers[0], self.values());
        layers::check_scaling(pixels, channels, self.values());
        let (input, kernel, stride) = (self.input(), self.pair(1, 4), self.pair(1, 3));
        let [top, left] = kernel.map(|taps| self.between(0, usize::from(taps) - 1) as u8);
        let window = Window { kernel, stride, top, left };
        if let Some(geometry) = layers::geometry(input, input.channels, window, [top, left]) {
            layers::check_max_pool(geometry, self.values());
        }
    }
}
