//! The build script of boards with a camera: the board's memory map for the linker, and what is written beside its program.
//!
//! ```text
//! DOOR_FILES/ detector.afm embedding.afm   signed by the owner           `host-train sign`
//!             answer                       of the drawn face             `visit answer`
//!             owner                        the owner's public key        32 bytes
//!             host                         the key that the host has too 32 bytes
//! ```
//!
//! Without `DOOR_FILES` there are none: the program links, and stays locked with the code for a file that is no model.

use core::error::Error;
use core::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Names of the files, those of the statics for them, and the bytes that some must have.
const FILES: [(&str, &str, Option<usize>); 5] = [
    ("detector.afm", "DETECTOR", None),
    ("embedding.afm", "EMBEDDING", None),
    ("answer", "ANSWER", Some(20)),
    ("owner", "OWNER", Some(32)),
    ("host", "HOST", Some(32)),
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = env::var("CARGO_MANIFEST_DIR")?;
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rerun-if-env-changed=DOOR_FILES");
    println!("cargo::rustc-link-search={here}");
    for argument in ["-Tlink.x", "-Tdefmt.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let folder = env::var_os("DOOR_FILES").map(PathBuf::from);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("files.rs"), statics(folder.as_deref(), &out)?)?;
    Ok(())
}

/// What every board includes of the files: a static for each, and all of them together.
const TOGETHER: &str = "\
/// At a multiple of 64, where networks are read in place.
#[repr(C, align(64))]
struct Aligned<const N: usize>([u8; N]);

/// What was written beside the program.
fn files() -> door_firmware::station::Files<'static> {
    door_firmware::station::Files {
        detector: &DETECTOR.0,
        embedding: &EMBEDDING.0,
        answer: &ANSWER.0,
        owner: OWNER.0,
        host: HOST.0,
    }
}
";

/// [`TOGETHER`], and the statics, of files that are copied into `out`.
fn statics(folder: Option<&Path>, out: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = TOGETHER.to_owned();
    for (name, place, bytes) in FILES {
        let content = match folder {
            Some(folder) => {
                let path = folder.join(name);
                println!("cargo::rerun-if-changed={}", path.display());
                fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => vec![0; bytes.unwrap_or(0)],
        };
        if bytes.is_some_and(|bytes| bytes != content.len()) {
            let needed = bytes.unwrap_or(0);
            return Err(format!("{name} has {} bytes, {needed} are needed", content.len()).into());
        }
        fs::write(out.join(name), &content)?;
        let (path, len) = (out.join(name), content.len());
        writeln!(text, "#[unsafe(link_section = \".models\")]")?;
        writeln!(text, "static {place}: Aligned<{len}> = Aligned(*include_bytes!({path:?}));")?;
    }
    Ok(text)
}
