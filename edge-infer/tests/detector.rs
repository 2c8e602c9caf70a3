//! A detector of a 32x32 image whose outputs are written by hand: faces, their order, what is suppressed, what is refused.

use edge_infer::detect::{Detector, DetectorError, Face, Limits};
use edge_infer::engine::Engine;
use model_format::writer::{
    ActivationSpec, ConvSpec, MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec,
};
use model_format::{
    ColourOrder, ElementType, InputSpec, ModelFile, Padding, Rows, Shape, Tensor, TensorIndex,
    Window,
};

/// Grids of 4x4, 2x2 and 1x1 cells, each of whose outputs is a convolution without weights.
fn model(kinds: &[(&str, u16)]) -> ModelFile {
    let input = Tensor {
        shape: Shape { height: 32, width: 32, channels: 3 },
        element: ElementType::I8,
        scale: 1.0,
        zero_point: 0,
        offset: 0,
        first: 0,
        last: 0,
        rows: Rows::ALL,
    };
    let (mut tensors, mut ops, mut outputs) = (vec![input], Vec::new(), Vec::new());
    let mut offset = input.byte_len() as u32;
    for stride in [8_u8, 16, 32] {
        for &(kind, channels) in kinds {
            let cells = 32 / u16::from(stride);
            let (index, step) = (TensorIndex(tensors.len() as u16), tensors.len() as u16);
            let probability = channels == 1;
            let tensor = Tensor {
                shape: Shape { height: cells, width: cells, channels },
                scale: if probability { 1.0 / 255.0 } else { 1.0 / 16.0 },
                zero_point: if probability { -128 } else { 0 },
                offset,
                first: step,
                ..input
            };
            offset += tensor.byte_len() as u32;
            tensors.push(tensor);
            outputs.push(OutputSpec { name: format!("{kind}_{stride}"), tensor: index });
            let channels = usize::from(channels);
            ops.push(OpSpec::Conv2d(ConvSpec {
                input: TensorIndex(0),
                output: index,
                window: Window {
                    kernel: [stride; 2],
                    stride: [stride; 2],
                    padding: Padding::default(),
                },
                weights: vec![0; usize::from(stride).pow(2) * 3 * channels],
                bias: vec![0; channels],
                requantize: RequantizeSpec {
                    multiplier: vec![1.0; channels],
                    activation: ActivationSpec::None,
                },
                residual: None,
            }));
        }
    }
    tensors.iter_mut().for_each(|tensor| tensor.last = ops.len() as u16);
    let metadata = MetadataSpec {
        input: InputSpec { colour: ColourOrder::Bgr, mean: [0.0; 3], scale: [1.0; 3] },
        landmarks: [[0.0; 2]; 5],
        embedding_len: 0,
        name: "by hand".into(),
        data: String::new(),
        command: String::new(),
        seed: 0,
        commit: String::new(),
        licence: String::new(),
        verdict: String::new(),
    };
    let builder = ModelBuilder {
        metadata,
        thresholds: Vec::new(),
        tensors,
        ops,
        input: TensorIndex(0),
        output: TensorIndex(1),
        outputs,
        arena_bytes: offset,
    };
    ModelFile::from_bytes(builder.build().expect("the model holds together")).expect("it parses")
}

const KINDS: [(&str, u16); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// An arena in which no cell sees a face.
fn nothing(file: &ModelFile) -> Vec<u8> {
    let mut arena = vec![0; file.view().arena_bytes()];
    for tensor in file.view().outputs().filter_map(|output| file.view().tensor(output.tensor)) {
        let zero = tensor.zero_point.cast_unsigned();
        arena[tensor.offset as usize..][..tensor.byte_len()].fill(zero);
    }
    arena
}

/// Writes the stored values of cell `at` of an output.
fn put(file: &ModelFile, arena: &mut [u8], name: &str, at: usize, values: &[i8]) {
    let view = file.view();
    let output = view.outputs().find(|output| output.name == name).expect("it has this output");
    let tensor = view.tensor(output.tensor).expect("it exists");
    let start = tensor.offset as usize + at * values.len();
    for (to, value) in arena[start..].iter_mut().zip(values) {
        *to = value.cast_unsigned();
    }
}

fn faces(file: &ModelFile, arena: &[u8], limits: &Limits, most: usize) -> Vec<Face> {
    let detector = Detector::new(Engine::new(file.view())).expect("it is a detector");
    let mut faces = vec![Face::default(); most];
    let found = detector.faces(arena, limits, &mut faces).expect("the arena is large enough");
    faces.truncate(found);
    faces
}

#[test]
fn faces_come_best_first_and_one_for_each_place() {
    let file = model(&KINDS);
    let mut arena = nothing(&file);
    let limits = Limits::default();
    assert_eq!(faces(&file, &arena, &limits, 4), []);
    // Row 1, column 2 of the fine grid: class 1, object 204 / 255 = 0.8, centre (2.5, 1.5) * 8 = (20, 12), 8 x 8 pixels.
    put(&file, &mut arena, "cls_8", 6, &[127]);
    put(&file, &mut arena, "obj_8", 6, &[76]);
    put(&file, &mut arena, "bbox_8", 6, &[8, 8, 0, 0]);
    put(&file, &mut arena, "kps_8", 6, &[0, 0, 16, 0, 8, 8, 0, 16, 16, 16]);
    // Its neighbour guesses the same face one pixel to the left, less surely: (3 - 0.625) * 8 = 19.
    put(&file, &mut arena, "cls_8", 7, &[117]);
    put(&file, &mut arena, "obj_8", 7, &[76]);
    put(&file, &mut arena, "bbox_8", 7, &[-10, 8, 0, 0]);
    // The coarse grid sees a large one, surely: centre (16, 16), e * 32 pixels wide.
    put(&file, &mut arena, "cls_32", 0, &[127]);
    put(&file, &mut arena, "obj_32", 0, &[127]);
    put(&file, &mut arena, "bbox_32", 0, &[8, 8, 16, 0]);
    // And the middle grid one that is not sure enough: 0.5.
    put(&file, &mut arena, "cls_16", 3, &[0]);
    put(&file, &mut arena, "obj_16", 3, &[0]);
    let found = faces(&file, &arena, &limits, 4);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].score, found[0].height), (1.0, 32.0));
    assert!((found[0].width - 32.0 * core::f32::consts::E).abs() < 1e-3);
    assert!((found[1].score - 0.8_f32.sqrt()).abs() < 1e-6);
    assert_eq!((found[1].x, found[1].y, found[1].width), (16.0, 8.0, 8.0));
    let landmarks = [[16.0, 8.0], [24.0, 8.0], [20.0, 12.0], [16.0, 16.0], [24.0, 16.0]];
    assert_eq!(found[1].landmarks, landmarks);
    // A caller with room for one gets the best; one who lets boxes overlap gets all three.
    assert_eq!(faces(&file, &arena, &limits, 1), found[..1]);
    let all = faces(&file, &arena, &Limits { overlap: 0.9, ..limits }, 9);
    assert_eq!((all.len(), all[2].x), (3, 15.0));
    let unsure = faces(&file, &arena, &Limits { score: 0.5, ..limits }, 9);
    assert_eq!(unsure.len(), 3);
}

#[test]
fn overlap_is_shared_area_over_covered_area() {
    let face = |x, width| Face { x, width, height: 4.0, ..Face::default() };
    assert_eq!(face(0.0, 4.0).overlap(&face(2.0, 4.0)), 8.0 / 24.0);
    assert_eq!(face(0.0, 4.0).overlap(&face(4.0, 4.0)), 0.0);
    assert_eq!(Face::default().overlap(&Face::default()), 0.0);
}

#[test]
fn rejects_missing_and_grid() {
    let error = |kinds: &[(&str, u16)]| {
        Detector::new(Engine::new(model(kinds).view())).expect_err("it is refused")
    };
    let name = "kps_8";
    assert_eq!(error(&KINDS[..3]), DetectorError::Missing { name });
    let expected = Shape { height: 4, width: 4, channels: 10 };
    let found = Shape { channels: 8, ..expected };
    let kinds = [KINDS[0], KINDS[1], KINDS[2], ("kps", 8)];
    assert_eq!(error(&kinds), DetectorError::Grid { name, expected, found });
}
