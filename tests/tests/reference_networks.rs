//! Public ONNX networks through our reader, against ONNX Runtime's numbers. The networks are not part of the repository, so
//! these tests are ignored unless asked for: `cargo test -p tests --test reference_networks -- --ignored`.
#![allow(clippy::unwrap_used)]

use host_train::graph::{Executor, Normalisation, from_onnx};
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/models");

/// ONNX Runtime 1.32.0's first and last four embedding values of an image whose byte `i` is `(37 i + 11 row) mod 251`.
#[test]
#[ignore = "needs ../shared/models"]
fn mobilefacenet_equals_onnx_runtime() {
    let path = Path::new(FOLDER).join("mobilefacenet-ms1m-128.onnx");
    let normalisation = Normalisation {
        bgr: false,
        mean: [123.675, 116.28, 103.53],
        deviation: [58.395, 57.12, 57.375],
    };
    let graph = from_onnx(&path, normalisation).unwrap();
    let image: Vec<u8> =
        (0..112 * 112 * 3).map(|i| ((i * 37 + i / 336 * 11) % 251) as u8).collect();
    let got = Executor::new(&graph).unwrap().embed(&image).unwrap();
    assert_eq!(got.len(), 128);
    let first = [-0.939_995_5, 0.022_659_2, 0.866_592_2, -0.035_790_9];
    let last = [1.163_059_8, 0.034_725_1, -0.041_345_9, 0.573_948];
    for (got, expected) in got[..4].iter().chain(&got[124..]).zip(first.iter().chain(&last)) {
        assert!((got - expected).abs() < 2e-5_f32, "{got} {expected}");
    }
    let length = got.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert!((length - 9.315_32).abs() < 1e-4, "{length}");
}
