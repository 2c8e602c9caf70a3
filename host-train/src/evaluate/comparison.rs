//! Float beside int8 for people: one row a figure, with the difference in the unit that matters.

use serde::{Deserialize, Serialize};

/// How a figure is written and how two of them differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A share in [0, 1]: written in percent, differing in percentage points.
    Share,
    /// A cosine: written with three digits, differing plainly.
    Cosine,
    /// Milliseconds: differing by a factor.
    Milliseconds,
}

/// One figure of the float network and of its int8 form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRow {
    /// The figure's name, such as `TAR@FAR 1e-3`.
    pub name: String,
    /// Unit of both values.
    pub unit: Unit,
    /// Of the float network.
    pub float: f64,
    /// Of the int8 file.
    pub int8: f64,
}

impl ComparisonRow {
    /// A row of two shares in [0, 1].
    pub fn share(name: &str, float: f64, int8: f64) -> Self {
        Self { name: name.into(), unit: Unit::Share, float, int8 }
    }

    /// The three cells after the name: float, int8, difference.
    pub fn cells(&self) -> [String; 3] {
        let (float, int8) = (self.float, self.int8);
        match self.unit {
            Unit::Share => [
                format!("{:.2} %", 100.0 * float),
                format!("{:.2} %", 100.0 * int8),
                // Adding zero turns a rounded "-0.00" into "+0.00".
                format!("{:+.2} points", (10_000.0 * (int8 - float)).round() / 100.0 + 0.0),
            ],
            Unit::Cosine => [
                format!("{float:.3}"),
                format!("{int8:.3}"),
                format!("{:+.3}", (1000.0 * (int8 - float)).round() / 1000.0 + 0.0),
            ],
            Unit::Milliseconds => {
                [format!("{float:.2} ms"), format!("{int8:.2} ms"), factor(float, int8)]
            }
        }
    }
}

/// Percentage points from a share down to another, rounded as they are shown, so that words, limit and figures agree.
pub fn points_lost(from: f64, to: f64) -> f64 {
    ((from - to) * 10_000.0).round() / 100.0
}

fn factor(float: f64, int8: f64) -> String {
    if !(float > 0.0 && int8 > 0.0) {
        "not measured".into()
    } else if int8 <= float {
        format!("{:.1}x faster", float / int8)
    } else {
        format!("{:.1}x slower", int8 / float)
    }
}

/// The rows as aligned plain text, a heading first, one line each.
///
/// ```text
///                   float      int8     difference
/// accuracy        98.72 %   98.65 %   -0.07 points
/// time an image   8.00 ms   2.00 ms    4.0x faster
/// ```
pub fn comparison_text(rows: &[ComparisonRow]) -> String {
    let mut lines = vec![[String::new(), "float".into(), "int8".into(), "difference".into()]];
    for row in rows {
        let [float, int8, difference] = row.cells();
        lines.push([row.name.clone(), float, int8, difference]);
    }
    let widths: [usize; 4] = std::array::from_fn(|column| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for [name, float, int8, difference] in &lines {
        let [w0, w1, w2, w3] = widths;
        text += &format!("{name:<w0$}   {float:>w1$}   {int8:>w2$}   {difference:>w3$}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_differ_in_points() {
        let cells = ComparisonRow::share("accuracy", 0.98717, 0.98650).cells();
        assert_eq!(cells, ["98.72 %", "98.65 %", "-0.07 points"]);
        assert_eq!(ComparisonRow::share("EER", 0.01, 0.009_999_9).cells()[2], "+0.00 points");
    }

    #[test]
    fn times_differ_by_a_factor() {
        let row = |float, int8| ComparisonRow {
            name: String::new(),
            unit: Unit::Milliseconds,
            float,
            int8,
        };
        assert_eq!(row(8.0, 2.0).cells(), ["8.00 ms", "2.00 ms", "4.0x faster"]);
        assert_eq!(row(2.0, 3.0).cells()[2], "1.5x slower");
        assert_eq!(row(0.0, 3.0).cells()[2], "not measured");
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ComparisonRow::share("accuracy", 0.98717, 0.98650),
            ComparisonRow {
                name: "threshold".into(),
                unit: Unit::Cosine,
                float: 0.3125,
                int8: 0.31,
            },
        ];
        let expected = "\
             \x20             float      int8     difference\n\
             accuracy    98.72 %   98.65 %   -0.07 points\n\
             threshold     0.312     0.310         -0.003\n";
        assert_eq!(comparison_text(&rows), expected);
    }
}
