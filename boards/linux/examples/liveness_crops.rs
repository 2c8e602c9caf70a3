//! The crops that the two liveness networks see of whole frames, to calibrate them on when they are imported:
//!
//! ```text
//! liveness_crops DETECTOR.afm EMBEDDING.afm FRAMES OUT      FRAMES/KIND/../F.jpg ─> OUT/2.7/KIND/F.png, OUT/4.0/KIND/F.png
//! ```

use core::error::Error;
use door_linux::vision::{Eyes, Models, Paths, decode, liveness_crop};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [detector, embedding, frames, out] = &arguments[..] else {
        return Err("liveness_crops DETECTOR.afm EMBEDDING.afm FRAMES OUT".into());
    };
    let paths = Paths { detector: detector.clone(), embedding: embedding.clone(), liveness: None };
    let models = Models::open(&paths, None)?;
    let mut eyes = Eyes::new(&models)?;
    let mut written = 0;
    for kind in std::fs::read_dir(frames)? {
        let kind = kind?;
        let mut files = Vec::new();
        walk(&kind.path(), &mut files)?;
        files.sort();
        for file in files {
            let picture = decode::open(&file)?;
            let seen = eyes.look(&picture, 0)?;
            let Some(subject) = seen.subject else { continue };
            for times in ["2.7", "4.0"] {
                let Some(crop) = liveness_crop(&picture, &subject.face, times.parse()?) else {
                    continue;
                };
                let folder = out.join(times).join(kind.file_name());
                std::fs::create_dir_all(&folder)?;
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                let to = folder.join(format!("{name}.png"));
                image::save_buffer(to, &crop, 80, 80, image::ExtendedColorType::Rgb8)?;
            }
            written += 1;
        }
    }
    println!("{written} faces");
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
