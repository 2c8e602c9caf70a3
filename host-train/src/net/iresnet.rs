//! The ArcFace paper's residual networks before the output setting (arXiv 1801.07698, version 1, section 3.2).
//!
//! ```text
//! stem L            stem plain
//! 112x112x3         112x112x3        conv3x3 64 PReLU    |  conv7x7 /2 64 PReLU, max pool 3x3 /2
//! 112x112x64        28x28x64         residual units 64      the first of them /2 behind stem L, /1 behind the plain one
//! 56x56x64          28x28x64         residual units 128     the first of them /2, as below
//! 28x28x128         14x14x128        residual units 256
//! 14x14x256         7x7x256          residual units 512
//! 7x7x512           4x4x512          the output setting, in the paper E
//! ```

use super::blocks::{ResidualUnit, SqueezeExcite};
use super::config::{NetworkConfig, Stem};
use super::network::Trunk;
use super::ops::ConvKind;
use super::unit::Draw;

/// Channels of each stage, in units of the base.
const WIDTHS: [usize; 4] = [1, 2, 4, 8];

/// A network of so many `units` a stage.
pub(super) fn trunk(units: [usize; 4], config: &NetworkConfig, draw: &mut Draw<'_>) -> Trunk {
    let base = config.base_channels;
    // The plain stem is followed by a maximum that halves once more.
    let (size, stride, halved, first_stride) = match config.stem {
        Stem::L => (3, 1, 1, 2),
        Stem::Plain => (7, 2, 4, 1),
    };
    let stem = draw.unit(ConvKind::Full { size, stride }, 3, base, true);
    let (mut channels, mut side) = (base, config.input / halved);
    let mut residual_units = Vec::new();
    for (stage, (width, repeats)) in WIDTHS.into_iter().zip(units).enumerate() {
        for i in 0..repeats {
            let stride = match (stage, i) {
                (0, 0) => first_stride,
                (_, 0) => 2,
                _ => 1,
            };
            let out = width * base;
            let changes = stride != 1 || channels != out;
            residual_units.push(ResidualUnit {
                norm: draw.norm(channels),
                first: draw.unit(ConvKind::Full { size: 3, stride: 1 }, channels, out, true),
                second: draw.unit(ConvKind::Full { size: 3, stride }, out, out, false),
                shortcut: changes
                    .then(|| draw.unit(ConvKind::Full { size: 1, stride }, channels, out, false)),
                gate: config.squeeze_excite.then(|| SqueezeExcite::new(out, draw)),
            });
            channels = out;
            side = side.div_ceil(stride);
        }
    }
    Trunk { stem, stem_depthwise: None, bottlenecks: Vec::new(), residual_units, head: None, side }
}
