//! Public networks on real photographs. Those that give no embedding, a face detector and two liveness classifiers: float against
//! ONNX Runtime's numbers, int8 through the engine against float. An embedding network: its pixels. Neither networks nor photographs are part of the repository, so
//! these tests are ignored unless asked for: `cargo test -p tests --test other_networks -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

use edge_infer::detect::{Detector, Face, Limits};
use edge_infer::engine::Engine;
use host_train::data::{FaceImage, Source};
use host_train::graph::{Executor, Graph, Normalisation, fold, from_onnx_of_size};
use host_train::quantize::{Options, Provenance, quantize};
use model_format::ModelFile;
use std::path::Path;
use std::process::Command;
use tests::run;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/models");
const FACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/faces");

/// What all three are fed: blue first, pixels as they are.
const PIXELS: Normalisation = Normalisation { bgr: true, mean: [0.0; 3], deviation: [1.0; 3] };

fn network(name: &str, size: Option<[usize; 2]>) -> Graph {
    from_onnx_of_size(&Path::new(MODELS).join(name), PIXELS, size).unwrap()
}

/// The image whose byte `i` is `(37 i + 11 row) mod 251`.
fn pattern(side: usize) -> Vec<u8> {
    (0..side * side * 3).map(|i| ((i * 37 + i / (side * 3) * 11) % 251) as u8).collect()
}

fn int8(graph: &Graph, calibration: &[Vec<u8>]) -> ModelFile {
    let (options, provenance) = (Options::default(), Provenance::default());
    let bytes =
        quantize(&fold(graph).unwrap(), calibration, &options, None, &provenance).unwrap().bytes;
    ModelFile::from_bytes(bytes).unwrap()
}

fn images(tar: &str) -> (Source, Vec<FaceImage>) {
    let source = Source::open(&[Path::new(FACES).join(tar)]).unwrap();
    let images = (0..source.images().len()).map(|i| source.load(i).unwrap()).collect();
    (source, images)
}

/// ONNX Runtime 1.32.0's first, middle and last value of each output, and the root of its mean square.
#[test]
#[ignore = "needs ../shared/models"]
fn yunet_equals_onnx_runtime() {
    let expected = [
        ("cls_8", [0.605_196, 0.608_704, 0.508_35], 0.657_663_8),
        ("cls_16", [0.541_191, 0.521_223, 0.480_075], 0.525_415_3),
        ("cls_32", [0.612_917, 0.767_664, 0.544_432], 0.717_255_7),
        ("obj_8", [0.0, 0.0, 5.990_27e-6], 1.130_899e-6),
        ("obj_16", [1.212_95e-5, 1.370_91e-6, 3.787_88e-5], 2.426_658e-6),
        ("obj_32", [3.719_33e-5, 0.018_666_7, 5.555_15e-5], 0.012_274_03),
        ("bbox_8", [0.279_222, 0.291_042, 0.896_837], 0.877_676),
        ("bbox_16", [0.453_211, 0.440_562, -0.051_883_7], 0.350_351_2),
        ("bbox_32", [1.399_07, 0.582_747, 1.446_69], 1.900_665),
        ("kps_8", [-0.062_768, -0.327_683, 0.797_478], 0.975_494_5),
        ("kps_16", [0.217_114, 0.232_203, 0.496_438], 0.508_990_4),
        ("kps_32", [-0.552_664, -6.244_42, 1.328_9], 3.580_228),
    ];
    let graph = network("face_detection_yunet_2023mar.onnx", None);
    let outputs = Executor::new(&graph).unwrap().run(&pattern(640)).unwrap();
    assert_eq!(outputs.len(), expected.len());
    for ((output, got), (name, values, root)) in graph.outputs.iter().zip(&outputs).zip(expected) {
        assert_eq!(output.name, name);
        let at = [0, got.len() / 3, got.len() - 1].map(|i| got[i]);
        for (got, expected) in at.iter().zip(values) {
            assert!((got - expected).abs() < 1e-4_f32, "{name}: {got} {expected}");
        }
        let square: f64 = got.iter().map(|x| f64::from(*x).powi(2)).sum();
        let got = (square / got.len() as f64).sqrt();
        assert!((got - root).abs() < 1e-4 * (root + 1e-3), "{name}: {got} {root}");
    }
}

#[test]
#[ignore = "needs ../shared/models"]
fn minifasnets_equal_onnx_runtime() {
    for (name, expected) in [
        ("minifasnet-v2-2.7-80x80.onnx", [1.833_974_6, 0.560_569_1, -2.395_963_2]),
        ("minifasnet-v1se-4.0-80x80.onnx", [1.015_637_6, 3.393_168, -4.410_991_7]),
    ] {
        let graph = network(name, None);
        let got = Executor::new(&graph).unwrap().embed(&pattern(80)).unwrap();
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4_f32, "{name}: {got} {expected}");
        }
    }
}

/// Faces of float outputs, by the definition and a sorted list: what the engine's decoder must do without memory.
fn decode(graph: &Graph, outputs: &[Vec<f32>], limits: &Limits) -> Vec<Face> {
    let named = |name: String| {
        let at = graph.outputs.iter().position(|output| output.name == name).unwrap();
        &outputs[at]
    };
    let mut all = Vec::new();
    for stride in [8, 16, 32] {
        let columns = graph.input.width.div_ceil(stride);
        let [cls, obj, bbox, kps] =
            ["cls", "obj", "bbox", "kps"].map(|kind| named(format!("{kind}_{stride}")));
        for at in 0..cls.len() {
            let score = (cls[at].clamp(0.0, 1.0) * obj[at].clamp(0.0, 1.0)).sqrt();
            if score < limits.score {
                continue;
            }
            let (row, column, cell) = ((at / columns) as f32, (at % columns) as f32, stride as f32);
            let [width, height] = [2, 3].map(|i| bbox[at * 4 + i].exp() * cell);
            let point = |x: f32, y: f32| [(column + x) * cell, (row + y) * cell];
            let [x, y] = point(bbox[at * 4], bbox[at * 4 + 1]);
            let landmarks =
                core::array::from_fn(|i| point(kps[at * 10 + 2 * i], kps[at * 10 + 2 * i + 1]));
            let (x, y) = (x - width / 2.0, y - height / 2.0);
            all.push(Face { x, y, width, height, landmarks, score });
        }
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Face> = Vec::new();
    for face in all {
        if kept.iter().all(|better| face.overlap(better) <= limits.overlap) {
            kept.push(face);
        }
    }
    kept
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f64 {
    f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1]))
}

/// The detector's float form gives the landmarks that OpenCV's YuNet gave, and its int8 form finds the faces that float finds.
#[test]
#[ignore = "needs ../shared/models and ../shared/faces"]
fn yunet_in_int8_finds_the_faces_that_float_finds() {
    let (source, lfw) = images("frames-lfw250.tar");
    let (_, wild) = images("frames-celeba-wild.tar");
    let limits = Limits::default();

    // Float, at the size at which the table was made.
    let graph = network("face_detection_yunet_2023mar.onnx", Some([256, 256]));
    let executor = Executor::new(&graph).unwrap();
    let table = std::fs::read_to_string(Path::new(FACES).join("lfw_landmarks.csv")).unwrap();
    let (mut worst, mut compared) = (0.0_f64, 0);
    for index in (0..lfw.len()).step_by(10) {
        let row = table.lines().find(|row| row.starts_with(source.path(index))).unwrap();
        let numbers: Vec<f32> = row.split(',').skip(4).map(|n| n.parse().unwrap()).collect();
        let (image, _) = lfw[index].clone().fitted(256, 256);
        let faces = decode(&graph, &executor.run(&image.rgb).unwrap(), &limits);
        let apart = |face: &Face| {
            let points = numbers[5..].chunks(2).zip(face.landmarks);
            points.map(|(p, q)| distance([p[0], p[1]], q)).fold(0.0, f64::max)
        };
        worst = worst.max(faces.iter().map(apart).fold(f64::INFINITY, f64::min));
        compared += 1;
    }
    println!("float and OpenCV on {compared} frames: landmarks at most {worst:.3} pixels apart");
    assert!(worst < 0.5, "{worst}");

    // Int8, on frames that it was not calibrated on.
    let graph = network("face_detection_yunet_2023mar.onnx", Some([320, 320]));
    let fit = |image: &FaceImage| image.clone().fitted(320, 320).0.rgb;
    let calibration: Vec<Vec<u8>> = lfw.iter().step_by(3).map(fit).collect();
    let file = int8(&graph, &calibration);
    let executor = Executor::new(&graph).unwrap();
    let detector = Detector::new(Engine::new(file.view())).unwrap();
    let mut arena = vec![0; file.view().arena_bytes()];
    println!("int8: {} bytes, arena {} bytes", file.bytes().len(), arena.len());
    let others = lfw.iter().enumerate().filter(|(i, _)| i % 3 != 0).map(|(_, image)| fit(image));
    let sets = [("LFW", others.collect()), ("wild", wild.iter().map(fit).collect::<Vec<_>>())];
    for (name, frames) in sets {
        let (mut expected, mut found, mut extra) = (0, 0, 0);
        let (mut overlaps, mut errors, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        for frame in &frames {
            let float = decode(&graph, &executor.run(frame).unwrap(), &limits);
            detector.engine().run(frame, &mut arena).unwrap();
            let mut faces = [Face::default(); 32];
            let count = detector.faces(&arena, &limits, &mut faces).unwrap();
            expected += float.len();
            for face in &float {
                let best = faces[..count]
                    .iter()
                    .max_by(|a, b| a.overlap(face).total_cmp(&b.overlap(face)));
                let Some(best) = best.filter(|best| best.overlap(face) > 0.5) else { continue };
                found += 1;
                overlaps.push(f64::from(best.overlap(face)));
                scores.push(f64::from((best.score - face.score).abs()));
                let eyes = distance(face.landmarks[0], face.landmarks[1]);
                for (a, b) in best.landmarks.iter().zip(face.landmarks) {
                    errors.push((distance(*a, b), distance(*a, b) / eyes));
                }
            }
            let known = |face: &&Face| float.iter().any(|other| other.overlap(face) > 0.5);
            extra += count - faces[..count].iter().filter(known).count();
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (pixels, shares): (Vec<f64>, Vec<f64>) = errors.into_iter().unzip();
        let overlap = mean(&overlaps);
        println!(
            "{name}: {} frames, float finds {expected} faces, int8 {found} of them and {extra} others; IoU mean {overlap:.4} least {:.4}; landmarks mean {:.2} pixels, {:.2} % of the eyes' distance, most {:.2}; score mean {:.4} apart",
            frames.len(),
            overlaps.iter().copied().fold(1.0, f64::min),
            mean(&pixels),
            100.0 * mean(&shares),
            pixels.iter().copied().fold(0.0, f64::max),
            mean(&scores),
        );
        assert!(found * 100 >= expected * 95, "{name}: {found} of {expected}");
        assert!(overlap > 0.9 && mean(&shares) < 0.05, "{name}: {overlap}, {}", mean(&shares));
    }
}

/// The face's box, `scale` times as large and moved into the frame, as 80 x 80 pixels (Silent-Face-Anti-Spoofing's crop).
fn crop(frame: &FaceImage, face: &Face, scale: f64) -> Vec<u8> {
    let (columns, rows) = (frame.width as f64 - 1.0, frame.height as f64 - 1.0);
    let [x, y, width, height] = [face.x, face.y, face.width, face.height].map(f64::from);
    let scale = scale.min(rows / height).min(columns / width);
    let side = |start: f64, size: f64, most: f64| {
        let (size, middle) = (size * scale, start + size / 2.0);
        ((middle - size / 2.0).min(most - size).max(0.0), size)
    };
    let ((left, width), (top, height)) = (side(x, width, columns), side(y, height, rows));
    let mut rgb = Vec::with_capacity(80 * 80 * 3);
    for i in 0..80 * 80 {
        let place = |at: usize, start: f64, size: f64, most: f64| {
            (start + (at as f64 + 0.5) * size / 80.0 - 0.5).clamp(0.0, most)
        };
        let (y, x) = (place(i / 80, top, height, rows), place(i % 80, left, width, columns));
        for c in 0..3 {
            let pixel = |y: f64, x: f64| {
                let (y, x) = (y.min(rows) as usize, x.min(columns) as usize);
                f64::from(frame.rgb[(y * frame.width + x) * 3 + c])
            };
            let (down, right) = (y.fract(), x.fract());
            let upper = pixel(y, x) * (1.0 - right) + pixel(y, x + 1.0) * right;
            let lower = pixel(y + 1.0, x) * (1.0 - right) + pixel(y + 1.0, x + 1.0) * right;
            rgb.push((upper * (1.0 - down) + lower * down).round() as u8);
        }
    }
    rgb
}

/// Share of the exponential of class 1, which is a live face.
fn live(logits: &[f32]) -> f64 {
    let all: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
    f64::from(logits[1]).exp() / all
}

/// The rate at which as many prints pass as live faces fail, and its threshold.
fn equal_error(scores: &[(f64, bool)]) -> (f64, f64) {
    let rate = |at: f64, alive: bool| {
        let of: Vec<f64> = scores.iter().filter(|s| s.1 == alive).map(|s| s.0).collect();
        of.iter().filter(|&&score| (score >= at) != alive).count() as f64 / of.len() as f64
    };
    let thresholds = scores.iter().map(|&(at, _)| (rate(at, true), rate(at, false), at));
    let best = thresholds.min_by(|a, b| (a.0 - a.1).abs().total_cmp(&(b.0 - b.1).abs())).unwrap();
    ((best.0 + best.1) / 2.0, best.2)
}

/// Live faces and prints of twelve people: calibrated on four, judged on the others.
#[test]
#[ignore = "needs ../shared/models and ../shared/faces"]
fn minifasnets_in_int8_judge_as_float_does() {
    let place = tempfile::tempdir().unwrap();
    let tar = Path::new(FACES).join("nuaa-live-print-sample.tar");
    let status = Command::new("tar").arg("-xf").arg(tar).arg("-C").arg(place.path()).status();
    assert!(status.unwrap().success());
    let graph = network("face_detection_yunet_2023mar.onnx", Some([256, 320]));
    let executor = Executor::new(&graph).unwrap();
    // A folder a kind, in it a folder a subject.
    let mut frames = Vec::new();
    for (kind, alive) in [("live", true), ("print", false)] {
        let source = Source::open(&[place.path().join("nuaa").join(kind)]).unwrap();
        for (index, image) in source.images().iter().enumerate() {
            let subject: u32 = source.identities()[image.identity].parse().unwrap();
            frames.push((source.load(index).unwrap(), subject, alive));
        }
    }
    let mut seen = Vec::new();
    for (frame, subject, alive) in &frames {
        let (small, scale) = frame.clone().fitted(320, 256);
        let faces = decode(&graph, &executor.run(&small.rgb).unwrap(), &Limits::default());
        let Some(face) = faces.first() else { continue };
        let whole = |x: f32| (f64::from(x) / scale) as f32;
        let face = Face {
            x: whole(face.x),
            y: whole(face.y),
            width: whole(face.width),
            height: whole(face.height),
            ..*face
        };
        seen.push((frame, face, *subject, *alive));
    }
    let mut subjects: Vec<u32> = seen.iter().map(|s| s.2).collect();
    subjects.sort_unstable();
    subjects.dedup();
    println!("{} of {} frames have a face; subjects {subjects:?}", seen.len(), frames.len());
    let (known, judged): (Vec<_>, Vec<_>) =
        seen.iter().partition(|(_, _, subject, _)| subjects[..4].contains(subject));
    let mut sums = vec![(0.0, 0.0); judged.len()];
    for (name, scale) in
        [("minifasnet-v2-2.7-80x80.onnx", 2.7), ("minifasnet-v1se-4.0-80x80.onnx", 4.0)]
    {
        let graph = network(name, None);
        let cut = |(frame, face, _, _): &&(&FaceImage, Face, u32, bool)| crop(frame, face, scale);
        let file = int8(&graph, &known.iter().map(cut).collect::<Vec<_>>());
        let (executor, engine) = (Executor::new(&graph).unwrap(), Engine::new(file.view()));
        let mut arena = vec![0; engine.arena_bytes()];
        let (mut float, mut int8, mut signal, mut noise) = (Vec::new(), Vec::new(), 0.0, 0.0);
        for (face, sums) in judged.iter().zip(&mut sums) {
            let image = cut(face);
            let logits = executor.embed(&image).unwrap();
            let output = engine.run(&image, &mut arena).unwrap();
            let rounded: Vec<f32> = output.values().collect();
            for (a, b) in logits.iter().zip(&rounded) {
                signal += f64::from(*a).powi(2);
                noise += f64::from(a - b).powi(2);
            }
            float.push((live(&logits), face.3));
            int8.push((live(&rounded), face.3));
            sums.0 += live(&logits) / 2.0;
            sums.1 += live(&rounded) / 2.0;
        }
        println!("{name}: int8 {} bytes, arena {}", file.bytes().len(), arena.len());
        report(name, &float, &int8);
        println!("  signal over noise of the logits {:.1} dB", 10.0_f64 * (signal / noise).log10());
    }
    let of = |pick: fn(&(f64, f64)) -> f64| -> Vec<(f64, bool)> {
        sums.iter().map(pick).zip(judged.iter().map(|face| face.3)).collect()
    };
    let (float, int8) = (of(|s| s.0), of(|s| s.1));
    let (float_eer, int8_eer) = report("mean of both", &float, &int8);
    assert!(int8_eer <= float_eer + 0.02, "{int8_eer} {float_eer}");
}

fn report(name: &str, float: &[(f64, bool)], int8: &[(f64, bool)]) -> (f64, f64) {
    let apart: Vec<f64> = float.iter().zip(int8).map(|(a, b)| (a.0 - b.0).abs()).collect();
    let same = float.iter().zip(int8).filter(|(a, b)| (a.0 >= 0.5) == (b.0 >= 0.5)).count();
    let ((float_eer, at), (int8_eer, _)) = (equal_error(float), equal_error(int8));
    println!(
        "{name}: {} faces, EER float {:.2} % (at {at:.3}), int8 {:.2} %; P(live) mean {:.4} apart, most {:.4}; {same} judged alike at 0.5",
        float.len(),
        100.0 * float_eer,
        100.0 * int8_eer,
        apart.iter().sum::<f64>() / apart.len() as f64,
        apart.iter().copied().fold(0.0, f64::max),
    );
    (float_eer, int8_eer)
}

/// With wrong pixels an embedding network still tells people apart, only worse: `import` names the right ones, and is silent
/// where they were given.
#[test]
#[ignore = "needs ../shared/models and ../shared/faces"]
fn pixels_of_another_scale_or_order_are_noticed() {
    let place = tempfile::tempdir().unwrap();
    let onnx = Path::new(MODELS).join("mobilefacenet-ms1m-128.onnx");
    let faces = Path::new(FACES).join("celeba112-train.tar");
    let out = place.path().join("net.afm");
    let right = "--input rgb --mean 123.675,116.28,103.53 --std 58.395,57.12,57.375";
    for (given, noticed) in [
        (right, false),
        ("--input rgb --mean 0 --std 1", true),
        ("--input bgr --mean 0 --std 255", true),
    ] {
        let rest = "--images 2 --method mse --no-reconstruct --out {}";
        let command = format!("import --onnx {{}} --calibration {{}} {given} {rest}");
        let output =
            run(env!("CARGO_BIN_EXE_host-train-under-test"), &command, &[&onnx, &faces, &out]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        println!("{given}: {stderr}");
        assert!(output.status.success());
        assert_eq!(stderr.contains("warning: with --input"), noticed, "{given}");
        assert!(!noticed || stderr.contains(right), "{given}");
    }
}
