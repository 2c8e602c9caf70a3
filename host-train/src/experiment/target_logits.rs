//! `target-logits`: the logit that a loss gives to a face's own class, by its angle to that class's centre.

use super::tables::{line, stroke, table};
use crate::evaluate::report::{Axis, Block, Chart, Figure, Ink, Listing, Patch, Section};
use crate::loss::{Annealing, LossConfig, TargetCurve, image_curve};

/// The range where faces are for most of a training: there the curves' order and steepness tell.
const TELLING: [f64; 2] = [30.0, 60.0];

/// The lowest logit shown; SphereFace's own falls to -7.
const LOWEST: f64 = -2.0;

/// Degrees between points.
const STEP: f64 = 1.0;

type Named = (&'static str, TargetCurve);

/// The losses that the paper compares.
fn paper() -> [Named; 5] {
    let pure = Annealing { start: 0.0, end: 0.0, rate: 0.0 };
    let annealed = Annealing::default();
    let curve = |loss: LossConfig| loss.curve(u64::MAX);
    [
        ("softmax", curve(LossConfig::Softmax {})),
        ("SphereFace, m 4", curve(LossConfig::Sphereface { m: 4, annealing: pure })),
        (
            "SphereFace, m 4, beside 5 plain cosines",
            curve(LossConfig::Sphereface { m: 4, annealing: annealed }),
        ),
        ("CosFace, m 0.35", curve(LossConfig::Cosface { m: 0.35, scale: 1.0 })),
        ("ArcFace, m 0.5", curve(LossConfig::Arcface { m: 0.5, scale: 1.0 })),
    ]
}

/// Those that came later, beside ArcFace.
fn later() -> [Named; 5] {
    let combined = LossConfig::Combined { m1: 1.0, m2: 0.3, m3: 0.2, scale: 1.0 };
    [
        ("ArcFace, m 0.5", LossConfig::Arcface { m: 0.5, scale: 1.0 }.curve(0)),
        ("combined, 1, 0.3, 0.2", combined.curve(0)),
        ("AdaFace, m 0.4, poorest face", image_curve(0.4, -1.0)),
        ("AdaFace, m 0.4, middling face", image_curve(0.4, 0.0)),
        ("AdaFace, m 0.4, best face", image_curve(0.4, 1.0)),
    ]
}

fn figure(name: &str, title: &str, reading: &str, curves: &[Named]) -> Figure {
    let series = curves.iter().enumerate().map(|(index, (label, curve))| {
        let angles = (0..=(180.0 / STEP) as u32).map(|step| f64::from(step) * STEP);
        let points = angles.map(|angle| (angle, curve.value(angle.to_radians())));
        let shown = points.filter(|&(_, logit)| logit >= LOWEST);
        line(label, Ink::Category(index), stroke(index), shown.collect())
    });
    let [from, to] = TELLING;
    let points = vec![(from, LOWEST), (from, 1.0), (to, 1.0), (to, LOWEST)];
    let label = format!("{from}° to {to}°");
    Figure {
        name: name.to_owned(),
        chart: Chart {
            title: title.to_owned(),
            reading: reading.to_owned(),
            x: Axis::degrees("angle to the own centre, degrees"),
            y: Axis::rounded("logit of the own class / scale", LOWEST, 1.0),
            patches: vec![Patch { label, ink: Ink::Quiet, points }],
            series: series.collect(),
            marker: None,
        },
    }
}

/// The section.
pub(super) fn section() -> Section {
    let (paper, later) = (paper(), later());
    let angles = [0.0, 30.0, 45.0, 60.0, 90.0, 180.0];
    let rows = paper.iter().chain(&later[1..]).map(|(name, curve)| {
        let values =
            angles.iter().map(|angle: &f64| format!("{:.3}", curve.value(angle.to_radians())));
        [(*name).to_owned()].into_iter().chain(values).collect()
    });
    Section {
        name: "target-logits",
        title: "Target logits".to_owned(),
        paper: "Figure 2".to_owned(),
        blocks: vec![
            Block::Text(
                "What becomes of cos t, the cosine of a face to its own class's centre, before softmax sees it. The lower a curve, the harder \
                 a face at that angle is pulled. Early in training faces are near 90 degrees; between 30 and 60 degrees they are \
                 for most of it. Past the point where t + m reaches 180 degrees the curves here go on falling, where a plain cosine would \
                 rise again."
                    .to_owned(),
            ),
            Block::Figures(vec![
                figure(
                    "paper",
                    "The paper's losses",
                    "In the grey range ArcFace and CosFace are well below softmax; SphereFace beside five plain cosines, as it is trained, hardly is.",
                    &paper,
                ),
                figure(
                    "later",
                    "Later losses beside ArcFace",
                    "AdaFace is ArcFace for the poorest faces, CosFace for middling ones, and stricter than either on the best. Sub-center \
                     ArcFace's curve is ArcFace's, to the nearest of several centres.",
                    &later,
                ),
            ]),
            Block::Table(Listing {
                name: "logits",
                caption: "Logit of the own class, divided by the scale".to_owned(),
                table: table(["", "0°", "30°", "45°", "60°", "90°", "180°"], rows.collect()),
                note: String::new(),
            }),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_the_papers_at_known_angles() {
        let at = |index: usize, degrees: f64| paper()[index].1.value(degrees.to_radians());
        for degrees in [0.0_f64, 30.0, 60.0, 90.0] {
            let t = degrees.to_radians();
            assert!((at(0, degrees) - t.cos()).abs() < 1e-12);
            assert!((at(3, degrees) - (t.cos() - 0.35)).abs() < 1e-12);
            assert!((at(4, degrees) - (t + 0.5).cos()).abs() < 1e-12);
        }
        // cos(4 * 30 degrees), and a sixth of it beside five sixths of cos 30.
        assert!((at(1, 30.0) + 0.5).abs() < 1e-12);
        assert!((at(2, 30.0) - (-0.5 + 5.0 * 30.0_f64.to_radians().cos()) / 6.0).abs() < 1e-12);
        assert!((at(1, 180.0) + 7.0).abs() < 1e-12);
    }

    #[test]
    fn no_line_leaves_the_plot() {
        for block in section().blocks {
            let Block::Figures(figures) = block else { continue };
            for series in figures.iter().flat_map(|figure| &figure.chart.series) {
                assert!(series.points.len() > 20, "{}", series.label);
                assert!(series.points.iter().all(|p| (LOWEST..=1.0).contains(&p.1)));
            }
        }
    }
}
