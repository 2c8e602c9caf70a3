//! `demo`: a whole door without any hardware.

use super::{Failure, Settings, setup};
use crate::audit::{Audit, BootId, Limits};
use crate::camera::{self, Camera, Folder as Pictures};
use crate::config::Config;
use crate::demo::{ADA, COSINE, DrawnCamera, DrawnOffice, DrawnSight};
use crate::disk::Folder;
use crate::hub::{self, Hub, Publisher};
use crate::lock::RelayConfig;
use crate::outside::{Outside, Task};
use crate::replay::enrol_folder;
use crate::run::{self, Desk, Inbox, Live, Notify, Recorder, Station, Teller, clock};
use crate::store::{Store, StoreKey};
use crate::vision::Eyes;
use crate::watch::{Roster, Sight, Watch, Witness};
use crate::web::{DoorOffice, Office, Passwords, Role, Server, Tell, WebConfig};
use edge_infer::door::{Bolt, Calibration};
use model_format::Threshold;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the pages keep the faces of attempts: these are drawn, or one's own.
const KEEP_MINUTES: u16 = 10;

/// Shows a door with a lock that moves nothing: drawn visitors, or your own pictures
///
/// Without options everything but the networks is that of `door run`: drawn visitors come and go, and eyes for drawings say who they
/// are. With --frames and --people the networks look, at the pictures of a folder or tar, as a camera would show them. The pages are at
/// web.listen, with a password that is made up for each demonstration.
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
    let folder = Scratch::new()?;
    let (publisher, hub) = hub::hub(std::process::id());
    let (Some(frames), Some(photos)) = (&args.frames, &args.people) else {
        let fps = args.fps;
        let table = [Threshold { fmr: 1e-9, cosine: COSINE }];
        let calibration = Calibration::new(config.policy.target_fpir, 1, table)?;
        let office = Arc::new(DrawnOffice::new(hub.clone(), calibration)?);
        let stage =
            Stage { publisher, hub, calibration, roster: office.roster()?, folder: &folder };
        return stage.show(
            args,
            &config,
            DrawnSight::default(),
            |sight, roster| sight.know_ada(roster.profile(ADA).is_some()),
            move || Ok(Box::new(DrawnCamera::new(fps)) as Box<dyn Camera>),
            |_| office,
        );
    };
    let models = Arc::new(setup::models(&config)?);
    let pipeline = models.pipeline();
    let mut eyes = Eyes::new(&models)?;
    let least = models.loosest_cosine();
    let enrolled = enrol_folder(&mut eyes, &config.policy, pipeline.preprocessing, least, photos)?;
    let roster = Roster::new(&enrolled.people, &pipeline, models.embedding_len())?;
    println!("{} people enrolled, {} templates", enrolled.people.iter().len(), roster.templates());
    let calibration = setup::calibrate(&config, &models, roster.templates())?;
    let mut store = Store::create(Folder::lock(&folder.0.join("people"))?, StoreKey::generate()?)?;
    store.change(|people| people.import(enrolled.people.to_json().as_bytes()))?;
    let (path, fps) = (frames.clone(), args.fps);
    let stage =
        Stage { publisher, hub: hub.clone(), calibration, roster: roster.clone(), folder: &folder };
    stage.show(
        args,
        &config,
        Witness { eyes, roster },
        |sight, roster| sight.roster = roster,
        move || Ok(Box::new(Pictures::open(&path, fps)?) as Box<dyn Camera>),
        |tell| Arc::new(DoorOffice::new(store, models.clone(), config.policy, hub, tell)),
    )
}

/// What both demonstrations begin with.
struct Stage<'a> {
    publisher: Publisher,
    hub: Hub,
    calibration: Calibration,
    roster: Roster,
    folder: &'a Scratch,
}

impl Stage<'_> {
    /// Runs the door until its end. `enrolled` makes the sight go on with other people.
    fn show<S: Sight>(
        mut self,
        args: &DemoArgs,
        config: &Config,
        sight: S,
        enrolled: impl Fn(&mut S, Roster),
        camera: impl Fn() -> Result<Box<dyn Camera>, camera::CameraError> + Send + 'static,
        office: impl FnOnce(Tell) -> Arc<dyn Office>,
    ) -> Result<(), Failure> {
        let relay = RelayConfig::simulated(PathBuf::new());
        let station = Station::open(&relay, &config.policy, None)?;
        let log = self.folder.0.join("log");
        let disk = Arc::new(Folder::lock(&log)?);
        let now = run::moment();
        let audit = Audit::open(disk.clone(), Limits::default(), BootId::of_system()?, now)?;
        let recorder = Recorder::start(audit, disk, 0)?;
        self.publisher.people(&self.roster, Some(self.calibration));
        self.publisher.keep_crops(Duration::from_secs(60 * u64::from(KEEP_MINUTES)));
        let pages = pages(config, self.folder, &self.hub, recorder.teller(), office, log)?;
        let inbox = station.inbox();
        std::thread::Builder::new().name("camera".to_owned()).spawn({
            let inbox = inbox.clone();
            move || camera::capture(camera, &inbox)
        })?;
        std::thread::Builder::new().name("teller".to_owned()).spawn({
            let (hub, inbox) = (self.hub.clone(), inbox.clone());
            let end = args.seconds.map(Duration::from_secs);
            move || tell(&hub, &inbox, end)
        })?;
        let (calibration, now_ms) = (Some(self.calibration), clock::now_ms());
        let watch = Watch::resume(config.policy, calibration, sight, station.latch(), 0, now_ms)?;
        let mut watch = watch.under(clock::now_ms);
        let camera = "a demonstration".to_owned();
        let publisher = self.publisher;
        let mut desk = Desk { recorder, publisher, notify: Notify::from_env(), camera };
        println!("the lock is simulated; end with Ctrl-C");
        let mut live = Live::new(inbox);
        let Ok(()) = run::serve(&mut watch, &mut live, &mut desk, |watch, change, tell| {
            watch.replace(|sight| enrolled(sight, change.roster), change.calibration, tell)
        });
        drop(pages);
        desk.recorder.close(run::PATIENCE);
        if station.close() {
            Ok(())
        } else {
            Err(Failure::Check("a part of the door panicked; see above".to_owned()))
        }
    }
}

/// The pages, with a password of their own. Without them, as where another door has the address, the demonstration goes on.
fn pages(
    config: &Config,
    folder: &Scratch,
    hub: &Hub,
    log: Teller,
    office: impl FnOnce(Tell) -> Arc<dyn Office>,
    audit: PathBuf,
) -> Result<Outside, Failure> {
    let passwords = folder.0.join("web.passwords");
    let mut random = [0; 6];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Input(format!("no random numbers: {error}")))?;
    let password = crate::hex::encode(&random);
    Passwords::set(&passwords, Role::Admin, &password)?;
    let web = WebConfig {
        passwords,
        certificate: PathBuf::new(),
        keep_faces_minutes: KEEP_MINUTES,
        metrics_token: PathBuf::new(),
        ..config.web.clone()
    };
    let tell: Tell = Arc::new(move |event| log.note(event));
    let mut tasks: Vec<Task> = Vec::new();
    match Server::bind(web, hub.clone(), office(tell.clone()), tell, audit) {
        Ok(Some(server)) => {
            println!("pages at http://{}: sign in as admin, {password}", server.address());
            tasks.push(Box::pin(async move {
                if let Err(error) = server.serve().await {
                    eprintln!("no more pages: {error}");
                }
            }));
        }
        Ok(None) => {}
        Err(error) => eprintln!("no pages: {error}"),
    }
    Ok(Outside::start(tasks)?)
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

/// A folder that goes with the demonstration.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("door-demo-{}", std::process::id()));
        drop(Folder::lock(&path)?);
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}
