//! Hands each board's memory map, `memory/BOARD/memory.x`, to the linker of that board's program alone.

use core::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=memory");
    let here = env::var("CARGO_MANIFEST_DIR")?;
    for board in fs::read_dir(Path::new(&here).join("memory"))? {
        let folder = board?.path();
        let name = folder.file_name().unwrap_or_default().display().to_string();
        println!("cargo::rerun-if-changed={}/memory.x", folder.display());
        println!("cargo::rustc-link-arg-bin={name}=-L{}", folder.display());
        println!("cargo::rustc-link-arg-bin={name}=-Tlink.x");
        println!("cargo::rustc-link-arg-bin={name}=--nmagic");
    }
    Ok(())
}
