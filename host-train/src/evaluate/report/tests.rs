//! The page as a whole: complete, self-contained, and safe against the text it is given.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::evaluate::{PairsSummary, ScoredPair};

/// Fills every field; `text` goes into each field that takes text.
fn full(text: &str) -> Report {
    let t = || text.to_string();
    let pairs: Vec<ScoredPair> = (0..400)
        .map(|i| ScoredPair {
            fold: i % 4,
            score: (i as f32 / 400.0) * 0.8 + if i % 2 == 0 { 0.15 } else { -0.15 },
            same: i % 2 == 0,
        })
        .collect();
    let (summary, roc) = PairsSummary::new(&pairs, 2.0, t()).unwrap();
    let angles = |degrees: f32| AngleStage {
        label: t(),
        angles: Histogram::of_angles(&[degrees.to_radians().cos(), 0.0]).unwrap(),
    };
    Report {
        title: t(),
        subtitle: t(),
        verdict: verdict(0.9852, 0.9840, text),
        cards: vec![Card { label: t(), value: t(), note: t() }],
        faces: vec![FaceRow {
            label: t(),
            images: vec![FaceImage { width: 1, height: 1, rgb: vec![1, 2, 3] }],
        }],
        loss: (0..50).map(|step| LossPoint { step, loss: 20.0 / (step + 1) as f64 }).collect(),
        angles: vec![angles(88.0), angles(60.0), angles(35.0)],
        scores: Some(ScoreFigures {
            float: (&roc).into(),
            int8: (&roc).into(),
            threshold: Some(Marker { x: summary.threshold.into(), label: t() }),
        }),
        comparison: PairsSummary::compare(&summary, &summary),
        sizes: Some(Table { columns: vec![t(), t()], rows: vec![vec![t(), t()]] }),
        layers: Some(Table { columns: vec![t()], rows: vec![vec![t()]] }),
        provenance: Provenance {
            command: t(),
            seed: 42,
            commit: t(),
            data: t(),
            machine: t(),
            duration: t(),
        },
        next: vec![NextStep { what: t(), command: t() }],
    }
}

fn verdict(float_accuracy: f64, int8_accuracy: f64, people: &str) -> Verdict {
    Verdict {
        float_accuracy,
        int8_accuracy,
        allowed_points: 1.0,
        pairs: 12_000,
        people: people.into(),
        strictest: None,
        collapsed: false,
    }
}

#[test]
fn every_section_is_there() {
    let page = render(&full("some text"));
    for heading in [
        "Sample faces",
        "Training",
        "Float against int8",
        "Sizes and times",
        "Quantization layer by layer",
        "How this was made",
        "Next",
    ] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    assert_eq!(page.matches("<figure class=\"chart\">").count(), 4);
    assert_eq!(page.matches("role=\"img\"").count(), 4);
}

#[test]
fn all_text_is_escaped() {
    let page = render(&full("<script>alert('x')</script>\" onload=\"y"));
    assert!(!page.contains("<script") && !page.contains("\" onload"));
    // Every field of text is on the page: the heading and the window title, and each of the others once at least.
    assert!(page.matches("&lt;script&gt;alert(&#39;x&#39;)").count() >= 20);
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = render(&full("some text"));
    for source in ["http:", "https:", "//", "url(", "@import", "<script"] {
        assert!(!page.contains(source), "{source}");
    }
    assert!(page.contains("src=\"data:image/png;base64,"));
}

#[test]
fn tags_are_balanced() {
    let page = render(&full("some text"));
    for tag in [
        "div", "section", "figure", "svg", "table", "tr", "dl", "dd", "ul", "li", "p", "details",
        "main", "pre",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn empty_sections_are_left_out() {
    let mut report = full("some text");
    report.cards.clear();
    report.faces.clear();
    report.loss.clear();
    report.angles.clear();
    report.scores = None;
    report.comparison.clear();
    report.sizes = None;
    report.layers = None;
    report.next.clear();
    let page = render(&report);
    assert_eq!(page.matches("<h2>").count(), 1);
    assert!(page.contains("<h2>How this was made</h2>") && !page.contains("<svg"));
}

#[test]
fn the_verdict_follows_the_numbers() {
    let page_of =
        |verdict: Verdict| render(&Report { verdict, ..full("t") }).replace('\u{a0}', " ");
    let page = page_of(verdict(0.9852, 0.9840, "strangers"));
    assert!(page.contains("Int8 kept the float accuracy"));
    assert!(page.contains(
        "On 12,000 pairs of strangers, the float network decides 98.52 % rightly and the int8 file 98.40 %: 0.12 points less. \
         Accuracy may lose 1 point."
    ));
    let page = page_of(verdict(0.98, 0.9699, "strangers"));
    assert!(page.contains("Int8 lost too much accuracy") && page.contains("1.01 points less"));
    assert!(
        page_of(verdict(0.98, 0.97, "s")).contains("Int8 kept"),
        "exactly one point is allowed"
    );
    assert!(page_of(verdict(0.97, 0.98, "s")).contains("1.00 points more"));
    assert!(page_of(verdict(0.97, 0.97, "s")).contains("no difference"));
    let page = page_of(Verdict { collapsed: true, ..verdict(0.5, 0.5, "s") });
    assert!(page.contains("The network collapsed") && !page.contains("Int8 kept"));
}

#[test]
fn the_verdict_names_the_strictest_rate_of_both() {
    let impostor =
        (0..2000).map(|i| ScoredPair { fold: i % 2, score: i as f32 / 4000.0, same: false });
    let genuine =
        (0..100).map(|i| ScoredPair { fold: i % 2, score: 0.4 + i as f32 / 200.0, same: true });
    let pairs: Vec<ScoredPair> = impostor.chain(genuine).collect();
    let (float, _) = PairsSummary::new(&pairs, 1.0, "float".into()).unwrap();
    let mut int8 = float.clone();
    int8.rates.tar.insert("1e-3".into(), 0.755);
    let verdict = Verdict::new(&float, &int8, 0.5, "strangers");
    // Two of 2000 impostors may pass, those from .4995 on; of the genuine, .40 to .495 (20) stay out.
    assert_eq!(verdict.strictest.as_ref().unwrap().float_tar, 0.8);
    let page = render(&Report { verdict, ..full("t") }).replace('\u{a0}', " ");
    assert!(page.contains(
        "At a false-accept rate of 1e-3, the strictest that these pairs resolve, 80.00 % of the genuine pairs pass in float \
         and 75.50 % in int8: 4.50 points less. Accuracy may lose 0.5 points."
    ));
}
