//! Hands the linker the memory map of the image. Tests of the library run on the host, which has its own.

use std::env;

fn main() -> Result<(), env::VarError> {
    println!("cargo::rerun-if-changed=image.ld");
    if env::var("CARGO_CFG_TARGET_OS")? == "none" {
        println!("cargo::rustc-link-arg-bins=-T{}/image.ld", env::var("CARGO_MANIFEST_DIR")?);
    }
    Ok(())
}
