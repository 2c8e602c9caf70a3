//! Finds out which vector instructions a build for Cortex-M may use, as the stable compiler does
//! not say (`cfg(target_feature = "dsp")` is for nightly ones): sets `arm_dsp` and `arm_helium`.
//!
//! A wrong answer is no danger. The assembler knows what the build is for, and refuses the rest.

use std::env;

/// Processors of Armv8-M that have both, as `-C target-cpu` names them.
const HELIUM: [&str; 3] = ["cortex-m52", "cortex-m55", "cortex-m85"];
/// Those that have the DSP extension alone.
const DSP: [&str; 3] = ["cortex-m33", "cortex-m35p", "star-mc1"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(arm_dsp, arm_helium)");
    let variable = |name| env::var(name).unwrap_or_default();
    let target = variable("TARGET");
    if !target.starts_with("thumb") {
        return;
    }
    let mut build = Build { dsp: target.starts_with("thumbv7em"), helium: false };
    build.features(&variable("CARGO_CFG_TARGET_FEATURE"), "");
    for flag in variable("CARGO_ENCODED_RUSTFLAGS").split('\x1f') {
        let flag = flag.strip_prefix("-C").unwrap_or(flag).trim_start();
        match flag.split_once('=') {
            Some(("target-cpu", name)) if HELIUM.contains(&name) => build.features("+mve.fp", "+"),
            Some(("target-cpu", name)) if DSP.contains(&name) => build.features("+dsp", "+"),
            Some(("target-feature", list)) => build.features(list, "+"),
            _ => {}
        }
    }
    if build.dsp {
        println!("cargo::rustc-cfg=arm_dsp");
    }
    // Rounding takes floating-point registers, which the other calling convention may forbid.
    if build.dsp && build.helium && variable("CARGO_CFG_TARGET_ABI") == "eabihf" {
        println!("cargo::rustc-cfg=arm_helium");
    }
}

/// What the build may use. Helium has all of DSP.
struct Build {
    dsp: bool,
    helium: bool,
}

impl Build {
    /// Takes over a list of features, each with `sign` before it; what has none of them goes.
    fn features(&mut self, list: &str, sign: &str) {
        for feature in list.split(',') {
            match feature.strip_prefix(sign) {
                Some("mve.fp") => *self = Self { dsp: true, helium: true },
                Some("dsp") => self.dsp = true,
                _ if feature == "-dsp" => *self = Self { dsp: false, helium: false },
                _ if feature == "-mve" || feature == "-mve.fp" => self.helium = false,
                _ => {}
            }
        }
    }
}
