//! Similarities against an independent solver and known transforms, and the warp against bilinear
//! interpolation written out in `f64`.

use core::f64::consts::PI;

use edge_infer::image::Frame;
use edge_infer::image::align::{
    ARCFACE_TEMPLATE_112, AlignError, Landmarks, Similarity, similarity, warp,
};
use proptest::prelude::*;

/// Least squares for (a, b, tx, ty) by the 4x4 normal equations and Gaussian elimination with
/// pivoting.
fn normal_equations(from: &Landmarks, to: &Landmarks) -> [f64; 4] {
    let mut system = [[0.0_f64; 5]; 4];
    for (&[x, y], &[u, v]) in from.iter().zip(to) {
        let [x, y, u, v] = [x, y, u, v].map(f64::from);
        for (row, target) in [([x, -y, 1.0, 0.0], u), ([y, x, 0.0, 1.0], v)] {
            for i in 0..4 {
                for j in 0..4 {
                    system[i][j] += row[i] * row[j];
                }
                system[i][4] += row[i] * target;
            }
        }
    }
    for column in 0..4 {
        let larger =
            |&a: &usize, &b: &usize| system[a][column].abs().total_cmp(&system[b][column].abs());
        let pivot = (column..4).max_by(larger).expect("the range is not empty");
        system.swap(column, pivot);
        for row in (0..4).filter(|&row| row != column) {
            let factor = system[row][column] / system[column][column];
            let eliminated = system[column].map(|value| factor * value);
            system[row].iter_mut().zip(eliminated).for_each(|(value, part)| *value -= part);
        }
    }
    [0, 1, 2, 3].map(|i| system[i][4] / system[i][i])
}

fn parameters(similarity: &Similarity) -> [f64; 4] {
    let [[a, minus_b, tx], [b, also_a, ty]] = similarity.matrix();
    assert_eq!((a, b), (also_a, -minus_b), "a rotation and a scale");
    assert!(a * a + b * b > 0.0, "the determinant is positive: no reflection");
    [a, b, tx, ty]
}

fn assert_near(found: [f64; 4], expected: [f64; 4], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance * (1.0 + expected.abs()),
            "{found} is not {expected}"
        );
    }
}

/// Root mean square distance of the mapped points from their targets, in pixels.
fn residual(similarity: &Similarity, from: &Landmarks, to: &Landmarks) -> f64 {
    let squares = from.iter().zip(to).map(|(from, to)| {
        let [u, v] = similarity.apply(from.map(f64::from));
        (u - f64::from(to[0])).powi(2) + (v - f64::from(to[1])).powi(2)
    });
    (squares.sum::<f64>() / 5.0).sqrt()
}

/// The template under a rotation by `angle`, a scale and a shift.
fn moved(angle: f64, scale: f64, [x, y]: [f64; 2]) -> Landmarks {
    let (a, b) = (scale * angle.cos(), scale * angle.sin());
    ARCFACE_TEMPLATE_112.map(|point| {
        let [u, v] = point.map(f64::from);
        [(a * u - b * v + x) as f32, (b * u + a * v + y) as f32]
    })
}

#[test]
fn a_measured_face_has_its_known_matrix() {
    // Landmarks of a photograph; the matrix solved in exact rational arithmetic.
    let face =
        [[98.43, 114.40], [148.91, 115.24], [116.92, 137.28], [101.05, 161.39], [145.41, 161.49]];
    let golden =
        [0.768656493724189, -0.011673753844541711, -39.471131549533666, -32.71719008308933];
    let found = parameters(&similarity(&face, &ARCFACE_TEMPLATE_112).expect("a face"));
    assert_near(found, golden, 1e-12);
}

/// Landmarks and matrix of the report deepinsight/insightface#481, where source and template were swapped.
const REPORTED: Landmarks = [
    [35.916_126, 43.429_34],
    [86.212_9, 49.016_266],
    [55.276_5, 71.023_384],
    [32.937_046, 87.266_57],
    [72.595_05, 91.474_91],
];
const REPORTED_MATRIX: [f64; 4] = [0.800_885_55, -0.128_227_19, 1.929_893_41, 24.342_555_32];

#[test]
fn swapped_arguments_give_another_matrix_than_the_reported_one() {
    let there = similarity(&REPORTED, &ARCFACE_TEMPLATE_112).expect("a face");
    assert_near(parameters(&there), REPORTED_MATRIX, 1e-6);
    let swapped = similarity(&ARCFACE_TEMPLATE_112, &REPORTED).expect("a face");
    assert!((parameters(&swapped)[0] - REPORTED_MATRIX[0]).abs() > 0.3);
}

/// deepinsight/insightface#849: the template is in pixels of a 112x112 face.
#[test]
fn a_face_of_another_size_needs_a_template_of_that_size() {
    let larger = ARCFACE_TEMPLATE_112.map(|point| point.map(|v| v * 182.0 / 112.0));
    let found = similarity(&REPORTED, &larger).expect("a face");
    assert_near(parameters(&found), REPORTED_MATRIX.map(|v| v * 182.0 / 112.0), 1e-6);
}

#[test]
fn the_template_itself_gives_the_identity() {
    let identity = similarity(&ARCFACE_TEMPLATE_112, &ARCFACE_TEMPLATE_112).expect("a face");
    assert_near(parameters(&identity), [1.0, 0.0, 0.0, 0.0], 1e-13);
}

#[test]
fn rotation_scale_and_shift_are_recovered() {
    for degrees in (-180..=180).step_by(15) {
        for scale in [0.02, 1.0, 30.0] {
            let angle = f64::from(degrees) * PI / 180.0;
            let to = moved(angle, scale, [40.0, -300.0]);
            let found = similarity(&ARCFACE_TEMPLATE_112, &to).expect("a face");
            let expected = [scale * angle.cos(), scale * angle.sin(), 40.0, -300.0];
            assert_near(parameters(&found), expected, 1e-5);
            assert!(residual(&found, &ARCFACE_TEMPLATE_112, &to) < 1e-3);
        }
    }
}

#[test]
fn mirrored_points_get_the_best_rotation_and_a_large_residual() {
    let mirrored = ARCFACE_TEMPLATE_112.map(|[x, y]| [112.0 - x, y]);
    let found = similarity(&mirrored, &ARCFACE_TEMPLATE_112).expect("the face is longer than wide");
    assert_near(parameters(&found), normal_equations(&mirrored, &ARCFACE_TEMPLATE_112), 1e-9);
    assert!(residual(&found, &mirrored, &ARCFACE_TEMPLATE_112) > 10.0);
}

#[test]
fn collinear_points_fix_a_similarity() {
    let line = [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0]];
    let found = similarity(&line, &line.map(|[x, y]| [-y, x])).expect("two points would be enough");
    assert_near(parameters(&found), [0.0, 1.0, 0.0, 0.0], 1e-13);
}

#[test]
fn an_inverse_undoes_its_similarity() {
    let there = similarity(&moved(2.5, 7.0, [900.0, 50.0]), &ARCFACE_TEMPLATE_112).expect("a face");
    let [x, y] = there.inverse().apply(there.apply([123.0, 456.0]));
    assert!((x - 123.0).abs() < 1e-9 && (y - 456.0).abs() < 1e-9);
}

#[test]
fn rejects_points_that_are_not_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut points = ARCFACE_TEMPLATE_112;
        points[3][1] = bad;
        for (from, to, name) in [
            (&points, &ARCFACE_TEMPLATE_112, "source"),
            (&ARCFACE_TEMPLATE_112, &points, "template"),
        ] {
            let error = similarity(from, to).expect_err("a coordinate is not a number");
            assert!(
                matches!(error, AlignError::NotFinite { set, point: 3, .. } if set == name),
                "{error}"
            );
        }
    }
}

#[test]
fn rejects_points_that_coincide() {
    let nearly = |x: f32| [[x, 5.0], [x.next_up(), 5.0], [x, 5.0], [x, 5.0], [x, 5.0]];
    for points in [[[0.0; 2]; 5], [[77.5, 1920.0]; 5], nearly(1000.0), [[f32::MAX; 2]; 5]] {
        let error = similarity(&points, &ARCFACE_TEMPLATE_112).expect_err("one point");
        assert!(matches!(error, AlignError::Coincident { set: "source", .. }), "{error}");
        let error = similarity(&ARCFACE_TEMPLATE_112, &points).expect_err("one point");
        assert!(matches!(error, AlignError::Coincident { set: "template", .. }), "{error}");
    }
}

#[test]
fn rejects_points_that_fix_no_rotation() {
    // A regular pentagon spreads equally in all directions, so its mirror image fits none better
    // than another.
    let pentagon = [0.0, 1.0, 2.0, 3.0, 4.0].map(|k: f64| {
        let angle = 2.0 * PI * k / 5.0;
        [(1000.0 * angle.cos()) as f32, (1000.0 * angle.sin()) as f32]
    });
    let error =
        similarity(&pentagon, &pentagon.map(|[x, y]| [-x, y])).expect_err("no best rotation");
    assert!(matches!(error, AlignError::NoRotation { explained } if explained < 1e-9), "{error}");
}

proptest! {
    #[test]
    fn any_points_give_the_least_squares_solution(
        from in prop::array::uniform5(prop::array::uniform2(-2000.0_f32..2000.0)),
        to in prop::array::uniform5(prop::array::uniform2(0.0_f32..112.0)),
    ) {
        let found = similarity(&from, &to);
        prop_assume!(found.is_ok());
        assert_near(parameters(&found.expect("checked above")), normal_equations(&from, &to), 1e-7);
    }

    #[test]
    fn no_bits_panic_and_every_result_is_finite(
        points in prop::array::uniform20(any::<u32>()),
        side in 1_usize..9,
    ) {
        let point = |i: usize| [f32::from_bits(points[2 * i]), f32::from_bits(points[2 * i + 1])];
        let (from, to) = ([0, 1, 2, 3, 4].map(point), [5, 6, 7, 8, 9].map(point));
        if let Ok(found) = similarity(&from, &to) {
            let matrices = [found.matrix(), found.inverse().matrix()];
            prop_assert!(matrices.as_flattened().as_flattened().iter().all(|v| v.is_finite()));
            let pixels = [200; 8 * 8 * 3];
            let frame = Frame::new(&pixels, 8, 8, 24).expect("the size fits");
            let mut output = vec![0; side * side * 3];
            warp(&frame, &found, &mut output, side, side).expect("the length fits");
        }
    }
}
