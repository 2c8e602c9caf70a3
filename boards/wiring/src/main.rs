//! Writes every board's drawing into the folder that is named, by default `boards/wiring/drawings`.

use door_wiring::board::boards;
use door_wiring::circuit::{SIZE, circuit};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("boards/wiring/drawings"), PathBuf::from);
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", folder.display());
            ExitCode::from(2)
        }
    }
}

fn write(folder: &std::path::Path) -> Result<(), Box<dyn core::error::Error>> {
    let boards = boards()?;
    std::fs::create_dir_all(folder)?;
    for (name, board) in boards {
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, circuit(&board).finish(SIZE.0, SIZE.1))?;
        println!("{}", path.display());
    }
    Ok(())
}
