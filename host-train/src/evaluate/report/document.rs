//! A page of sections, one an experiment: headed text, charts side by side, tables; and the same charts and tables as files.
//!
//! ```text
//! Document ──> Section ──> Block: text | figures | table
//!     └──> page (HTML)        └──> files: name.svg + name.csv of a figure, name.csv of a table
//! ```

use super::{
    Provenance, Table,
    chart::Chart,
    file,
    html::{escape, table},
    page::{provenance, shell, side_by_side},
};

/// Everything on the page.
#[derive(Clone, Debug)]
pub struct Document {
    /// Heading and window title.
    pub title: String,
    /// One line under the heading.
    pub subtitle: String,
    /// In this order, with a list of contents before them.
    pub sections: Vec<Section>,
    /// How to make this page again.
    pub provenance: Provenance,
}

/// A part of the page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Names its place on the page and the folder of its files: lower case and dashes.
    pub name: &'static str,
    /// Heading.
    pub title: String,
    /// What of a paper it repeats: "Table 1 and figure 3"; may be empty.
    pub paper: String,
    /// In this order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Charts that stand side by side.
    Figures(Vec<Figure>),
    /// A table.
    Table(Listing),
}

/// A chart that is a file too.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Of its files, without ending.
    pub name: String,
    /// What is drawn.
    pub chart: Chart,
}

/// A table that is a file too.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Of its file, without ending.
    pub name: &'static str,
    /// One line above it.
    pub caption: String,
    /// Its cells; units are in the headings, so that cells are numbers in the file too.
    pub table: Table,
    /// Below it, may be empty: where the numbers are from, what they can't say.
    pub note: String,
}

impl Section {
    /// Its files as names and bytes: a picture and its points for each figure, the cells of each table.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for block in &self.blocks {
            match block {
                Block::Text(_) => {}
                Block::Figures(figures) => {
                    for Figure { name, chart } in figures {
                        files.push((format!("{name}.svg"), file::svg(chart)));
                        files.push((format!("{name}.csv"), file::points(chart)));
                    }
                }
                Block::Table(listing) => {
                    files.push((format!("{}.csv", listing.name), file::cells(&listing.table)));
                }
            }
        }
        files
    }
}

/// The page as one HTML document.
#[must_use]
pub fn render_document(document: &Document) -> String {
    let contents = document.sections.iter().map(|section| {
        let paper = note("span", "paper", &section.paper);
        format!("<li><a href=\"#{}\">{}</a>{paper}</li>\n", section.name, escape(&section.title))
    });
    let sections: String = document.sections.iter().map(section).collect();
    let body = format!(
        "<nav><ol class=\"contents\">\n{}</ol></nav>\n{sections}<section>\n<h2>How this was made</h2>\n{}</section>\n",
        contents.collect::<String>(),
        provenance(&document.provenance)
    );
    shell(&document.title, &document.subtitle, &body)
}

fn section(section: &Section) -> String {
    let blocks = section.blocks.iter().map(|block| match block {
        Block::Text(text) => note("p", "prose", text),
        Block::Figures(figures) => side_by_side(figures.iter().map(|figure| &figure.chart)),
        Block::Table(listing) => format!(
            "<div class=\"listing\">{}{}{}</div>\n",
            note("p", "caption", &listing.caption),
            table(&listing.table),
            note("p", "reading", &listing.note)
        ),
    });
    format!(
        "<section id=\"{}\">\n<h2>{}{}</h2>\n{}</section>\n",
        section.name,
        escape(&section.title),
        note("span", "paper", &section.paper),
        blocks.collect::<String>()
    )
}

/// Text in an element, or nothing when there is none.
fn note(element: &str, class: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("<{element} class=\"{class}\">{}</{element}>\n", escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::report::{Axis, Ink, Series, Stroke};

    fn document(text: &str) -> Document {
        let t = || text.to_owned();
        let chart = Chart {
            title: t(),
            reading: t(),
            x: Axis::degrees(text),
            y: Axis::rounded(text, 0.0, 1.0),
            patches: vec![],
            series: vec![Series {
                label: t(),
                ink: Ink::Category(0),
                stroke: Stroke::Solid,
                filled: false,
                points: vec![(0.0, 1.0), (180.0, 0.5)],
            }],
            marker: None,
        };
        let table = Table { columns: vec![t(), t()], rows: vec![vec![t(), "1.5".to_owned()]] };
        let section = Section {
            name: "one-thing",
            title: t(),
            paper: t(),
            blocks: vec![
                Block::Text(t()),
                Block::Figures(vec![Figure { name: "curve".to_owned(), chart }]),
                Block::Table(Listing { name: "cells", caption: t(), table, note: t() }),
            ],
        };
        let provenance = Provenance {
            command: t(),
            seed: 1,
            commit: t(),
            data: t(),
            machine: t(),
            duration: t(),
        };
        Document { title: t(), subtitle: t(), sections: vec![section], provenance }
    }

    #[test]
    fn sections_are_listed_and_linked() {
        let page = render_document(&document("words"));
        assert!(page.contains("<li><a href=\"#one-thing\">words</a>"), "{page}");
        assert!(page.contains("<section id=\"one-thing\">"), "{page}");
        for tag in ["section", "figure", "svg", "table", "div", "p", "ol", "li", "span", "nav"] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert!(!page.contains("//"), "something is loaded from elsewhere");
    }

    #[test]
    fn all_text_is_escaped() {
        let page = render_document(&document("<script>\" onload=\"y"));
        assert!(!page.contains("<script") && !page.contains("\" onload"));
        assert!(page.matches("&lt;script&gt;").count() >= 15);
    }

    #[test]
    fn figures_and_tables_are_files() {
        let files = document("a, b").sections[0].files();
        let names: Vec<&str> = files.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["curve.svg", "curve.csv", "cells.csv"]);
        assert!(files[0].1.starts_with("<svg xmlns="));
        assert_eq!(files[1].1, "series,\"a, b\",\"a, b\"\n\"a, b\",0,1\n\"a, b\",180,0.5\n");
        assert_eq!(files[2].1, "\"a, b\",\"a, b\"\n\"a, b\",1.5\n");
    }
}
