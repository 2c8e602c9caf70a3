//! One chart: title, legend, plot as SVG, and a sentence on how to read it.
//!
//! The plot carries only marks, ticks and axis titles. Title, legend and reading are HTML around it, so they wrap on a
//! narrow screen and keep their size, while the SVG scales with its column; `file` puts them into the picture instead.
//! Colours are classes, resolved by the style for either theme; every pair of lines in a chart also differs by dash, for
//! readers who see fewer colours.

use super::{axis::Axis, html::escape};
use std::fmt::Write;

// Units of the viewBox.
pub(super) const WIDTH: f64 = 440.0;
const RIGHT: f64 = 426.0;
const TOP: f64 = 26.0;
/// Height of a plot whose y axis has numbers.
const PLOT: f64 = 206.0;
/// Height of a category on the y axis.
const ROW: f64 = 24.0;
/// From the x axis to the lower edge: ticks and the axis's title.
const BELOW: f64 = 48.0;
/// Room for numbers beside the y axis.
const NUMBERS: f64 = 46.0;
/// Width of a letter beside the y axis, about.
const LETTER: f64 = 6.2;

/// What a line stands for; the page's style gives it a colour.
#[derive(Clone, Copy, Debug)]
pub enum Ink {
    /// The float network.
    Float,
    /// The int8 file.
    Int8,
    /// Pairs of one person.
    Genuine,
    /// Pairs of two people.
    Impostor,
    /// The start of training.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
    /// What stands behind the rest.
    Quiet,
    /// One of several things of a kind, from 0; after nine, colours come again.
    Category(usize),
}

const CATEGORIES: [&str; 9] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];

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
            Self::Category(index) => CATEGORIES[index % CATEGORIES.len()],
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// Two units wide.
    Solid,
    /// Below another line.
    Wide,
    /// In the background.
    Thin,
    /// In dashes.
    Dashed,
    /// In dots.
    Dotted,
    /// Long dashes with dots between.
    DashDotted,
    /// No line: a disc at each point.
    Points,
}

impl Stroke {
    fn class(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Wide => "wide",
            Self::Thin => "thin",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
            Self::DashDotted => "dash-dotted",
            Self::Points => "points",
        }
    }
}

/// A line through points in data units, in order.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name in the legend; empty for a line that another entry speaks for.
    pub label: String,
    /// Its colour.
    pub ink: Ink,
    /// Its dash.
    pub stroke: Stroke,
    /// Whether the area down to the x axis is tinted.
    pub filled: bool,
    /// The points; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
}

/// A tinted polygon behind the lines.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Name in the legend.
    pub label: String,
    /// Its colour.
    pub ink: Ink,
    /// Its corners in data units, in order.
    pub points: Vec<(f64, f64)>,
}

/// A vertical line across the plot.
#[derive(Clone, Debug)]
pub struct Marker {
    /// Where, in data units.
    pub x: f64,
    /// What is written beside it.
    pub label: String,
}

/// Everything of one chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Above the plot.
    pub title: String,
    /// What the reader should take from it: below the plot, and the plot's text for screen readers.
    pub reading: String,
    /// The lower edge.
    pub x: Axis,
    /// The left edge.
    pub y: Axis,
    /// Behind the lines.
    pub patches: Vec<Patch>,
    /// The lines, later ones above earlier ones.
    pub series: Vec<Series>,
    /// At most one line across.
    pub marker: Option<Marker>,
}

impl Chart {
    /// The chart as an HTML `figure`.
    pub(super) fn html(&self) -> String {
        let legend = self.legend().map(|(label, sample)| {
            format!(
                "<li><svg class=\"swatch\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">{sample}</svg>{}</li>",
                escape(label)
            )
        });
        format!(
            "<figure class=\"chart\"><figcaption>{title}</figcaption><ul class=\"legend\">{legend}</ul>{plot}\
             <p class=\"reading\">{reading}</p></figure>\n",
            title = escape(&self.title),
            legend = legend.collect::<String>(),
            plot = self.svg(),
            reading = escape(&self.reading),
        )
    }

    fn svg(&self) -> String {
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}: {}\">{}</svg>",
            self.height(),
            escape(&self.title),
            escape(&self.reading),
            self.marks(),
        )
    }

    /// Names in the legend, each with a sample of its line on 28 x 12 units.
    pub(super) fn legend(&self) -> impl Iterator<Item = (&str, String)> {
        let tint = |ink: Ink| format!("<path class=\"area {}\" d=\"M0 0H28V12H0Z\"/>", ink.class());
        let patches = self.patches.iter().map(move |patch| (&*patch.label, tint(patch.ink)));
        let series = self.series.iter().map(move |series| {
            let (stroke, ink) = (series.stroke.class(), series.ink.class());
            let line = match series.stroke {
                Stroke::Points => disc(14.0, 6.0, ink),
                _ => format!("<path class=\"line {stroke} {ink}\" d=\"M0 6H28\"/>"),
            };
            let tint = if series.filled { tint(series.ink) } else { String::new() };
            (&*series.label, tint + &line)
        });
        patches.chain(series).filter(|(label, _)| !label.is_empty())
    }

    /// Everything inside the plot, its axes and their titles.
    pub(super) fn marks(&self) -> String {
        let mut marks = String::new();
        for patch in &self.patches {
            let mut corners = self.path(&patch.points, false);
            if !corners.is_empty() {
                corners.push('Z');
            }
            marks += &format!("<path class=\"area {}\" d=\"{corners}\"/>", patch.ink.class());
        }
        self.draw_axes(&mut marks);
        // Tints first, so that no line is hidden below another series' tint.
        for series in self.series.iter().filter(|series| series.filled) {
            let area = self.path(&series.points, true);
            marks += &format!("<path class=\"area {}\" d=\"{area}\"/>", series.ink.class());
        }
        for series in &self.series {
            let (stroke, ink) = (series.stroke.class(), series.ink.class());
            if series.stroke == Stroke::Points {
                let discs =
                    finite(&series.points).map(|(x, y)| disc(self.x_of(x), self.y_of(y), ink));
                marks.extend(discs);
                continue;
            }
            let line = self.path(&series.points, false);
            marks += &format!("<path class=\"line {stroke} {ink}\" d=\"{line}\"/>");
        }
        if let Some(marker) = &self.marker {
            self.draw_marker(marker, &mut marks);
        }
        marks
    }

    fn draw_axes(&self, marks: &mut String) {
        let (left, bottom) = (self.left(), self.bottom());
        for tick in self.y.ticks() {
            let y = self.y_of(tick.value);
            *marks += &format!(
                "<path class=\"grid\" d=\"M{left} {y:.1}H{RIGHT}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                escape(&tick.text)
            );
        }
        for tick in self.x.ticks() {
            let x = self.x_of(tick.value);
            *marks += &format!(
                "<path class=\"tick\" d=\"M{x:.1} {bottom}v4\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 19.0,
                escape(&tick.text)
            );
        }
        *marks += &format!(
            "<path class=\"axis\" d=\"M{left} {bottom}H{RIGHT}\"/>\
             <text class=\"title\" x=\"0\" y=\"12\">{}</text>\
             <text class=\"title\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            escape(&self.y.label),
            f64::midpoint(left, RIGHT),
            self.height() - 8.0,
            escape(&self.x.label)
        );
    }

    fn draw_marker(&self, marker: &Marker, marks: &mut String) {
        let x = self.x_of(marker.x);
        // The words go to the side with more room.
        let (shift, anchor) =
            if x < f64::midpoint(self.left(), RIGHT) { (5.0, "start") } else { (-5.0, "end") };
        *marks += &format!(
            "<path class=\"marker\" d=\"M{x:.1} {TOP}V{}\"/>\
             <text class=\"title\" x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            self.bottom(),
            x + shift,
            TOP + 11.0,
            escape(&marker.label)
        );
    }

    /// SVG path through the finite points; closed along the x axis for an area.
    fn path(&self, points: &[(f64, f64)], closed: bool) -> String {
        let mut path = String::new();
        let mut ends = None;
        for (x, y) in finite(points) {
            let (px, py) = (self.x_of(x), self.y_of(y));
            let command = if ends.is_none() { 'M' } else { 'L' };
            // Writing to a String cannot fail.
            let _ = write!(path, "{command}{px:.1} {py:.1}");
            ends = Some((ends.map_or(px, |(first, _)| first), px));
        }
        if let (true, Some((first, last))) = (closed, ends) {
            let bottom = self.bottom();
            let _ = write!(path, "L{last:.1} {bottom}L{first:.1} {bottom}Z");
        }
        path
    }

    fn x_of(&self, value: f64) -> f64 {
        let left = self.left();
        left + self.x.place(value) * (RIGHT - left)
    }

    fn y_of(&self, value: f64) -> f64 {
        let bottom = self.bottom();
        bottom - self.y.place(value) * (bottom - TOP)
    }

    /// Where the plot begins: names need more room than numbers.
    fn left(&self) -> f64 {
        let names = self.y.names_of().iter().map(|name| name.text.chars().count()).max();
        names.map_or(NUMBERS, |letters| (LETTER * letters as f64 + 10.0).clamp(NUMBERS, 220.0))
    }

    fn bottom(&self) -> f64 {
        match self.y.names_of().len() {
            0 => TOP + PLOT,
            rows => TOP + ROW * rows as f64,
        }
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom() + BELOW
    }
}

fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite())
}

fn disc(x: f64, y: f64, ink: &str) -> String {
    format!("<circle class=\"disc {ink}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>")
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
            patches: vec![],
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

    #[test]
    fn categories_have_a_row_each_and_discs() {
        let mut chart = chart(vec![(2.0, 0.0), (8.0, 1.0)]);
        chart.y = Axis::names("loss", &["short", "a longer name"]);
        chart.series[0].stroke = Stroke::Points;
        chart.series[0].filled = false;
        let html = chart.html();
        // 13 letters of 6.2 and 10 between: the plot begins at 90.6. The first name is on top.
        assert!(html.contains("cx=\"157.7\" cy=\"38.0\""), "{html}");
        assert!(html.contains("cx=\"358.9\" cy=\"62.0\""), "{html}");
        assert!(html.contains("viewBox=\"0 0 440 122\"") && html.contains(">a longer name</text>"));
    }

    #[test]
    fn patches_are_closed_and_in_the_legend() {
        let mut chart = chart(vec![]);
        let points = vec![(0.0, 0.0), (10.0, 0.0), (10.0, 1.0)];
        chart.patches = vec![Patch { label: "area".into(), ink: Ink::Quiet, points }];
        let html = chart.html();
        assert!(
            html.contains("class=\"area quiet\" d=\"M46.0 232.0L426.0 232.0L426.0 26.0Z\""),
            "{html}"
        );
        assert!(html.contains("</svg>area</li>"));
    }
}
