//! A chart or a table as a file of its own: SVG with title, legend and colours inside, or CSV.

use super::{
    Table,
    chart::{Chart, WIDTH},
    html::escape,
};

const STYLE: &str = include_str!("plot.css");

// Units of the viewBox, outside the plot.
const MARGIN: f64 = 12.0;
const TITLE: f64 = 26.0;
const ENTRY: f64 = 18.0;

/// A picture that needs nothing else. The legend stands below, an entry a line.
pub(super) fn svg(chart: &Chart) -> String {
    let entries = chart.legend().enumerate().map(|(index, (label, sample))| {
        let y = TITLE + chart.height() + ENTRY * index as f64;
        format!(
            "<g transform=\"translate(0 {y})\">{sample}\
             <text x=\"36\" y=\"10\">{}</text></g>",
            escape(label)
        )
    });
    let entries: Vec<String> = entries.collect();
    let height = 2.0 * MARGIN + TITLE + chart.height() + ENTRY * entries.len() as f64;
    let width = WIDTH + 2.0 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\"><title>{title}</title><desc>{reading}</desc>\
         <style>{STYLE}.heading {{ fill: var(--ink) !important; font-size: 14px !important; font-weight: 600; }}</style>\
         <rect width=\"100%\" height=\"100%\" style=\"fill: var(--panel)\"/>\
         <g transform=\"translate({MARGIN} {MARGIN})\"><text class=\"heading\" y=\"12\">{title}</text>\
         <g transform=\"translate(0 {TITLE})\">{marks}</g>{entries}</g></svg>\n",
        title = escape(&chart.title),
        reading = escape(&chart.reading),
        marks = chart.marks(),
        entries = entries.concat(),
    )
}

/// The points of every line that has a name: `series,x,y`, under the axes' titles.
pub(super) fn points(chart: &Chart) -> String {
    let head = ["series", &chart.x.label, &chart.y.label].map(str::to_owned);
    let named = chart.series.iter().filter(|series| !series.label.is_empty());
    let rows = named.flat_map(|series| {
        series.points.iter().map(|&(x, y)| [series.label.clone(), chart.x.text(x), chart.y.text(y)])
    });
    csv(core::iter::once(head).chain(rows))
}

/// A table's headings and cells.
pub(super) fn cells(table: &Table) -> String {
    csv(core::iter::once(&table.columns).chain(&table.rows))
}

fn csv(rows: impl Iterator<Item = impl IntoIterator<Item = impl AsRef<[u8]>>>) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        // Writing to memory cannot fail.
        let _ = writer.write_record(row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
