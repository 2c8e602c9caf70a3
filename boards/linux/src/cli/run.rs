//! `run`: the door. `lock` and `guard`: what engages its lock from outside.

use super::{Failure, Settings, setup};
use crate::audit::{Audit, BootId, Event, Kind, Limits};
use crate::config::Config;
use crate::disk::Folder;
use crate::hub::{self, Change, Hub};
use crate::inputs::Keyring;
use crate::lock::RelayConfig;
use crate::mqtt::Mqtt;
use crate::outside::{Outside, Task};
use crate::run::{
    self, Desk, Live, Notify, PATIENCE, Recorder, Station, Teller, clock, guard, people, refusals,
};
use crate::store::PEOPLE;
use crate::vision::{Eyes, Models};
use crate::watch::{Roster, Watch, Witness};
use crate::web::{DoorOffice, Server, Tell};
use crate::webhook::Webhook;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs the door until it is told to end
///
/// The lock is engaged first, and on every way out. Exit code 0: told to end; 1: a part of it panicked; 2: it could not start.
#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// Decide and record, but move no lock
    #[arg(long)]
    dry_run: bool,
}

/// Engages the lock, and ends
///
/// For the service manager, when the door has ended in whatever way. The relay must not be in use by a running door.
#[derive(clap::Args)]
pub(super) struct LockArgs {}

/// Waits for the end of the door that started it, and engages the lock if that was killed
#[derive(clap::Args)]
pub(super) struct GuardArgs {
    /// The relay's settings, as JSON
    relay: String,
}

pub(super) fn run(settings: &Settings, args: &RunArgs) -> Result<(), Failure> {
    let mut config = settings.load()?;
    if args.dry_run {
        config.relay = RelayConfig::simulated(PathBuf::new());
    }
    // A link to the file that runs, also after an update has put another one in its place.
    let program = (!args.dry_run).then_some(Path::new("/proc/self/exe"));
    let station = Station::open(&config.relay, &config.policy, program)?;
    eprintln!("the lock is engaged; relay: {}", config.relay.describe());
    serve(&config, &station)?;
    match station.close() {
        true => Ok(()),
        false => Err(Failure::Check("a part of the door panicked; see above".to_owned())),
    }
}

fn serve(config: &Config, station: &Station) -> Result<(), Failure> {
    let models = Arc::new(setup::models(config)?);
    let people_file = config.people.folder.join(PEOPLE);
    let before = people::state(&people_file);
    let enrolled = setup::everybody(&config.people)?;
    let roster = Roster::new(&enrolled, &models.pipeline(), models.embedding_len())?;
    let calibration = setup::calibrate(config, &models, roster.templates());
    if let Err(error) = &calibration {
        eprintln!("not calibrated, so nobody gets in: {error}");
    }
    let calibration = calibration.ok();

    let folder = Arc::new(Folder::lock(&config.log.folder)?);
    // A number that is damaged costs the first pause.
    let refused = refusals::load(&*folder, u32::from(config.policy.lockout.free) + 1)?;
    let audit =
        Audit::open(folder.clone(), Limits::default(), BootId::of_system()?, run::moment())?;
    let recorder = Recorder::start(audit, folder, refused)?;

    let (mut publisher, hub) = hub::hub(std::process::id());
    publisher.people(&roster, calibration);
    let inbox = station.inbox();
    let sight = Witness { eyes: Eyes::new(&models)?, roster };
    let now_ms = clock::now_ms();
    let watch = Watch::resume(config.policy, calibration, sight, station.latch(), refused, now_ms)?;
    let mut watch = watch.under(clock::now_ms);
    publisher.keep_crops(Duration::from_secs(60 * u64::from(config.web.keep_faces_minutes)));
    let outside = outside(config, &models, &hub, recorder.teller())?;
    let keyring = Keyring::default();
    keyring.replace(enrolled.credentials());
    let reload = reload(config, &models, keyring.clone());
    people::follow(people_file, before, inbox.clone(), hub, reload)?;
    config.inputs.start(&inbox)?;
    config.reader.start(inbox.clone(), keyring)?;
    let camera = config.source.start(inbox.clone())?;

    let started = Event::new(Kind::Started);
    recorder.note(match calibration {
        Some(calibration) => started.cosine(calibration.cosine()),
        None => started.reason("not calibrated"),
    });
    let mut desk =
        Desk { recorder, publisher, notify: Notify::from_env(), camera: config.source.describe() };
    eprintln!("the door decides; camera: {}", desk.camera);
    desk.notify.ready();
    let mut live = Live::new(inbox);
    let Ok(()) = run::serve(&mut watch, &mut live, &mut desk, |watch, change, tell| {
        watch.replace(|sight| sight.roster = change.roster, change.calibration, tell)
    });
    desk.notify.stopping();
    station.latch().shut();
    drop(outside);
    desk.recorder.note(Event::new(Kind::Stopped));
    desk.recorder.close(PATIENCE);
    // Its program is killed with it. A camera that hangs ends with the process.
    let start = Instant::now();
    while !camera.is_finished() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Pages, broker and webhook. One that can't be had is told, and the door does without.
fn outside(
    config: &Config,
    models: &Arc<Models>,
    hub: &Hub,
    log: Teller,
) -> Result<Outside, Failure> {
    let mut tasks: Vec<Task> = Vec::new();
    match pages(config, models, hub, log) {
        Ok(Some(server)) => {
            eprintln!("pages at {}", server.address());
            tasks.push(Box::pin(async move {
                if let Err(error) = server.serve().await {
                    eprintln!("no more pages: {error}");
                }
            }));
        }
        Ok(None) => {}
        Err(failure) => eprintln!("no pages: {failure}"),
    }
    match Mqtt::new(config.mqtt.clone()) {
        Ok(broker) => tasks.extend(broker.map(|broker| Box::pin(broker.run(hub.clone())) as Task)),
        Err(error) => eprintln!("no broker: {error}"),
    }
    match Webhook::new(&config.webhook) {
        Ok(hook) => tasks.extend(hook.map(|hook| Box::pin(hook.run(hub.clone())) as Task)),
        Err(error) => eprintln!("no webhook: {error}"),
    }
    Ok(Outside::start(tasks)?)
}

/// The pages, with an office that has the store for itself.
fn pages(
    config: &Config,
    models: &Arc<Models>,
    hub: &Hub,
    log: Teller,
) -> Result<Option<Server>, Failure> {
    if config.web.listen.is_none() {
        return Ok(None);
    }
    let tell: Tell = Arc::new(move |event| log.note(event));
    let store = setup::store(&config.people)?;
    let office = DoorOffice::new(store, models.clone(), config.policy, hub.clone(), tell.clone());
    let folder = config.log.folder.clone();
    Ok(Server::bind(config.web.clone(), hub.clone(), Arc::new(office), tell, folder)?)
}

/// What the loop is to go on with when the people were changed.
fn reload(
    config: &Config,
    models: &Arc<Models>,
    keyring: Keyring,
) -> impl Fn() -> Result<Change, String> + Send + 'static {
    let (config, models) = (config.clone(), Arc::clone(models));
    move || {
        let people = setup::everybody(&config.people).map_err(|failure| failure.to_string())?;
        let roster = Roster::new(&people, &models.pipeline(), models.embedding_len());
        let roster = roster.map_err(|error| error.to_string())?;
        keyring.replace(people.credentials());
        let calibration = setup::calibrate(&config, &models, roster.templates()).ok();
        Ok(Change { roster, calibration })
    }
}

pub(super) fn lock(settings: &Settings, _: &LockArgs) -> Result<(), Failure> {
    let relay = settings.load()?.relay;
    let _held = relay.open().map_err(|error| {
        Failure::Check(format!("the lock was not engaged: {}: {error}", relay.describe()))
    })?;
    println!("the lock is engaged");
    Ok(())
}

pub(super) fn guard(args: &GuardArgs) -> Result<(), Failure> {
    let relay: RelayConfig = serde_json::from_str(&args.relay)?;
    if guard::stand(&relay)? {
        eprintln!("the door was killed; its guard engaged the lock");
    }
    Ok(())
}
