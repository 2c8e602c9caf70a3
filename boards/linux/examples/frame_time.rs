//! How long the door looks at a frame, from its pixels to faces, template and liveness: `frame_time MODELS PICTURE [RUNS]`.

use core::error::Error;
use core::time::Duration;
use door_linux::vision::{Eyes, Models, Paths, decode};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, picture, runs) = match words[..] {
        [folder, picture] => (Path::new(folder), picture, 300),
        [folder, picture, runs] => (Path::new(folder), picture, runs.parse()?),
        _ => return Err("frame_time MODELS PICTURE [RUNS]".into()),
    };
    let file = |name: &str| folder.join(name);
    let liveness = [file("liveness-2.7.afm"), file("liveness-4.0.afm")];
    let (detector, embedding) = (file("detector.afm"), file("embedding.afm"));
    let bytes = std::fs::read(picture)?;
    let picture = decode::decode(&bytes)?;
    println!("decoding: {:?} least", least(runs, || _ = decode::decode(&bytes)).0);
    println!("digest: {:?} least", least(runs, || _ = picture.digest()).0);
    for liveness in [None, Some(liveness)] {
        let name = if liveness.is_some() { "with liveness" } else { "without" };
        let paths = Paths { detector: detector.clone(), embedding: embedding.clone(), liveness };
        let models = Models::open(&paths, None)?;
        let mut eyes = Eyes::new(&models)?;
        let faces = eyes.look(&picture, 0)?.faces.len();
        let (least, median) = least(runs, || _ = eyes.look(&picture, 0));
        let (width, height) = (picture.width(), picture.height());
        println!(
            "{name}: {width}x{height}, {faces} faces: {least:?} least, {median:?} median of {runs}"
        );
    }
    Ok(())
}

/// The least and the median time.
fn least(runs: usize, mut run: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}
