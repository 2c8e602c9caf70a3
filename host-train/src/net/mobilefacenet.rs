//! MobileFaceNet's layers before the output setting, exactly as table 1 of "MobileFaceNets" (Chen et al., arXiv 1804.07573).
//!
//! ```text
//! 112x112x3   conv3x3 /2 64          PReLU
//! 56x56x64    depthwise3x3 64        PReLU
//! 56x56x64    bottleneck x5  t=2  c=64   /2
//! 28x28x64    bottleneck x1  t=4  c=128  /2
//! 14x14x128   bottleneck x6  t=2  c=128
//! 14x14x128   bottleneck x1  t=4  c=128  /2
//! 7x7x128     bottleneck x2  t=2  c=128
//! 7x7x128     conv1x1 512            PReLU
//! 7x7x512     the output setting; in the paper gdc: linear GDConv7x7, linear conv1x1 128
//! ```
//!
//! Every convolution is followed by batch normalization.

use super::blocks::{Bottleneck, SqueezeExcite};
use super::config::NetworkConfig;
use super::network::Trunk;
use super::ops::ConvKind;
use super::unit::Draw;

/// One row of the table: expansion, output channels in units of the base, repeats, stride of the first.
const STAGES: [(usize, usize, usize, usize); 5] =
    [(2, 1, 5, 2), (4, 2, 1, 2), (2, 2, 6, 1), (4, 2, 1, 2), (2, 2, 2, 1)];

pub(super) fn trunk(config: &NetworkConfig, draw: &mut Draw<'_>) -> Trunk {
    let base = config.base_channels;
    let stem = draw.unit(ConvKind::Full { size: 3, stride: 2 }, 3, base, true);
    let stem_depthwise = draw.unit(ConvKind::Depthwise { stride: 1 }, base, base, true);
    let (mut channels, mut side) = (base, config.input / 2);
    let mut bottlenecks = Vec::new();
    for (expansion, width, repeats, first_stride) in STAGES {
        for i in 0..repeats {
            let stride = if i == 0 { first_stride } else { 1 };
            let (wide, out) = (expansion * channels, width * base);
            bottlenecks.push(Bottleneck {
                expand: draw.unit(ConvKind::Pointwise, channels, wide, true),
                depthwise: draw.unit(ConvKind::Depthwise { stride }, wide, wide, true),
                project: draw.unit(ConvKind::Pointwise, wide, out, false),
                gate: config.squeeze_excite.then(|| SqueezeExcite::new(out, draw)),
                residual: stride == 1 && channels == out,
            });
            channels = out;
            side /= stride;
        }
    }
    Trunk {
        stem,
        stem_depthwise: Some(stem_depthwise),
        bottlenecks,
        residual_units: Vec::new(),
        head: Some(draw.unit(ConvKind::Pointwise, channels, config.features(), true)),
        side,
    }
}
