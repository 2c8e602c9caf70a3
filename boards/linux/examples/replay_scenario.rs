//! Builds a scenario for `door replay` from a folder of photographs: `replay_scenario crops|whole|prints FACES OUT`.

#[path = "../tests/scenario/mod.rs"]
mod scenario;

use scenario::Scenario;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (scenario, faces, out) = match words[..] {
        ["crops", faces, out] => (Scenario::Crops, faces, out),
        ["whole", faces, out] => (Scenario::Whole, faces, out),
        ["prints", faces, out] => (Scenario::Prints, faces, out),
        _ => return Err(std::io::Error::other("replay_scenario crops|whole|prints FACES OUT")),
    };
    scenario::build(scenario, Path::new(faces), Path::new(out))
}
