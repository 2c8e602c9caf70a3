//! The verdict's page: what int8 costs, the curves, and the thresholds with what they rest on.

use super::{about, cosines};
use crate::cli::COMMIT;
use crate::cli::gate::Held;
use crate::evaluate::ComparisonRow;
use crate::evaluate::report::{
    Block, Document, Figure, Listing, Marker, Provenance, ScoreFigures, Section, Table,
    render_document, roc, score_histogram,
};
use crate::verdict::{Measured, Verdict};
use model_format::ModelView;
use std::path::Path;

/// What the search figures mean.
const SEARCHES: &str = "Rank-1: the first image of every person is enrolled, all others are searched for. FNIR at FPIR: the first image of each person \
    with two or more is enrolled; people with a single image are strangers. FPIR is the share of strangers whom the search takes for somebody, \
    FNIR the share of the others whom it does not find first at that cosine; FPIR grows with the number of enrolled people. Same first \
    found: the searches of rank-1 in which float and int8 find the same image, right or wrong.";

/// What the thresholds rest on.
const THRESHOLDS: &str = "The bound is Clopper and Pearson's, one-sided, 95 %: the true false match rate at and above the cosine is not larger. It takes pairs \
    as if no two shared a face; all pairs of a set do, so the truth is less certain. It is the rate of one comparison, for people like \
    these seen by a camera like this; a search among N templates compares N times.";

/// The page.
pub(super) fn render(
    measured: &Measured,
    held: &[Held],
    model: &ModelView<'_>,
    out: &Path,
) -> String {
    let verdict = &measured.verdict;
    let about_file = model.metadata();
    render_document(&Document {
        title: format!("Verdict on {}", out.file_name().unwrap_or(out.as_os_str()).display()),
        subtitle: format!("What int8 costs {}; model id {}", about_file.name, model.id()),
        sections: vec![verdict_section(verdict, held), curves(measured), thresholds(verdict)],
        provenance: Provenance {
            command: about_file.command.to_owned(),
            seed: about_file.seed,
            commit: COMMIT.to_owned(),
            data: format!("{}; judged by {}", about_file.data, verdict.data),
            machine: String::new(),
            duration: String::new(),
        },
    })
}

fn verdict_section(verdict: &Verdict, held: &[Held]) -> Section {
    let mut blocks = Vec::new();
    if !held.is_empty() {
        blocks.push(Block::Text(headline(held)));
        blocks.push(Block::Table(gate(held)));
    }
    let mut rows: Vec<ComparisonRow> =
        verdict.figures().into_iter().map(|figure| figure.row).collect();
    rows.extend(verdict.listed_tar());
    let cells = rows.into_iter().map(|row| {
        let [float, int8, difference] = row.cells();
        vec![row.name, float, int8, difference.replace('-', "\u{2212}")]
    });
    blocks.push(Block::Table(Listing {
        name: "figures",
        caption: about(verdict),
        table: table(["", "float", "int8", "difference"], cells),
        note: format!(
            "Int8 stands for the templates that a door compares; {}. {SEARCHES}",
            cosines(verdict)
        ),
    }));
    section("verdict", "Float beside int8", blocks)
}

fn headline(held: &[Held]) -> String {
    match held.iter().filter(|held| !held.kept).count() {
        0 => "The gate is met: int8 costs no more than was allowed.".to_owned(),
        broken => format!(
            "The gate is not met, by {broken} of {} limits: the model file was not written.",
            held.len()
        ),
    }
}

fn gate(held: &[Held]) -> Listing {
    let cells = held.iter().map(|held| {
        let kept = if held.kept { "kept" } else { "broken" };
        let limit = match held.term == "cosine" {
            true => format!("at least {}", held.limit),
            false => format!("at most {}", held.limit),
        };
        let found = match held.term == "cosine" {
            true => format!("{:.4}", held.found),
            // Adding zero turns a "-0.00" into "0.00".
            false => format!("{:.2}", held.found + 0.0).replace('-', "\u{2212}"),
        };
        vec![held.term.clone(), limit, found, kept.to_owned()]
    });
    Listing {
        name: "gate",
        caption: "The limits of --gate".to_owned(),
        table: table(["", "limit", "found", ""], cells),
        note: "But for the cosine: percentage points by which int8 is worse than float. The strictest rates rest on a handful of pairs or \
               strangers, where a single one moves them far."
            .to_owned(),
    }
}

fn curves(measured: &Measured) -> Section {
    let strictest = measured
        .verdict
        .table
        .thresholds
        .last()
        .map(|at| Marker { x: at.cosine.into(), label: format!("threshold of {}", at.rate) });
    let scores = ScoreFigures {
        float: (&measured.float).into(),
        int8: (&measured.int8).into(),
        threshold: strictest,
    };
    let figure = |name: &str, chart| Figure { name: name.to_owned(), chart };
    let figures = vec![figure("roc", roc(&scores)), figure("scores", score_histogram(&scores))];
    section("curves", "All pairs", vec![Block::Figures(figures)])
}

fn thresholds(verdict: &Verdict) -> Section {
    let table_of = &verdict.table;
    let cells = table_of.thresholds.iter().map(|at| {
        vec![
            at.rate.to_owned(),
            format!("{:.4}", at.cosine),
            at.accepted_impostors.to_string(),
            at.templates.to_string(),
            format!("{:.2e}", at.bound),
            format!("{:.2}", 100.0 * at.tar),
            format!("{:.2}", 100.0 * at.tar_of_means),
        ]
    });
    let columns = [
        "false match rate",
        "cosine",
        "strangers that match",
        "means of",
        "upper bound, 95 %",
        "TAR, %",
        "TAR of means of 4, %",
    ];
    let mut blocks = vec![Block::Table(Listing {
        name: "thresholds",
        caption: "Cosines in the model file, of the int8 network".to_owned(),
        table: table(columns, cells),
        note: THRESHOLDS.to_owned(),
    })];
    if !table_of.left_out.is_empty() {
        let cells = table_of.left_out.iter();
        let cells = cells.map(|out| vec![out.rate.to_owned(), out.reason.clone()]);
        blocks.push(Block::Table(Listing {
            name: "left-out",
            caption: "Left out".to_owned(),
            table: table(["false match rate", "because"], cells),
            note: String::new(),
        }));
    }
    section("thresholds", "Thresholds", blocks)
}

fn section(name: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section { name, title: title.to_owned(), paper: String::new(), blocks }
}

fn table<const N: usize>(columns: [&str; N], rows: impl Iterator<Item = Vec<String>>) -> Table {
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}
