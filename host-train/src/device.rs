//! What a training run computes on.
//!
//! The CPU always; a GPU when this program was built with feature `gpu` (any vendor's, through Vulkan) or `cuda` (NVIDIA's). A
//! run is not of a device: it may begin on one and go on with another, though not with the same bits.

use burn::tensor::Device;
use core::fmt;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// A GPU where there is one that this build can use, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The fastest GPU that the Vulkan driver offers; where there is none, its software renderer, which is slower than the CPU
    /// and good for tests alone.
    Vulkan,
    /// The first NVIDIA GPU.
    Cuda,
}

/// A device and its name.
#[derive(Clone, Debug)]
pub struct Place {
    /// For tensors without gradients.
    pub device: Device,
    /// As a person knows it.
    pub name: String,
}

/// A device that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The program lacks it.
    #[error(
        "this build has no {device}: build with `cargo build --release -p host-train --features {feature}`"
    )]
    NotBuilt {
        /// What was asked for.
        device: &'static str,
        /// What brings it.
        feature: &'static str,
    },
    /// The machine lacks it.
    #[error("no {device} device was found: install the GPU's driver, or choose --device cpu")]
    NotFound {
        /// What was asked for.
        device: &'static str,
    },
    /// It does not do what the run needs.
    #[error(
        "--batch-norm synced computes on the CPU alone: choose --device cpu, or --batch-norm batch"
    )]
    Synced,
}

impl Place {
    /// The CPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self { device: Device::flex(), name: "the CPU".to_owned() }
    }

    /// Finds the device.
    ///
    /// # Errors
    /// [`DeviceError::NotBuilt`] or [`DeviceError::NotFound`]; never for [`Choice::Auto`] and [`Choice::Cpu`].
    pub fn open(choice: Choice) -> Result<Self, DeviceError> {
        match choice {
            Choice::Cpu => Ok(Self::cpu()),
            Choice::Vulkan => vulkan(true),
            Choice::Cuda => cuda(),
            Choice::Auto => Ok(cuda().or_else(|_| vulkan(false)).unwrap_or_else(|_| Self::cpu())),
        }
    }

    #[cfg(any(feature = "gpu", feature = "cuda"))]
    fn named(device: Device, interface: &str) -> Self {
        let name = device.identity().map_or("a GPU".to_owned(), |identity| identity.name);
        Self { device, name: format!("{name} ({interface})") }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(feature = "gpu")]
fn vulkan(software: bool) -> Result<Place, DeviceError> {
    use burn::tensor::{DeviceKind, DeviceType};
    let found = Device::enumerate(DeviceType::Vulkan).into_vec();
    let kinds =
        [DeviceKind::DiscreteGpu(0), DeviceKind::VirtualGpu(0), DeviceKind::IntegratedGpu(0)];
    let kinds = kinds.into_iter().chain(software.then_some(DeviceKind::Cpu));
    let device = kinds.map(Device::vulkan).find(|device| found.contains(device));
    device
        .map(|device| Place::named(device, "Vulkan"))
        .ok_or(DeviceError::NotFound { device: "Vulkan" })
}

#[cfg(not(feature = "gpu"))]
fn vulkan(_: bool) -> Result<Place, DeviceError> {
    Err(DeviceError::NotBuilt { device: "Vulkan", feature: "gpu" })
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Place, DeviceError> {
    use burn::tensor::DeviceType;
    let device = Device::enumerate(DeviceType::Cuda).into_vec().into_iter().next();
    device
        .map(|device| Place::named(device, "CUDA"))
        .ok_or(DeviceError::NotFound { device: "CUDA" })
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Place, DeviceError> {
    Err(DeviceError::NotBuilt { device: "CUDA", feature: "cuda" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_device_is_always_found_when_none_is_named() {
        for choice in [Choice::Auto, Choice::Cpu] {
            assert!(Place::open(choice).is_ok());
        }
        assert_eq!(Place::open(Choice::Cpu).map(|place| place.device), Ok(Device::flex()));
    }

    #[cfg(not(any(feature = "gpu", feature = "cuda")))]
    #[test]
    fn what_is_not_built_is_named_with_its_feature() {
        let error = |choice| Place::open(choice).map(|_| ()).unwrap_err().to_string();
        assert!(error(Choice::Vulkan).contains("--features gpu"));
        assert!(error(Choice::Cuda).contains("--features cuda"));
    }
}
