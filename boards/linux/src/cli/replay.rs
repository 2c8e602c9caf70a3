//! `replay`: visits from a list, through the loop that `run` drives.

use super::{Failure, Settings, print_json, setup};
use crate::lock::SimulatedLock;
use crate::replay::{self, PeopleFolder, Report, enrol_folder};
use crate::vision::Eyes;
use crate::watch::{Roster, Watch, Witness};
use std::collections::HashMap;
use std::path::PathBuf;

/// Replays visits from a list of frames, with a lock that only remembers
///
/// The list is CSV with the columns visit,person,kind,t_ms,path: a row a frame; kind is genuine, stranger or print; person is who
/// must be let in. Every visit comes to a door that was just switched on. Scenes that no camera took, as drawn or pasted ones, need
/// --set liveness=off.
#[derive(clap::Args)]
pub(super) struct ReplayArgs {
    /// The list
    #[arg(value_name = "S.csv")]
    list: PathBuf,
    /// The folder that its paths begin in
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// A folder a person, to enrol from whole photographs
    #[arg(long, value_name = "DIR")]
    people: PathBuf,
    /// Say on stderr what the door said to each frame
    #[arg(long)]
    explain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(settings: &Settings, args: &ReplayArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let visits = replay::read(&args.list)?;
    let models = setup::models(&config)?;
    let pipeline = models.pipeline();
    let mut eyes = Eyes::new(&models)?;
    let least = models.loosest_cosine();
    let PeopleFolder { people, albums } =
        enrol_folder(&mut eyes, &config.policy, pipeline.preprocessing, least, &args.people)?;
    for (person, id, album) in &albums {
        for (picture, why) in &album.refused {
            eprintln!("{person}/{picture}: {why}");
        }
        if id.is_none() {
            eprintln!("{person}: not enrolled, for want of a picture");
        }
    }
    let ids: HashMap<&str, Option<u32>> =
        albums.iter().map(|(name, id, _)| (name.as_str(), id.map(|id| id.0))).collect();
    let roster = Roster::new(&people, &pipeline, models.embedding_len())?;
    let templates = roster.templates();
    let calibration = setup::calibrate(&config, &models, templates)?;
    let lock = SimulatedLock::default();
    let mut watch = Watch::new(config.policy, Some(calibration), Witness { eyes, roster }, lock)?;
    let id = |name: &str| ids.get(name).copied();
    let report = replay::replay(&mut watch, &visits, &args.root, id, |visit, turn| {
        if args.explain && turn.seen.is_some() {
            let (name, kind, at) = (&visit.name, visit.kind, turn.now_ms);
            eprintln!("visit {name} {kind:?} {} at {at}: {}", visit.person, turn.decision.reason());
        }
    })?;
    let report = Report {
        people: people.iter().len(),
        templates,
        // The table may hold a stricter rate than was asked for.
        fpir_bound: calibration.fpir_bound(templates),
        cosine: calibration.cosine(),
        ..report
    };
    if args.json {
        print_json(&serde_json::to_value(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    println!("visits      {}", report.visits);
    println!(
        "genuine     {} of {} let in, {} as somebody else",
        report.genuine_granted, report.genuine, report.genuine_as_other
    );
    println!("strangers   {} of {} let in", report.strangers_granted, report.strangers);
    println!("prints      {} of {} let in", report.prints_granted, report.prints);
    println!("held        {} visits by a second face", report.held);
    println!(
        "frames      {}; {:.2} ms median, {:.2} ms for 99 of 100",
        report.frames, report.p50_ms, report.p99_ms
    );
    println!("lock        released for {} ms at most", report.longest_open_ms);
    println!(
        "enrolled    {} people, {} templates; a single frame of a stranger matches at most {:.1e} times (cosine {:.4})",
        report.people, report.templates, report.fpir_bound, report.cosine
    );
}
