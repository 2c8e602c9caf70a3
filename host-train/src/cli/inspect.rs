//! `inspect`: what an `.afm` file holds.

use super::failure::Failure;
use super::output;
use crate::model::open_file;
use model_format::{ColourOrder, FORMAT_VERSION, ModelView, Op};
use serde::Serialize;
use std::path::PathBuf;

/// Shows what a model file holds, after checking all of it.
///
/// Whose signature it bears is said too; whether to trust that key is for `verify`.
///
/// With --json: header, metadata, tensors, ops, plan.
#[derive(clap::Args)]
pub(crate) struct InspectArgs {
    /// The model file.
    #[arg(value_name = "F.afm")]
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Inspected<'a> {
    header: Header,
    metadata: Metadata<'a>,
    tensors: Vec<Tensor>,
    ops: Vec<OpRow>,
    outputs: Vec<Output<'a>>,
    plan: Plan,
}

#[derive(Serialize)]
struct Header {
    format_version: u16,
    model_id: String,
    total_bytes: usize,
    weights_bytes: usize,
    signature: Option<Signature>,
}

#[derive(Serialize)]
struct Signature {
    algorithm: &'static str,
    public_key: String,
    fingerprint: String,
    /// Whether the owner of that key signed this file, whoever it is.
    fits: bool,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    width: u16,
    height: u16,
    colour_order: &'static str,
    mean: [f32; 3],
    scale: [f32; 3],
    landmarks: [[f32; 2]; 5],
    embedding_len: u16,
    thresholds: Vec<Threshold>,
    data: &'a str,
    command: &'a str,
    seed: u64,
    commit: &'a str,
    licence: &'a str,
    verdict: &'a str,
}

#[derive(Serialize)]
struct Threshold {
    fmr: f32,
    cosine: f32,
}

#[derive(Serialize)]
struct Tensor {
    shape: [u16; 3],
    element: String,
    scale: f32,
    zero_point: i8,
    offset: u32,
    bytes: usize,
    first: u16,
    last: u16,
    /// Of a tensor that is never whole, the rows that are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_held: Option<u16>,
}

#[derive(Serialize)]
struct OpRow {
    op: &'static str,
    inputs: Vec<u16>,
    output: u16,
    macs: u64,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    tensor: u16,
}

#[derive(Serialize)]
struct Plan {
    arena_bytes: usize,
    input: u16,
    output: u16,
    macs: u64,
    /// Operations that run together.
    streams: Vec<Stream>,
}

#[derive(Serialize)]
struct Stream {
    first_op: u16,
    last_op: u16,
    slices: u16,
}

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let file = open_file(&args.file)?;
    let inspected = inspect(file.view());
    if args.json { output::json(&inspected) } else { output::line(&text(&inspected)) }
}

fn inspect(view: ModelView<'_>) -> Inspected<'_> {
    let m = view.metadata();
    let shape = view.input().shape;
    Inspected {
        header: Header {
            format_version: FORMAT_VERSION,
            model_id: view.id().to_string(),
            total_bytes: view.total_bytes(),
            weights_bytes: view.weights_bytes(),
            signature: view.signature().map(|signature| Signature {
                algorithm: "ed25519",
                public_key: signature.signer.to_string(),
                fingerprint: signature.signer.fingerprint().to_string(),
                fits: view.verify(&signature.signer).is_ok(),
            }),
        },
        metadata: Metadata {
            name: m.name,
            width: shape.width,
            height: shape.height,
            colour_order: match m.input.colour {
                ColourOrder::Rgb => "rgb",
                ColourOrder::Bgr => "bgr",
            },
            mean: m.input.mean,
            scale: m.input.scale,
            landmarks: m.landmarks,
            embedding_len: m.embedding_len,
            thresholds: view
                .thresholds()
                .map(|t| Threshold { fmr: t.fmr, cosine: t.cosine })
                .collect(),
            data: m.data,
            command: m.command,
            seed: m.seed,
            commit: m.commit,
            licence: m.licence,
            verdict: m.verdict,
        },
        tensors: view
            .tensors()
            .map(|t| Tensor {
                shape: [t.shape.height, t.shape.width, t.shape.channels],
                element: t.element.to_string(),
                scale: t.scale,
                zero_point: t.zero_point,
                offset: t.offset,
                bytes: t.byte_len(),
                first: t.first,
                last: t.last,
                rows_held: t.rows.is_band().then_some(t.rows.held),
            })
            .collect(),
        ops: view.ops().map(|op| op_row(&view, &op)).collect(),
        outputs: view
            .outputs()
            .map(|output| Output { name: output.name, tensor: output.tensor.0 })
            .collect(),
        plan: Plan {
            arena_bytes: view.arena_bytes(),
            input: view.input_index().0,
            output: view.output_index().0,
            macs: view.macs(),
            streams: view
                .steps()
                .filter(|ops| ops.len() > 1)
                .map(|ops| Stream {
                    first_op: ops.start,
                    last_op: ops.end - 1,
                    slices: view.slices(&ops),
                })
                .collect(),
        },
    }
}

fn op_row(view: &ModelView<'_>, op: &Op<'_>) -> OpRow {
    let (first, second) = op.reads();
    OpRow {
        op: op.name(),
        inputs: std::iter::once(first).chain(second).map(|index| index.0).collect(),
        output: op.output().0,
        macs: view.tensor(op.output()).map_or(0, |tensor| op.macs(tensor.shape)),
    }
}

/// Which operations run together, as "; ops 0-4 together in 28 slices".
fn streams_text(streams: &[Stream]) -> String {
    let text =
        |s: &Stream| format!("; ops {}-{} together in {} slices", s.first_op, s.last_op, s.slices);
    streams.iter().map(text).collect()
}

fn text(i: &Inspected<'_>) -> String {
    let (h, m, p) = (&i.header, &i.metadata, &i.plan);
    let or = |text: &str| {
        if text.is_empty() { "not stated".to_owned() } else { text.to_owned() }
    };
    let mut lines = vec![
        format!("name         {}", or(m.name)),
        format!("model id     {}", h.model_id),
        format!(
            "file         {} bytes, of these {} constants; format version {}",
            h.total_bytes, h.weights_bytes, h.format_version
        ),
        match &h.signature {
            None => "signature    none".to_owned(),
            Some(s) if s.fits => format!("signature    of key {}", s.fingerprint),
            Some(s) => format!(
                "signature    not that of key {}, which it names: the file was altered",
                s.fingerprint
            ),
        },
        format!(
            "input        {}x{} {}, (pixel - {:?}) * {:?}",
            m.width, m.height, m.colour_order, m.mean, m.scale
        ),
        match m.embedding_len {
            0 => {
                let names: Vec<&str> = i.outputs.iter().map(|output| output.name).collect();
                format!("outputs      {}", names.join(", "))
            }
            length => format!("embedding    {length} values"),
        },
        format!("arena        {} bytes{}", p.arena_bytes, streams_text(&p.streams)),
        format!("work         {} multiply-accumulates an image", p.macs),
        format!("data         {}", or(m.data)),
        format!("made by      {} (seed {}, source {})", or(m.command), m.seed, or(m.commit)),
        format!("licence      {}", or(m.licence)),
        match m.verdict {
            "" => "verdict      none: nobody measured what int8 costs".to_owned(),
            verdict => format!("verdict      {verdict}"),
        },
    ];
    match m.thresholds.as_slice() {
        [] => lines.push("thresholds   none: not calibrated".to_owned()),
        all => lines.extend(
            all.iter().map(|t| format!("threshold    {} cosine at FMR {:e}", t.cosine, t.fmr)),
        ),
    }
    lines.push(format!(
        "{:>4}  {:<18} {:>14} {:>12} {:>10} {:>5}",
        "op", "kind", "output", "MACs", "scale", "zero"
    ));
    for (index, op) in i.ops.iter().enumerate() {
        let Some(t) = i.tensors.get(usize::from(op.output)) else {
            continue;
        };
        let [height, width, channels] = t.shape;
        let rows = t.rows_held.map(|held| format!("  {held} rows held"));
        lines.push(format!(
            "{index:>4}  {:<18} {:>14} {:>12} {:>10.6} {:>5}{}",
            op.op,
            format!("{height}x{width}x{channels}"),
            op.macs,
            t.scale,
            t.zero_point,
            rows.unwrap_or_default()
        ));
    }
    lines.join("\n")
}
