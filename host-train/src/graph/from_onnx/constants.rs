//! The numbers in a file: every way in which ONNX stores them, brought to f32.

use super::error::OnnxError;
use super::{proto, unusable};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// ONNX's numbers of the element types that weights and shapes have.
mod element {
    pub(super) const FLOAT: i32 = 1;
    pub(super) const INT32: i32 = 6;
    pub(super) const INT64: i32 = 7;
    pub(super) const FLOAT16: i32 = 10;
    pub(super) const DOUBLE: i32 = 11;
    pub(super) const BFLOAT16: i32 = 16;
}

/// `data_location` of a tensor whose bytes are in a file of their own.
const EXTERNAL: i32 = 1;

/// The file's constants by name.
pub(super) struct Constants<'f> {
    tensors: HashMap<&'f str, Cow<'f, proto::Tensor>>,
    /// Where files of weights beside the ONNX file are.
    folder: Option<&'f Path>,
}

impl<'f> Constants<'f> {
    pub(super) fn new(initializers: &'f [proto::Tensor], folder: Option<&'f Path>) -> Self {
        let tensors = initializers.iter().map(|t| (t.name.as_str(), Cow::Borrowed(t))).collect();
        Self { tensors, folder }
    }

    /// The value of a `Constant` node, which has one of several attributes.
    pub(super) fn insert(&mut self, name: &'f str, node: &'f proto::Node) -> Result<(), OnnxError> {
        let numbers = |dims, values| Cow::Owned(proto::Tensor::of_floats(dims, values));
        let of = |attribute: &'f proto::Attribute| match attribute.name.as_str() {
            "value" => attribute.t.as_ref().map(Cow::Borrowed),
            "value_float" => Some(numbers(Vec::new(), vec![attribute.f])),
            "value_int" => Some(numbers(Vec::new(), vec![attribute.i as f32])),
            "value_floats" => {
                Some(numbers(vec![attribute.floats.len() as i64], attribute.floats.clone()))
            }
            "value_ints" => {
                let values: Vec<f32> = attribute.ints.iter().map(|&v| v as f32).collect();
                Some(numbers(vec![values.len() as i64], values))
            }
            _ => None,
        };
        let value = node.attribute.iter().find_map(of);
        let value = value.ok_or_else(|| unusable(node, "only numbers are known here"))?;
        self.tensors.insert(name, value);
        Ok(())
    }

    /// Numbers that were worked out of others.
    pub(super) fn set(&mut self, name: &'f str, tensor: proto::Tensor) {
        self.tensors.insert(name, Cow::Owned(tensor));
    }

    pub(super) fn get(&self, name: &str) -> Option<&proto::Tensor> {
        self.tensors.get(name).map(|tensor| &**tensor)
    }

    /// All values of a tensor as f32; `node` is who wants them.
    pub(super) fn floats(&self, node: &str, tensor: &proto::Tensor) -> Result<Vec<f32>, OnnxError> {
        let bytes = self.bytes(node, tensor)?;
        let bytes = bytes.as_deref().unwrap_or(&tensor.raw_data);
        if bytes.is_empty() {
            return match tensor.data_type {
                element::FLOAT => Ok(tensor.float_data.clone()),
                element::DOUBLE => Ok(tensor.double_data.iter().map(|&v| v as f32).collect()),
                element::INT64 => Ok(tensor.int64_data.iter().map(|&v| v as f32).collect()),
                element::INT32 => Ok(tensor.int32_data.iter().map(|&v| v as f32).collect()),
                // Sixteen bits each, in the low half of an int32.
                element::FLOAT16 => Ok(tensor.int32_data.iter().map(|&v| half(v as u16)).collect()),
                element::BFLOAT16 => {
                    Ok(tensor.int32_data.iter().map(|&v| brain(v as u16)).collect())
                }
                _ => Err(unknown(node, tensor)),
            };
        }
        let pairs = || bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
        let words = bytes.as_chunks::<4>().0.iter();
        let longs = bytes.as_chunks::<8>().0.iter();
        Ok(match tensor.data_type {
            element::FLOAT => words.map(|b| f32::from_le_bytes(*b)).collect(),
            element::INT32 => words.map(|b| i32::from_le_bytes(*b) as f32).collect(),
            element::DOUBLE => longs.map(|b| f64::from_le_bytes(*b) as f32).collect(),
            element::INT64 => longs.map(|b| i64::from_le_bytes(*b) as f32).collect(),
            element::FLOAT16 => pairs().map(half).collect(),
            element::BFLOAT16 => pairs().map(brain).collect(),
            _ => return Err(unknown(node, tensor)),
        })
    }

    /// The bytes of a tensor that lie in a file of their own.
    fn bytes(&self, node: &str, tensor: &proto::Tensor) -> Result<Option<Vec<u8>>, OnnxError> {
        if tensor.data_location != EXTERNAL {
            return Ok(None);
        }
        let external =
            |what| OnnxError::External { node: node.to_owned(), name: tensor.name.clone(), what };
        let entry = |key: &str| {
            tensor.external_data.iter().find(|entry| entry.key == key).map(|e| e.value.as_str())
        };
        let location = entry("location").ok_or_else(|| external("its file has no name".into()))?;
        let inside = Path::new(location);
        // A model must not read what it likes of this machine.
        if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(external(format!("{location} is not a file beside the model")));
        }
        let folder = self.folder.ok_or_else(|| external("the model is in no folder".into()))?;
        let path: PathBuf = folder.join(inside);
        let number = |key: &str| entry(key).map(str::parse::<u64>).transpose();
        let (Ok(offset), Ok(length)) = (number("offset"), number("length")) else {
            return Err(external("its offset or length is no number".into()));
        };
        // Its own bytes alone: all tensors may lie in one large file.
        let offset = offset.unwrap_or(0);
        let read = || -> std::io::Result<Option<Vec<u8>>> {
            let mut file = File::open(&path)?;
            let size = file.metadata()?.len();
            let end = length.map_or(Some(size), |length| offset.checked_add(length));
            let Some(end) = end.filter(|end| (offset..=size).contains(end)) else {
                return Ok(None);
            };
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(end - offset).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        };
        let bytes = read().map_err(|error| external(format!("{}: {error}", path.display())))?;
        bytes.map(Some).ok_or_else(|| external(format!("{} is too short", path.display())))
    }
}

impl proto::Tensor {
    /// A tensor of f32 with these extents.
    pub(super) fn of_floats(dims: Vec<i64>, float_data: Vec<f32>) -> Self {
        Self { dims, data_type: element::FLOAT, float_data, ..Self::default() }
    }
}

fn unknown(node: &str, tensor: &proto::Tensor) -> OnnxError {
    OnnxError::ElementType {
        node: node.to_owned(),
        name: tensor.name.clone(),
        data_type: tensor.data_type,
    }
}

/// IEEE half precision.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15),
    };
    sign * size
}

/// The upper half of an f32.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_ieee_says() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x8000, 0.0),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
        assert_eq!(brain(0x4049), 3.140_625);
    }
}
