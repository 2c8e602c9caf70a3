//! Axes: from values to a place in [0, 1], and ticks at round numbers.

/// One axis of a chart.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<Tick>,
}

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Linear,
    Log,
    Names,
}

impl Axis {
    /// Linear, its ends moved outwards to the next tick.
    pub fn rounded(label: &str, low: f64, high: f64) -> Self {
        let (low, high) = sane(low, high);
        let step = round_step(high - low);
        // The tolerance keeps 0.3 / 0.1 from reaching up to the next tick.
        let first = (low / step + 1e-9).floor();
        let last = (high / step - 1e-9).ceil();
        Self::linear(label, first * step, last * step, step)
    }

    /// Linear, ending where the data ends, with ticks inside.
    pub fn exact(label: &str, low: f64, high: f64) -> Self {
        let (low, high) = sane(low, high);
        Self::linear(label, low, high, round_step(high - low))
    }

    /// Angles from 0 to 180 degrees.
    pub fn degrees(label: &str) -> Self {
        Self::linear(label, 0.0, 180.0, 30.0)
    }

    /// A row for each name, the first on top; a value is a name's place in the list.
    pub fn names(label: &str, names: &[&str]) -> Self {
        let ticks = names.iter().enumerate();
        let ticks = ticks.map(|(index, &text)| Tick { value: index as f64, text: text.into() });
        let (low, high) = (names.len() as f64 - 0.5, -0.5);
        Self { label: label.into(), scale: Scale::Names, low, high, ticks: ticks.collect() }
    }

    fn linear(label: &str, low: f64, high: f64, step: f64) -> Self {
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        let ticks = (first..=last).map(|index| {
            let value = index as f64 * step;
            let text = if decimals == 0 { grouped(value) } else { format!("{value:.decimals$}") };
            Tick { value, text }
        });
        Self { label: label.into(), scale: Scale::Linear, low, high, ticks: ticks.collect() }
    }

    /// Logarithmic from `low` to `high`, both above 0, with a tick a decade.
    pub fn log(label: &str, low: f64, high: f64) -> Self {
        let (low, high) = if low > 0.0 && high > low { (low, high) } else { (0.1, 1.0) };
        let first = (low.log10() - 1e-9).ceil() as i32;
        let last = (high.log10() + 1e-9).floor() as i32;
        let ticks = (first..=last).map(|power| Tick {
            value: 10_f64.powi(power),
            text: if power == 0 { "1".into() } else { format!("1e{power}") },
        });
        Self { label: label.into(), scale: Scale::Log, low, high, ticks: ticks.collect() }
    }

    /// Where `value` lies between the ends, held within [0, 1].
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear | Scale::Names => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// A value as files have it: the name in its place, or the number.
    pub(super) fn text(&self, value: f64) -> String {
        let name = self.names_of().iter().find(|tick| tick.value == value);
        name.map_or_else(|| value.to_string(), |tick| tick.text.clone())
    }

    /// The names of a [`Self::names`] axis, none of another.
    pub(super) fn names_of(&self) -> &[Tick] {
        if matches!(self.scale, Scale::Names) { &self.ticks } else { &[] }
    }

    /// Ticks, ascending.
    pub(super) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }
}

/// A range that can be divided by, whatever came in.
fn sane(low: f64, high: f64) -> (f64, f64) {
    if !(low.is_finite() && high.is_finite()) {
        (0.0, 1.0)
    } else if high > low {
        (low, high)
    } else {
        (low, low + low.abs().max(1.0))
    }
}

/// The step out of 1, 2 or 5 times a power of ten that cuts `range` into four to eight parts.
fn round_step(range: f64) -> f64 {
    let rough = range / 7.0;
    let decade = 10_f64.powf(rough.log10().floor());
    let factor = match rough / decade {
        f if f <= 1.0 => 1.0,
        f if f <= 2.0 => 2.0,
        f if f <= 5.0 => 5.0,
        _ => 10.0,
    };
    factor * decade
}

/// A whole number with commas between thousands.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn rounded_axes_end_on_ticks() {
        let axis = Axis::rounded("loss", 0.0, 27.3);
        assert_eq!(texts(&axis), ["0", "5", "10", "15", "20", "25", "30"]);
        assert_eq!((axis.place(0.0), axis.place(15.0), axis.place(99.0)), (0.0, 0.5, 1.0));
        let axis = Axis::rounded("cosine", -0.2, 0.3);
        assert_eq!(texts(&axis), ["-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"]);
    }

    #[test]
    fn exact_axes_keep_their_ends() {
        let axis = Axis::exact("step", 0.0, 3712.0);
        assert_eq!(texts(&axis), ["0", "1,000", "2,000", "3,000"]);
        assert_eq!(axis.place(3712.0), 1.0);
    }

    #[test]
    fn log_axes_have_a_tick_a_decade() {
        let axis = Axis::log("FAR", 1.0 / 1800.0, 1.0);
        assert_eq!(texts(&axis), ["1e-3", "1e-2", "1e-1", "1"]);
        assert!((Axis::log("FAR", 1e-4, 1.0).place(1e-2) - 0.5).abs() < 1e-12);
        assert_eq!(axis.place(0.0), 0.0);
    }

    #[test]
    fn empty_and_broken_ranges_still_make_an_axis() {
        for (low, high) in [(3.0, 3.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (2.0, 1.0)] {
            let axis = Axis::rounded("", low, high);
            assert!((3..=12).contains(&axis.ticks().len()), "{low} {high}: {axis:?}");
            assert!(axis.place(low.max(0.0)).is_finite());
        }
        assert_eq!(texts(&Axis::log("", 0.0, 1.0)), ["1e-1", "1"]);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0.0), "0");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(-1000.0), "-1,000");
    }

    #[test]
    fn names_go_down_in_their_order() {
        let axis = Axis::names("loss", &["a", "b"]);
        assert_eq!(texts(&axis), ["a", "b"]);
        assert_eq!((axis.place(0.0), axis.place(1.0)), (0.75, 0.25));
        assert_eq!((axis.text(1.0), axis.text(0.5)), ("b".into(), "0.5".into()));
    }

    #[test]
    fn degrees_have_a_tick_every_thirty() {
        let axis = Axis::degrees("angle");
        assert_eq!(texts(&axis), ["0", "30", "60", "90", "120", "150", "180"]);
    }
}
