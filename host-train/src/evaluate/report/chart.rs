//! One chart: title, legend, plot as SVG, and a sentence on how to read it.
//!
//! The plot carries only marks, ticks and axis titles. Title, legend and reading are HTML around it, so they wrap on a
//! narrow screen and keep their size, while the SVG scales with its column. Colours are classes, resolved by the page's
//! style for either theme; every pair of lines in a chart also differs by dash, for readers who see fewer colours.

use super::{axis::Axis, html::escape};
use std::fmt::Write;

// Units of the viewBox.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 426.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 232.0;

/// What a line stands for; the page's style gives it a colour.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ink {
    Float,
    Int8,
    Genuine,
    Impostor,
    Start,
    Middle,
    End,
    Quiet,
}

impl Ink {
    fn class(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Int8 => "int8",
            Self::Genuine => "genuine",
            Self::Impostor => "impostor",
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
            Self::Quiet => "quiet",
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stroke {
    Solid,
    Wide,
    Thin,
    Dashed,
    Dotted,
}

impl Stroke {
    fn class(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Wide => "wide",
            Self::Thin => "thin",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
        }
    }
}

/// A line through points in data units, in order.
pub(super) struct Series {
    /// Name in the legend; empty for a line that another entry speaks for.
    pub(super) label: String,
    pub(super) ink: Ink,
    pub(super) stroke: Stroke,
    /// Whether the area down to the x axis is tinted.
    pub(super) filled: bool,
    pub(super) points: Vec<(f64, f64)>,
}

/// A vertical line across the plot.
pub(super) struct Marker {
    pub(super) x: f64,
    pub(super) label: String,
}

/// Everything of one chart.
pub(super) struct Chart {
    pub(super) title: String,
    /// What the reader should take from it: below the plot, and the plot's text for screen readers.
    pub(super) reading: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) marker: Option<Marker>,
}

impl Chart {
    /// The chart as an HTML `figure`.
    pub(super) fn html(&self) -> String {
        let named = self.series.iter().filter(|series| !series.label.is_empty());
        let legend: String = named.map(legend_entry).collect();
        format!(
            "<figure class=\"chart\"><figcaption>{title}</figcaption><ul class=\"legend\">{legend}</ul>{plot}\
             <p class=\"reading\">{reading}</p></figure>\n",
            title = escape(&self.title),
            plot = self.svg(),
            reading = escape(&self.reading),
        )
    }

    fn svg(&self) -> String {
        let mut marks = String::new();
        self.draw_axes(&mut marks);
        // Tints first, so that no line is hidden below another series' tint.
        for series in self.series.iter().filter(|series| series.filled) {
            let area = self.path(&series.points, true);
            marks += &format!("<path class=\"area {}\" d=\"{area}\"/>", series.ink.class());
        }
        for series in &self.series {
            let line = self.path(&series.points, false);
            let (stroke, ink) = (series.stroke.class(), series.ink.class());
            marks += &format!("<path class=\"line {stroke} {ink}\" d=\"{line}\"/>");
        }
        if let Some(marker) = &self.marker {
            self.draw_marker(marker, &mut marks);
        }
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}: {}\">{marks}</svg>",
            escape(&self.title),
            escape(&self.reading),
        )
    }

    fn draw_axes(&self, marks: &mut String) {
        for tick in self.y.ticks() {
            let y = self.y_of(tick.value);
            *marks += &format!(
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                escape(&tick.text)
            );
        }
        for tick in self.x.ticks() {
            let x = self.x_of(tick.value);
            *marks += &format!(
                "<path class=\"tick\" d=\"M{x:.1} {BOTTOM}v4\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                BOTTOM + 19.0,
                escape(&tick.text)
            );
        }
        *marks += &format!(
            "<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>\
             <text class=\"title\" x=\"0\" y=\"12\">{}</text>\
             <text class=\"title\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            escape(&self.y.label),
            f64::midpoint(LEFT, RIGHT),
            HEIGHT - 8.0,
            escape(&self.x.label)
        );
    }

    fn draw_marker(&self, marker: &Marker, marks: &mut String) {
        let x = self.x_of(marker.x);
        // The words go to the side with more room.
        let (shift, anchor) =
            if x < f64::midpoint(LEFT, RIGHT) { (5.0, "start") } else { (-5.0, "end") };
        *marks += &format!(
            "<path class=\"marker\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>\
             <text class=\"title\" x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            x + shift,
            TOP + 11.0,
            escape(&marker.label)
        );
    }

    /// SVG path through the finite points; closed along the x axis for an area.
    fn path(&self, points: &[(f64, f64)], closed: bool) -> String {
        let mut path = String::new();
        let mut ends = None;
        for &(x, y) in points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let (px, py) = (self.x_of(x), self.y_of(y));
            let command = if ends.is_none() { 'M' } else { 'L' };
            // Writing to a String cannot fail.
            let _ = write!(path, "{command}{px:.1} {py:.1}");
            ends = Some((ends.map_or(px, |(first, _)| first), px));
        }
        if let (true, Some((first, last))) = (closed, ends) {
            let _ = write!(path, "L{last:.1} {BOTTOM}L{first:.1} {BOTTOM}Z");
        }
        path
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (RIGHT - LEFT)
    }

    fn y_of(&self, value: f64) -> f64 {
        BOTTOM - self.y.place(value) * (BOTTOM - TOP)
    }
}

fn legend_entry(series: &Series) -> String {
    let (stroke, ink) = (series.stroke.class(), series.ink.class());
    let tint = if series.filled {
        format!("<path class=\"area {ink}\" d=\"M0 0H28V12H0Z\"/>")
    } else {
        String::new()
    };
    format!(
        "<li><svg class=\"swatch\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">{tint}\
         <path class=\"line {stroke} {ink}\" d=\"M0 6H28\"/></svg>{}</li>",
        escape(&series.label)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "T & C".into(),
            reading: "reading".into(),
            x: Axis::exact("x", 0.0, 10.0),
            y: Axis::rounded("y", 0.0, 1.0),
            series: vec![Series {
                label: "a<b".into(),
                ink: Ink::Float,
                stroke: Stroke::Dashed,
                filled: true,
                points,
            }],
            marker: Some(Marker { x: 5.0, label: "here".into() }),
        }
    }

    #[test]
    fn points_land_where_the_axes_say() {
        let html = chart(vec![(0.0, 0.0), (5.0, 0.5), (10.0, 1.0)]).html();
        assert!(
            html.contains("class=\"line dashed float\" d=\"M46.0 232.0L236.0 129.0L426.0 26.0\""),
            "{html}"
        );
        assert!(
            html.contains("d=\"M46.0 232.0L236.0 129.0L426.0 26.0L426.0 232L46.0 232Z\""),
            "{html}"
        );
        assert!(html.contains("class=\"marker\" d=\"M236.0 26V232\""), "{html}");
    }

    #[test]
    fn labels_are_escaped() {
        let html = chart(vec![]).html();
        assert!(html.contains("a&lt;b") && html.contains("T &amp; C"));
        assert!(!html.contains("a<b"));
    }

    #[test]
    fn points_that_are_not_numbers_leave_no_trace() {
        let html = chart(vec![(0.0, f64::NAN), (5.0, 0.5), (f64::INFINITY, 1.0)]).html();
        assert!(html.contains("float\" d=\"M236.0 129.0\""), "{html}");
        assert!(!html.contains("NaN") && !html.contains("inf"));
    }
}
