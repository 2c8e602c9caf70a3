//! `decision-boundaries`: where a face between two classes is claimed by either, from the losses' equations.
//!
//! A loss pushes a face of class 1 until its logit is above that of class 2, so its boundary is where both are equal (table 1):
//!
//! ```text
//! r1 f(t1) - r2 cos t2 + b = 0        t1, t2  the angles to the centres of class 1 and class 2
//! ```
//!
//! `r1 = |W1| |x|`, `r2 = |W2| |x|`, `b = b1 - b2` for softmax; `|x|` or the scale `s` on both sides for the others. For a face of
//! class 2 the classes change places. With a margin these are two lines, and the room between them belongs to nobody.

use super::tables::{line, table};
use crate::evaluate::report::{Axis, Block, Chart, Figure, Ink, Listing, Patch, Section, Stroke};
use crate::loss::{Annealing, LossConfig, TargetCurve};

/// Degrees between points of a line.
const STEP: f64 = 0.5;

/// Lengths of the centres and difference of the offsets in softmax's picture; `|x|` is 1.
const CENTRES: [f64; 2] = [1.2, 0.9];
const OFFSET: f64 = 0.1;

/// A loss's rule for two classes, seen from class 1.
struct Boundary {
    file: &'static str,
    name: &'static str,
    equation: &'static str,
    curve: TargetCurve,
    /// What multiplies either side.
    factors: [f64; 2],
    offset: f64,
}

impl Boundary {
    fn of(
        file: &'static str,
        name: &'static str,
        equation: &'static str,
        loss: LossConfig,
    ) -> Self {
        let factor = loss.scale().unwrap_or(1.0);
        // As far as the annealing goes when it is over.
        let curve = loss.curve(u64::MAX);
        Self { file, name, equation, curve, factors: [factor; 2], offset: 0.0 }
    }

    /// The angle to the other centre at which a face at `own` degrees from its own is on the boundary; none where every face
    /// is on one side.
    fn other(&self, own: f64) -> Option<f64> {
        let [own_factor, other_factor] = self.factors;
        let cosine = (own_factor * self.curve.value(own.to_radians()) + self.offset) / other_factor;
        (-1.0..=1.0).contains(&cosine).then(|| cosine.acos().to_degrees())
    }

    /// Points of the line, own angle ascending.
    fn line(&self) -> Vec<(f64, f64)> {
        let point = |own: f64| Some((own, self.other(own)?));
        let mut points: Vec<(f64, f64)> = Vec::new();
        for step in 0..=(180.0 / STEP) as u32 {
            let own = f64::from(step) * STEP;
            match point(own) {
                Some(at) => {
                    if points.is_empty() && own > 0.0 {
                        points.extend(point(self.edge(own, own - STEP)));
                    }
                    points.push(at);
                }
                None if points.is_empty() => {}
                None => {
                    points.extend(point(self.edge(own - STEP, own)));
                    break;
                }
            }
        }
        points
    }

    /// The last angle from `inside` towards `outside` at which there is a point.
    fn edge(&self, mut inside: f64, mut outside: f64) -> f64 {
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            if self.other(middle).is_some() { inside = middle } else { outside = middle }
        }
        inside
    }

    /// The rule seen from class 2.
    fn turned(&self) -> Self {
        let [a, b] = self.factors;
        Self { factors: [b, a], offset: -self.offset, ..*self }
    }

    /// Both classes' lines in the plane of both angles.
    fn lines(&self) -> [Vec<(f64, f64)>; 2] {
        let second = self.turned().line().into_iter().map(|(own, other)| (other, own));
        [self.line(), second.collect()]
    }

    fn figure(&self) -> Figure {
        let [first, second] = self.lines();
        let mut patches = Vec::new();
        // Without a margin both classes have one line.
        if self.curve != TargetCurve::PLAIN {
            let corners = first.iter().copied().chain([(180.0, 180.0)]);
            let back = second.iter().rev().copied().chain([(0.0, 0.0)]);
            let points = corners.chain(back).collect();
            patches.push(Patch { label: "margin".to_owned(), ink: Ink::Quiet, points });
        }
        Figure {
            name: self.file.to_owned(),
            chart: Chart {
                title: self.name.to_owned(),
                reading: format!("Class 1: {}. Its faces are above its line.", self.equation),
                x: Axis::degrees("angle to the centre of class 1, degrees"),
                y: Axis::degrees("angle to the centre of class 2, degrees"),
                patches,
                series: vec![
                    line("boundary of class 1", Ink::Category(1), Stroke::Solid, first),
                    line("boundary of class 2", Ink::Category(2), Stroke::Dashed, second),
                ],
                marker: None,
            },
        }
    }
}

/// The six of table 1.
fn boundaries() -> [Boundary; 6] {
    // The pure margin, as the paper draws it: no plain cosine beside it.
    let annealing = Annealing { start: 0.0, end: 0.0, rate: 0.0 };
    let scale = 64.0;
    let softmax = "|x| (|W1| cos t1 - |W2| cos t2) + b1 - b2 = 0";
    let softmax = Boundary::of("softmax", "Softmax", softmax, LossConfig::Softmax {});
    [
        Boundary { factors: CENTRES, offset: OFFSET, ..softmax },
        Boundary::of(
            "softmax-normalised",
            "Weight-normalised softmax",
            "|x| (cos t1 - cos t2) = 0",
            LossConfig::SoftmaxNormalised {},
        ),
        Boundary::of(
            "sphereface",
            "SphereFace, m 4",
            "|x| (cos m t1 - cos t2) = 0",
            LossConfig::Sphereface { m: 4, annealing },
        ),
        Boundary::of(
            "sphereface-normalised",
            "Feature-normalised SphereFace, m 4",
            "s (cos m t1 - cos t2) = 0",
            LossConfig::SpherefaceNormalised { m: 4, annealing, scale },
        ),
        Boundary::of(
            "cosface",
            "CosFace, m 0.35",
            "s (cos t1 - m - cos t2) = 0",
            LossConfig::Cosface { m: 0.35, scale },
        ),
        Boundary::of(
            "arcface",
            "ArcFace, m 0.5",
            "s (cos(t1 + m) - cos t2) = 0",
            LossConfig::Arcface { m: 0.5, scale },
        ),
    ]
}

/// The section.
pub(super) fn section() -> Section {
    let boundaries = boundaries();
    let angles = [10.0, 20.0, 30.0, 40.0];
    let rows = boundaries.iter().map(|boundary| {
        let others = angles.iter().map(|&own| {
            boundary.other(own).map_or("none".to_owned(), |other| format!("{other:.1}"))
        });
        let words = [boundary.name, boundary.equation].map(str::to_owned);
        words.into_iter().chain(others).collect()
    });
    let columns = ["", "boundary of class 1", "t1 = 10°", "20°", "30°", "40°"];
    let listing = Listing {
        name: "boundaries",
        caption: "Least angle to the other centre, degrees, at which a face still counts as its own class's".to_owned(),
        table: table(columns, rows.collect()),
        note: "None: at that angle to its own centre the face is claimed by nobody, however far the other centre is. The boundary of \
               class 2 has the indices changed over."
            .to_owned(),
    };
    Section {
        name: "decision-boundaries",
        title: "Decision boundaries of two classes".to_owned(),
        paper: "Table 1 and figure 3".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "Where a face lies between two classes, by its angles to both centres. The grey room between the lines is the margin: \
                 in training, a face there is pulled towards its own centre, whichever that is. ArcFace's margin is as wide at every \
                 angle; CosFace's narrows where the centres are far and SphereFace's near its own centre, and SphereFace leaves nothing beyond \
                 180 / m degrees. Softmax is drawn for centres of lengths {} and {}, offsets that differ by {OFFSET}, and an embedding \
                 of length 1.",
                CENTRES[0], CENTRES[1]
            )),
            Block::Figures(boundaries.iter().map(Boundary::figure).collect()),
            Block::Table(listing),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 1 as printed, class 1 first; written out here a second time on purpose.
    fn equation(file: &str, t1: f64, t2: f64) -> f64 {
        let (s, x) = (64.0, 1.0);
        match file {
            "softmax" => x * (1.2 * t1.cos() - 0.9 * t2.cos()) + 0.1,
            "softmax-normalised" => x * (t1.cos() - t2.cos()),
            "sphereface" => x * ((4.0 * t1).cos() - t2.cos()),
            "sphereface-normalised" => s * ((4.0 * t1).cos() - t2.cos()),
            "cosface" => s * (t1.cos() - 0.35 - t2.cos()),
            "arcface" => s * ((t1 + 0.5).cos() - t2.cos()),
            other => panic!("{other} is not in table 1"),
        }
    }

    /// Class 2's: the indices change places.
    fn turned(file: &str, t1: f64, t2: f64) -> f64 {
        match file {
            "softmax" => (0.9 * t2.cos() - 1.2 * t1.cos()) - 0.1,
            other => equation(other, t2, t1),
        }
    }

    #[test]
    fn every_drawn_point_is_on_its_boundary() {
        let mut worst = 0.0_f64;
        for boundary in boundaries() {
            let figure = boundary.figure();
            let [first, second] = [0, 1].map(|i| &figure.chart.series[i].points);
            // SphereFace's line ends at 180 / 4 degrees.
            assert!(first.len() > 80 && second.len() > 80, "{}", boundary.name);
            for &(t1, t2) in first {
                let off = equation(boundary.file, t1.to_radians(), t2.to_radians());
                worst = worst.max(off.abs());
            }
            for &(t1, t2) in second {
                let off = turned(boundary.file, t1.to_radians(), t2.to_radians());
                worst = worst.max(off.abs());
            }
        }
        assert!(worst < 1e-6, "furthest off: {worst:e}");
    }

    #[test]
    fn lines_reach_the_edges_of_the_plane() {
        for boundary in boundaries().iter().skip(1) {
            let line = boundary.line();
            assert_eq!(line[0].0, 0.0, "{}", boundary.name);
            let last = line[line.len() - 1];
            assert!((last.1 - 180.0).abs() < 1e-5, "{} ends at {last:?}", boundary.name);
        }
    }

    #[test]
    fn margins_are_those_of_the_losses() {
        let [.., sphereface, cosface, arcface] = boundaries();
        for own in [5.0_f64, 30.0, 90.0, 140.0] {
            let other = arcface.other(own).map(|other| other - own);
            assert!((other.unwrap_or_default() - 0.5_f64.to_degrees()).abs() < 1e-9);
        }
        // 60 and 98.6 degrees: cosines 0.5 and 0.15.
        let other = cosface.other(60.0).unwrap_or_default();
        assert!((other.to_radians().cos() - 0.15).abs() < 1e-12);
        assert!((sphereface.other(20.0).unwrap_or_default() - 80.0).abs() < 1e-9);
        assert_eq!(sphereface.other(46.0), None);
    }
}
