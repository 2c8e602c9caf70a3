//! Where marks land, and what is safe against which points.

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
