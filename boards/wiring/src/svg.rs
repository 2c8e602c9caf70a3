//! The few shapes that a wiring diagram is made of, as SVG. Coordinates are pixels, y grows downwards. What is wired to what is left to
//! [`circuit`](crate::circuit).

use core::fmt::Write as _;

/// A place on the drawing.
pub type Point = (i32, i32);

/// Pixels that a letter takes at most, for text of [`TEXT`] pixels.
pub const LETTER: i32 = 8;
/// Height of text.
pub const TEXT: i32 = 13;

/// From which side of its place a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// A box that is drawn: its corners, left and top first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Left, top.
    pub from: Point,
    /// Right, bottom.
    pub to: Point,
}

/// A drawing that grows.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    shapes: String,
    /// What was drawn, for those who check it.
    pub(crate) frames: Vec<Frame>,
    pub(crate) wires: Vec<Vec<Point>>,
    pub(crate) texts: Vec<Frame>,
}

impl Drawing {
    /// A box with its name at its top.
    pub fn part(&mut self, name: &str, frame: Frame) {
        let Frame { from: (left, top), to: (right, bottom) } = frame;
        self.shape(format_args!(
            r##"<rect x="{left}" y="{top}" width="{}" height="{}" rx="6" fill="#f4f6f8" stroke="#24292f"/>"##,
            right - left,
            bottom - top
        ));
        self.frames.push(frame);
        self.text(name, ((left + right) / 2, top + 22), Anchor::Middle, true);
    }

    /// A wire through `points`, of a colour of CSS.
    pub fn wire(&mut self, colour: &str, points: &[Point]) {
        let points_text: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let path = points_text.join(" ");
        self.shape(format_args!(
            r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#
        ));
        self.wires.push(points.to_vec());
    }

    /// Where wires meet.
    pub fn joint(&mut self, (x, y): Point, colour: &str) {
        self.shape(format_args!(r#"<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>"#));
    }

    /// A resistor or a fuse standing upright over a wire, `name` to its right. A fuse has the wire drawn through it.
    pub fn upright(&mut self, name: &str, (x, y): Point, fuse: bool) {
        self.shape(format_args!(
            r##"<rect x="{}" y="{}" width="14" height="32" fill="{}" stroke="#24292f" stroke-width="1.5"/>"##,
            x - 7,
            y - 16,
            if fuse { "none" } else { "#fff" }
        ));
        self.text(name, (x + 14, y + 5), Anchor::Start, false);
    }

    /// A diode standing upright over a wire: current would flow up.
    pub fn diode(&mut self, name: &str, (x, y): Point) {
        self.shape(format_args!(
            r##"<path d="M{} {} h22 M{x} {} l11 18 h-22 z" fill="#24292f" stroke="#24292f" stroke-width="2"/>"##,
            x - 11,
            y - 9,
            y - 9
        ));
        self.text(name, (x + 16, y + 5), Anchor::Start, false);
    }

    /// A contact that closes, lying over a wire from `from` to 60 pixels right of it, `name` above it.
    pub fn switch(&mut self, name: &str, (x, y): Point) {
        self.shape(format_args!(
            r##"<path d="M{} {y} L{} {}" stroke="#24292f" stroke-width="2" fill="none"/>"##,
            x + 6,
            x + 54,
            y - 14
        ));
        self.joint((x + 6, y), "#24292f");
        self.joint((x + 54, y), "#24292f");
        self.text(name, (x + 30, y - 20), Anchor::Middle, false);
    }

    /// A line of text; its place is on its base line.
    pub fn text(&mut self, text: &str, (x, y): Point, anchor: Anchor, bold: bool) {
        let wide = i32::try_from(text.chars().count()).unwrap_or(i32::MAX).saturating_mul(LETTER);
        let (name, left) = match anchor {
            Anchor::Start => ("start", x),
            Anchor::Middle => ("middle", x - wide / 2),
            Anchor::End => ("end", x - wide),
        };
        let weight = if bold { r#" font-weight="bold""# } else { "" };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.shape(format_args!(
            r#"<text x="{x}" y="{y}" text-anchor="{name}"{weight}>{text}</text>"#
        ));
        self.texts.push(Frame { from: (left, y - TEXT + 2), to: (left + wide, y + 3) });
    }

    fn shape(&mut self, shape: core::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.shapes, "{shape}");
    }

    /// The file: `width` by `height` pixels.
    pub fn finish(&self, width: i32, height: i32) -> String {
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="{TEXT}" fill="#24292f">
<rect width="{width}" height="{height}" fill="#fff"/>
{}</svg>
"##,
            self.shapes
        )
    }
}
