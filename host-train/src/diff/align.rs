//! Which layers of two networks belong together: the same operation, at the same place in the order, on the same tensors, with
//! a result of the same shape. A network's structure either goes on or has parted; nothing is matched behind that.

use super::layers::Layer;
use serde::Serialize;

/// Where two networks stop being alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// The first layer that they do not share.
    pub layer: usize,
    /// What it is in the first network, in words.
    pub a: String,
    /// In the second.
    pub b: String,
}

/// How many layers both share from the image on, and what comes instead of the next one.
pub(super) fn align(a: &[Layer], b: &[Layer]) -> (usize, Option<Parting>) {
    let common = a.iter().zip(b).take_while(|(a, b)| same(a, b)).count();
    let words = |layer: Option<&Layer>| match layer {
        Some(Layer { name, op, shape, reads, .. }) => {
            format!("{name}: {op} to {shape} from tensors {reads:?}")
        }
        None => "nothing: the network ends here".to_owned(),
    };
    let parted = common < a.len().max(b.len());
    let parting = Parting { layer: common, a: words(a.get(common)), b: words(b.get(common)) };
    (common, parted.then_some(parting))
}

fn same(a: &Layer, b: &Layer) -> bool {
    // A sum does not mind the order of its operands.
    let reads = |layer: &Layer| {
        let mut reads = layer.reads.clone();
        if layer.op == "add" {
            reads.sort_unstable();
        }
        reads
    };
    a.op == b.op && a.shape == b.shape && reads(a) == reads(b)
}
