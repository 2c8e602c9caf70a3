//! `test`: what the door sees in a picture, and why it would not open.

use super::{Failure, Settings, print_json, setup};
use crate::lock::SimulatedLock;
use crate::store::People;
use crate::vision::{Eyes, Seen, decode};
use crate::watch::{Moment, Roster, Shot, Watch, Witness};
use edge_infer::door::{Matched, Reason, Stamp};
use edge_infer::image::quality::eye_distance;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Says what the door sees in a picture, and why it would not open
///
/// Exit code 0: as one frame of several, this picture speaks for opening; 1: it does not.
#[derive(clap::Args)]
pub(super) struct TestArgs {
    /// A JPEG or PNG file
    picture: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(settings: &Settings, args: &TestArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let models = setup::models(&config)?;
    let named = |error| Failure::Input(format!("{}: {error}", args.picture.display()));
    let picture = decode::open(&args.picture).map_err(named)?;
    let people = if config.people.folder.exists() {
        setup::everybody(&config.people)?
    } else {
        eprintln!("nobody is enrolled: there is no folder {}", config.people.folder.display());
        People::default()
    };
    let roster = Roster::new(&people, &models.pipeline(), models.embedding_len())?;
    let calibration = setup::calibrate(&config, &models, roster.templates());
    if let Err(error) = calibration {
        eprintln!("not calibrated: {error}");
    }
    let calibration = calibration.ok();
    let limit = calibration.map(|chosen| chosen.cosine());
    let utc_ms = Some(setup::utc_ms());
    let eyes = Eyes::new(&models)?;
    let mut watch =
        Watch::new(config.policy, calibration, Witness { eyes, roster }, SimulatedLock::default())?;
    let stamp = Stamp { captured_ms: 1, sequence: 1, digest: picture.digest() };
    let (width, height) = (picture.width(), picture.height());
    let moment = Moment::Frame { now_ms: 1, shot: Shot { stamp, picture } };
    let turn = watch.turn(&moment, utc_ms, &mut |_| ())?;
    let (reason, took) = (turn.decision.reason(), turn.took);
    let seen = turn.seen.cloned();
    let Some(seen) = seen else {
        return Err(Failure::Input("no picture was looked at".to_owned()));
    };
    let matched = match seen.template() {
        Some(probe) => watch.sight().roster.search(probe, utc_ms)?,
        None => None,
    };
    let name = matched.and_then(|matched| watch.sight().roster.profile(matched.best.person));
    let name = name.map(|profile| profile.name.as_str());
    let good = matches!(reason, Reason::MoreFrames { .. } | Reason::SecondFactor);
    if args.json {
        print_json(&json!({
            "width": width,
            "height": height,
            "faces": faces(&seen),
            "subject": subject(&seen),
            "match": matched.map(|matched| answer(&matched, name)),
            "cosine_needed": limit,
            "ms": took.as_secs_f64() * 1e3,
            "good": good,
            "reason": reason.to_string(),
        }));
    } else {
        print(&seen, matched, name, limit);
        println!("{reason}");
    }
    if good { Ok(()) } else { Err(Failure::Check(format!("{}: {reason}", args.picture.display()))) }
}

fn faces(seen: &Seen) -> Value {
    let face = |face: &edge_infer::detect::Face| {
        json!({
            "x": face.x, "y": face.y, "width": face.width, "height": face.height, "score": face.score,
            "landmarks": face.landmarks, "eye_distance": eye_distance(&face.landmarks),
        })
    };
    seen.faces.iter().map(face).collect()
}

fn subject(seen: &Seen) -> Option<Value> {
    let subject = seen.subject?;
    Some(json!({
        "x": subject.face.x,
        "y": subject.face.y,
        "eye_distance": subject.eye_distance,
        "brightness": subject.quality.brightness,
        "dark": subject.quality.dark,
        "bright": subject.quality.bright,
        "sharpness": subject.quality.sharpness,
        "pose": subject.pose.map(|pose| json!({"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll})),
        "liveness": subject.liveness,
    }))
}

fn answer(matched: &Matched, name: Option<&str>) -> Value {
    let best = matched.best;
    let other = best.runner_up.map(|other| json!({"person": other.person, "cosine": other.cosine}));
    json!({"person": best.person, "name": name, "cosine": best.cosine, "runner_up": other})
}

fn print(seen: &Seen, matched: Option<Matched>, name: Option<&str>, limit: Option<f32>) {
    println!("faces       {}", seen.faces.len());
    let Some(subject) = seen.subject else { return };
    let face = subject.face;
    println!(
        "face        {:.0}x{:.0} pixels at {:.0}, {:.0}; score {:.2}",
        face.width, face.height, face.x, face.y, face.score
    );
    println!("eyes        {:.0} pixels apart", subject.eye_distance);
    let quality = subject.quality;
    println!(
        "light       {:.0}; {:.0} % black or white",
        quality.brightness,
        100.0 * (quality.dark + quality.bright)
    );
    println!("sharpness   {:.0}", quality.sharpness);
    if let Some(pose) = subject.pose {
        println!("pose        turn {:.2}, nod {:.2}, tilt {:.2}", pose.yaw, pose.pitch, pose.roll);
    }
    if let Some(score) = subject.liveness {
        println!("liveness    {score:.3}");
    }
    if let Some(Matched { best, .. }) = matched {
        let limit =
            limit.map_or_else(|| "not calibrated".to_owned(), |limit| format!("{limit:.4} needed"));
        println!(
            "likeness    {:.4} to {} (person {}); {limit}",
            best.cosine,
            name.unwrap_or("?"),
            best.person
        );
        if let Some(other) = best.runner_up {
            println!("runner-up   {:.4} to person {}", other.cosine, other.person);
        }
    }
}
