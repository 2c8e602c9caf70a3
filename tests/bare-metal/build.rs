//! Where the memory of each emulated board lies, for the linker.

use std::{env, fs, path::PathBuf};

/// Board, then vectors, code with the model, and data: start and length of each.
type Board = (&'static str, [(u32, u32); 3]);

const MEGA: u32 = 1 << 20;
const BOARDS: [Board; 4] = [
    ("mps2-an386", [(0, 0x400), (0x400, 4 * MEGA - 0x400), (0x2000_0000, 4 * MEGA)]),
    ("mps2-an500", [(0, 0x400), (0x400, 4 * MEGA - 0x400), (0x2000_0000, 4 * MEGA)]),
    (
        "mps2-an505",
        [(0x1000_0000, 0x400), (0x1000_0400, 4 * MEGA - 0x400), (0x3800_0000, 2 * MEGA)],
    ),
    // What starts in secure state may use the secure aliases alone.
    ("mps3-an547", [(0, 0x400), (0x1100_0000, 2 * MEGA), (0x3100_0000, 4 * MEGA)]),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=sections.ld");
    println!("cargo::rerun-if-env-changed=BOARD");
    let board = env::var("BOARD")?;
    let known = BOARDS.iter().find(|(name, _)| *name == board);
    let (_, parts) = known.ok_or_else(|| format!("BOARD is one of {BOARDS:?}"))?;
    let memory: String = ["VECTORS", "CODE", "DATA"]
        .iter()
        .zip(parts)
        .map(|(name, (start, length))| format!("{name} : ORIGIN = {start}, LENGTH = {length}\n"))
        .collect();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("memory.ld"), format!("MEMORY {{\n{memory}}}\n"))?;
    let here = env::var("CARGO_MANIFEST_DIR")?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg=-T{here}/sections.ld");
    Ok(())
}
