//! A slice that does not fit its layer is refused with its name and numbers, and the output stays
//! as it was.

use edge_infer::kernels::{
    Activation, Add, Addend, Concat, Convolution, Extent, FullyConnected, Geometry,
    GlobalAveragePool, LengthError, Lookup, MaxPool, Requantize, ScaleChannels, Tier, Upsample,
    Window, add, concat, conv2d, depthwise_conv2d, fully_connected, fully_connected_sums,
    global_average_pool, lookup, max_pool, scale_channels, upsample,
};

const EXTENT: Extent = Extent { height: 2, width: 2, channels: 3 };

fn layer<'a>() -> Convolution<'a> {
    Convolution {
        geometry: Geometry {
            input: EXTENT,
            output: EXTENT,
            window: Window { kernel: [1, 1], stride: [1, 1], top: 0, left: 0 },
        },
        input: &[0; 12],
        pad_value: 0,
        weights: &[0; 9],
        bias: &[0; 3],
        requantize: Requantize {
            multiplier: &[1.0; 3],
            activation: Activation::None,
            zero_point: 0,
        },
        residual: None,
    }
}

fn refusal(what: &'static str, needed: usize, got: usize) -> Result<(), LengthError> {
    Err(LengthError { what, needed, got })
}

#[test]
fn rejects_convolution_slices_of_wrong_length() {
    let run = |change: &dyn Fn(&mut Convolution<'static>)| {
        let (mut layer, mut output) = (layer(), [5; 12]);
        change(&mut layer);
        let result = conv2d(Tier::SCALAR, &layer, &mut output);
        assert_eq!(output == [5; 12], result.is_err());
        result
    };
    assert_eq!(run(&|_| ()), Ok(()));
    assert_eq!(run(&|l| l.input = &[0; 11]), refusal("input", 12, 11));
    assert_eq!(run(&|l| l.weights = &[0; 10]), refusal("weights", 9, 10));
    assert_eq!(run(&|l| l.bias = &[]), refusal("bias", 3, 0));
    assert_eq!(run(&|l| l.requantize.multiplier = &[1.0; 2]), refusal("multiplier", 3, 2));
    assert_eq!(
        run(&|l| l.requantize.activation = Activation::Prelu(&[0.0])),
        refusal("negative side", 3, 1)
    );
    let residual = Addend { values: &[0; 13], multiplier: 1.0, zero_point: 0 };
    assert_eq!(run(&|l| l.residual = Some(residual)), refusal("residual", 12, 13));
    assert_eq!(conv2d(Tier::SCALAR, &layer(), &mut [0; 6]), refusal("output", 12, 6));
}

#[test]
fn rejects_a_geometry_that_no_slice_can_hold() {
    let mut layer = layer();
    let side = u16::MAX;
    layer.geometry.input = Extent { height: side, width: side, channels: side };
    let error = conv2d(Tier::SCALAR, &layer, &mut [0; 12]).expect_err("the input is far too short");
    assert_eq!(error.what, "input");
    layer.geometry.window.kernel = [255; 2];
    assert!(depthwise_conv2d(Tier::SCALAR, &layer, &mut [0; 12]).is_err());
}

#[test]
fn rejects_depthwise_channels_that_differ() {
    let mut layer = layer();
    layer.geometry.output.channels = 4;
    assert_eq!(
        depthwise_conv2d(Tier::SCALAR, &layer, &mut [0; 16]),
        refusal("a pixel's output", 3, 4)
    );
}

#[test]
fn rejects_fully_connected_slices_of_wrong_length() {
    let layer = FullyConnected { input: &[1; 4], weights: &[1; 8], bias: &[0; 2] };
    let requantize =
        Requantize { multiplier: &[1.0; 2], activation: Activation::None, zero_point: 0 };
    let short = FullyConnected { weights: &[1; 7], ..layer };
    assert_eq!(
        fully_connected(Tier::SCALAR, &short, &requantize, &mut [0; 2]),
        refusal("weights", 8, 7)
    );
    assert_eq!(
        fully_connected(Tier::SCALAR, &layer, &requantize, &mut [0; 3]),
        refusal("output", 2, 3)
    );
    assert_eq!(fully_connected_sums(Tier::SCALAR, &layer, &mut [0; 7]), refusal("output", 8, 7));
    let mut output = [0; 2];
    assert_eq!(fully_connected(Tier::SCALAR, &layer, &requantize, &mut output), Ok(()));
    assert_eq!(output, [4, 4]);
}

#[test]
fn rejects_addends_of_wrong_length() {
    let side = Addend { values: &[3; 6], multiplier: 1.0, zero_point: 1 };
    let layer = Add { channels: 3, inputs: [side; 2], activation: Activation::None, zero_point: 0 };
    let mut output = [0; 6];
    assert_eq!(add(Tier::SCALAR, &layer, &mut output), Ok(()));
    assert_eq!(output, [4; 6]);
    assert_eq!(
        add(Tier::SCALAR, &layer, &mut [0; 5]),
        refusal("first input", 5, 6),
        "the output says how many"
    );
    let uneven = Add { channels: 4, ..layer };
    assert_eq!(add(Tier::SCALAR, &uneven, &mut output), refusal("output", 4, 6));
    let none = Add { channels: 0, ..layer };
    assert_eq!(add(Tier::SCALAR, &none, &mut output), refusal("output", 0, 6));
}

#[test]
fn rejects_max_pool_slices_of_wrong_length() {
    let geometry = layer().geometry;
    let input = &[0; 12];
    assert_eq!(max_pool(Tier::SCALAR, &MaxPool { geometry, input }, &mut [0; 12]), Ok(()));
    assert_eq!(
        max_pool(Tier::SCALAR, &MaxPool { geometry, input }, &mut [0; 11]),
        refusal("output", 12, 11)
    );
    let short = MaxPool { geometry, input: &[0; 6] };
    assert_eq!(max_pool(Tier::SCALAR, &short, &mut [0; 12]), refusal("input", 12, 6));
    let output = Extent { channels: 4, ..EXTENT };
    let other = MaxPool { geometry: Geometry { output, ..geometry }, input };
    assert_eq!(max_pool(Tier::SCALAR, &other, &mut [0; 16]), refusal("a pixel's output", 3, 4));
}

#[test]
fn rejects_an_average_of_wrong_length() {
    let (input_zero_point, zero_point, multiplier) = (0, 0, 1.0);
    let layer =
        GlobalAveragePool { input: &[5; 12], pixels: 4, input_zero_point, multiplier, zero_point };
    let mut output = [1; 3];
    assert_eq!(
        global_average_pool(Tier::SCALAR, &layer, &mut output[..2]),
        refusal("input", 8, 12)
    );
    assert_eq!(output, [1; 3]);
    assert_eq!(global_average_pool(Tier::SCALAR, &layer, &mut output), Ok(()));
    assert_eq!(output, [20; 3]);
}

#[test]
fn rejects_slices_of_wrong_length_where_values_only_move() {
    let table = &[7; 256];
    let mut output = [1; 6];
    let table_of = |table, input, output: &mut [i8]| lookup(&Lookup { input, table }, output);
    assert_eq!(table_of(table, &[0; 5], &mut output), refusal("input", 6, 5));
    assert_eq!(table_of(&[7; 255], &[0; 6], &mut output), refusal("table", 256, 255));
    assert_eq!(output, [1; 6]);
    assert_eq!(table_of(table, &[0; 6], &mut output), Ok(()));
    assert_eq!(output, [7; 6]);

    let side = |values| Addend { values, multiplier: 1.0, zero_point: 0 };
    let both = |a, b, output: &mut [i8]| {
        let inputs = [side(a), side(b)];
        concat(Tier::SCALAR, &Concat { pixels: 2, channels: [1, 2], inputs, zero_point: 0 }, output)
    };
    assert_eq!(both(&[3; 3], &[4; 4], &mut output), refusal("first input", 2, 3));
    assert_eq!(both(&[3; 2], &[4; 3], &mut output), refusal("second input", 4, 3));
    assert_eq!(both(&[3; 2], &[4; 4], &mut output[..5]), refusal("output", 6, 5));
    assert_eq!(both(&[3; 2], &[4; 4], &mut output), Ok(()));
    assert_eq!(output, [3, 4, 4, 3, 4, 4]);

    let extent = Extent { height: 1, width: 3, channels: 1 };
    let large =
        |input, factor, output: &mut [i8]| upsample(&Upsample { extent, input, factor }, output);
    assert_eq!(large(&[5; 2], [2, 1], &mut output), refusal("input", 3, 2));
    assert_eq!(large(&[5; 3], [3, 1], &mut output), refusal("output", 9, 6));
    assert_eq!(large(&[5; 3], [0, 1], &mut output), refusal("output", 0, 6));
    assert_eq!(large(&[5; 3], [2, 1], &mut output), Ok(()));
    assert_eq!(output, [5; 6]);
}

#[test]
fn rejects_scaling_slices_of_wrong_length() {
    let layer = ScaleChannels {
        input: &[4; 6],
        input_zero_point: 0,
        gate: &[0; 3],
        factors: &[0.5; 256],
        zero_point: 0,
    };
    let mut output = [1; 6];
    let run =
        |layer: &ScaleChannels<'_>, output: &mut [i8]| scale_channels(Tier::SCALAR, layer, output);
    assert_eq!(run(&layer, &mut output[..5]), refusal("output", 3, 5));
    assert_eq!(
        run(&ScaleChannels { input: &[4; 5], ..layer }, &mut output),
        refusal("input", 6, 5)
    );
    let short = ScaleChannels { factors: &[0.5; 255], ..layer };
    assert_eq!(run(&short, &mut output), refusal("factors", 256, 255));
    assert_eq!(run(&ScaleChannels { gate: &[], ..layer }, &mut output), refusal("output", 0, 6));
    assert_eq!(output, [1; 6]);
    assert_eq!(run(&layer, &mut output), Ok(()));
    assert_eq!(output, [2; 6]);
}
