//! The quick start's report: which figures go where on the page.

use super::{ALLOWED_POINTS, MARGIN, Outcome, SIDE, TESTED, TRAINED};
use crate::cli::COMMIT;
use crate::evaluate::PairsSummary;
use crate::evaluate::report::{
    Card, FaceRow, LossPoint, Marker, NextStep, Provenance, Report, ScoreFigures, Table, Verdict,
    render as render_report,
};
use std::path::Path;

/// People shown.
const SHOWN: usize = 6;

/// The page.
pub(super) fn render(outcome: &Outcome, out: &Path) -> String {
    let (float, int8) = (&outcome.float, &outcome.int8);
    let people = format!("{} drawn people that training never saw", TESTED.0);
    render_report(&Report {
        title: "Quick start".to_owned(),
        subtitle: format!(
            "MobileFaceNet at half its channels on {SIDE}x{SIDE} pixels, ArcFace with margin {MARGIN}, drawn faces"
        ),
        verdict: Verdict::new(&float.summary, &int8.summary, ALLOWED_POINTS, &people),
        cards: cards(outcome),
        faces: faces(outcome),
        loss: outcome
            .losses
            .iter()
            .map(|&(step, loss)| LossPoint { step: step + 1, loss })
            .collect(),
        angles: outcome.angles.histograms(),
        scores: Some(ScoreFigures {
            float: (&float.roc).into(),
            int8: (&int8.roc).into(),
            threshold: Some(Marker {
                x: int8.summary.threshold.into(),
                label: format!("threshold {:.2}", int8.summary.threshold),
            }),
        }),
        comparison: PairsSummary::compare(&float.summary, &int8.summary),
        sizes: Some(sizes(outcome)),
        layers: Some(layers(outcome)),
        provenance: Provenance {
            command: outcome.run.command.clone(),
            seed: outcome.run.train.seed,
            commit: COMMIT.to_owned(),
            data: format!(
                "drawn faces: {} people, {} images to learn from; {} others, {} images to be tested on",
                TRAINED.0,
                outcome.run.images,
                TESTED.0,
                outcome.faces.entries().len()
            ),
            machine: format!("CPU, {} threads", rayon::current_num_threads()),
            duration: seconds(outcome.training.as_secs_f64()),
        },
        next: next(&out.join("model.afm"))
            .into_iter()
            .map(|(what, command)| NextStep { what: what.to_owned(), command })
            .collect(),
    })
}

/// What to try after the quick start, and the command for it.
pub(super) fn next(model: &Path) -> [(&'static str, String); 4] {
    let program = "cargo run -p host-train --";
    let model = model.display();
    [
        ("what the model file holds", format!("{program} inspect {model}")),
        ("how long every layer takes", format!("{program} bench --model {model}")),
        (
            "train on your own faces, aligned to 112x112, a folder or tar with one directory a person",
            format!("{program} train --data FACES --out runs/mine"),
        ),
        ("all there is", format!("{program} --help")),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes / 1024)
}

fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    format!("{} min {:02} s", whole / 60, whole % 60)
}

fn cards(o: &Outcome) -> Vec<Card> {
    let (float, int8) = (&o.float.summary, &o.int8.summary);
    let card =
        |label: &str, value: String, note: String| Card { label: label.to_owned(), value, note };
    let trained = o.run.train.steps * o.run.train.batch as u64;
    let speed = trained as f64 / o.training.as_secs_f64();
    vec![
        card("int8 accuracy", percent(int8.accuracy), format!("float {}", percent(float.accuracy))),
        card(
            "model file",
            kib(o.sizes.int8_bytes),
            format!("float weights {}", kib(o.sizes.float_bytes)),
        ),
        card("working memory", kib(o.sizes.arena_bytes), "the engine's arena".to_owned()),
        card(
            "one embedding",
            format!("{:.1} ms", int8.rates.ms_per_image),
            format!("one thread, {:.1} M multiplications", o.sizes.macs as f64 / 1e6),
        ),
        card("training", seconds(o.training.as_secs_f64()), format!("{speed:.0} images a second")),
    ]
}

fn faces(o: &Outcome) -> Vec<FaceRow> {
    let rows = o.faces.entries().chunks(TESTED.1).take(SHOWN).enumerate();
    rows.map(|(i, shots)| FaceRow {
        label: format!("person {}", i + 1),
        images: shots.iter().map(|(face, _)| face.clone()).collect(),
    })
    .collect()
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { columns: columns.iter().map(|&c| c.to_owned()).collect(), rows }
}

fn sizes(o: &Outcome) -> Table {
    let row = |what: &str, float: String, int8: String| vec![what.to_owned(), float, int8];
    let time = |s: &PairsSummary| format!("{:.2} ms", s.rates.ms_per_image);
    table(
        &["", "float", "int8"],
        vec![
            row("weights, model file", kib(o.sizes.float_bytes), kib(o.sizes.int8_bytes)),
            row("one embedding, one thread", time(&o.float.summary), time(&o.int8.summary)),
            row("multiplications", o.sizes.macs.to_string(), o.sizes.macs.to_string()),
        ],
    )
}

fn layers(o: &Outcome) -> Table {
    let rows = o.layers.iter().map(|layer| {
        let [height, width, channels] = layer.shape;
        let noise = layer.range.map_or("exact".to_owned(), |range| format!("{:.1}", range.sqnr_db));
        vec![layer.name.clone(), layer.op.to_owned(), format!("{height}x{width}x{channels}"), noise]
    });
    table(&["layer", "operation", "output", "signal to noise, dB"], rows.collect())
}
