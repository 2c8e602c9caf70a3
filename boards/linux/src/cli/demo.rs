//! `demo`: a whole door without any hardware.

use super::{Failure, Settings, setup};
use crate::audit::{Audit, BootId, Limits};
use crate::camera::{self, Camera, Folder as Pictures};
use crate::demo::{COSINE, DrawnCamera, DrawnSight};
use crate::disk::Folder;
use crate::hub::{self, Hub};
use crate::lock::{RelayConfig, RelayKind};
use crate::replay::enrol_folder;
use crate::run::{self, Desk, Inbox, Live, Notify, Recorder, Station, clock};
use crate::vision::Eyes;
use crate::watch::{Roster, Sight, Watch, Witness};
use edge_infer::door::{Bolt, Calibration, Policy};
use model_format::Threshold;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shows a door with a lock that moves nothing: drawn visitors, or your own pictures
///
/// Without options everything but the networks is that of `door run`: drawn visitors come and go, and eyes for drawings say who they
/// are. With --frames and --people the networks look, at the pictures of a folder or tar, as a camera would show them.
#[derive(clap::Args)]
pub(super) struct DemoArgs {
    /// Pictures to show to the camera, a folder or tar
    #[arg(long, value_name = "PATH", requires = "people")]
    frames: Option<PathBuf>,
    /// A folder a person, to enrol from whole photographs
    #[arg(long, value_name = "DIR", requires = "frames")]
    people: Option<PathBuf>,
    /// Frames a second
    #[arg(long, default_value_t = 15)]
    fps: u32,
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

pub(super) fn run(settings: &Settings, args: &DemoArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let (Some(frames), Some(photos)) = (&args.frames, &args.people) else {
        let fps = args.fps;
        let table = [Threshold { fmr: 1e-9, cosine: COSINE }];
        let calibration = Calibration::new(config.policy.target_fpir, 1, table)?;
        let camera = move || Ok(Box::new(DrawnCamera::new(fps)) as Box<dyn Camera>);
        return show(args, config.policy, calibration, DrawnSight::default(), camera, None);
    };
    let models = setup::models(&config)?;
    let pipeline = models.pipeline();
    let mut eyes = Eyes::new(&models)?;
    let least = models.loosest_cosine();
    let enrolled = enrol_folder(&mut eyes, &config.policy, pipeline.preprocessing, least, photos)?;
    let roster = Roster::new(&enrolled.people, &pipeline, models.embedding_len())?;
    println!("{} people enrolled, {} templates", enrolled.people.iter().len(), roster.templates());
    let calibration = setup::calibrate(&config, &models, roster.templates())?;
    let (path, fps) = (frames.clone(), args.fps);
    let camera = move || Ok(Box::new(Pictures::open(&path, fps)?) as Box<dyn Camera>);
    let names = roster.clone();
    show(args, config.policy, calibration, Witness { eyes, roster }, camera, Some(names))
}

fn show<S: Sight>(
    args: &DemoArgs,
    policy: Policy,
    calibration: Calibration,
    sight: S,
    camera: impl Fn() -> Result<Box<dyn Camera>, camera::CameraError> + Send + 'static,
    roster: Option<Roster>,
) -> Result<(), Failure> {
    let none = PathBuf::new;
    let relay = RelayConfig {
        kind: RelayKind::Simulated,
        chip: none(),
        line: 0,
        unlocked: crate::lock::UnlockedLevel::High,
        device: none(),
        log: none(),
    };
    let station = Station::open(&relay, &policy, None)?;
    let folder = std::env::temp_dir().join(format!("door-demo-{}", std::process::id()));
    let disk = Arc::new(Folder::lock(&folder)?);
    let audit = Audit::open(disk.clone(), Limits::default(), BootId::of_system()?, run::moment())?;
    let recorder = Recorder::start(audit, disk, 0)?;
    let (mut publisher, hub) = hub::hub(std::process::id());
    if let Some(roster) = &roster {
        publisher.people(roster, Some(calibration));
    }
    let inbox = station.inbox();
    std::thread::Builder::new().name("camera".to_owned()).spawn({
        let inbox = inbox.clone();
        move || camera::capture(camera, &inbox)
    })?;
    std::thread::Builder::new().name("teller".to_owned()).spawn({
        let (inbox, end) = (inbox.clone(), args.seconds.map(Duration::from_secs));
        move || tell(&hub, &inbox, end)
    })?;
    let now_ms = clock::now_ms();
    let watch = Watch::resume(policy, Some(calibration), sight, station.latch(), 0, now_ms)?;
    let mut watch = watch.under(clock::now_ms);
    let camera = "a demonstration".to_owned();
    let mut desk = Desk { recorder, publisher, notify: Notify::from_env(), camera };
    println!("the lock is simulated; end with Ctrl-C");
    let Ok(()) = run::serve(&mut watch, &mut Live::new(inbox), &mut desk, |_, _, _| Ok(()));
    desk.recorder.close(Duration::from_secs(2));
    let calm = station.close();
    remove(&folder);
    if calm {
        Ok(())
    } else {
        Err(Failure::Check("a part of the door panicked; see above".to_owned()))
    }
}

/// Prints what changes at the door, and stops it after `end`.
fn tell(hub: &Hub, inbox: &Inbox, end: Option<Duration>) {
    let start = Instant::now();
    let mut last = None;
    while !inbox.rest(Duration::from_millis(50)) {
        let now = hub.snapshot();
        let level = if now.bolt == Bolt::Unlocked { "OPEN  " } else { "locked" };
        let said = (level, now.state_name());
        if last != Some(said) {
            println!(
                "{:7.2} s  {level}  {:<10} {}",
                start.elapsed().as_secs_f64(),
                said.1,
                now.reason
            );
            last = Some(said);
        }
        if end.is_some_and(|end| start.elapsed() >= end) {
            inbox.stop();
        }
    }
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        eprintln!("{}: {error}", folder.display());
    }
}
