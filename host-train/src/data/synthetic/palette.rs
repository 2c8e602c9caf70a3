//! Colours of skin, hair and metal, as on a display.

use super::maths::{Rgb, display};

/// Skin from the least to the most melanin.
pub(super) const SKIN: [Rgb; 7] = [
    display([244, 214, 196]),
    display([236, 194, 166]),
    display([226, 178, 142]),
    display([196, 143, 104]),
    display([152, 101, 69]),
    display([104, 67, 48]),
    display([72, 48, 39]),
];
pub(super) const BLACK: Rgb = display([24, 20, 20]);
pub(super) const DARK_BROWN: Rgb = display([50, 34, 26]);
pub(super) const BROWN: Rgb = display([90, 60, 40]);
pub(super) const CHESTNUT: Rgb = display([112, 62, 36]);
pub(super) const LIGHT_BROWN: Rgb = display([140, 102, 66]);
pub(super) const BLOND: Rgb = display([205, 168, 108]);
pub(super) const FLAXEN: Rgb = display([232, 208, 158]);
pub(super) const RED: Rgb = display([168, 78, 36]);
pub(super) const GREY: Rgb = display([158, 155, 152]);
pub(super) const WHITE: Rgb = display([226, 223, 218]);
