//! `calibrate`: which cosine keeps a target, now and for a larger gallery, and whether pictures of strangers bear the model's table out.

use super::{Failure, Settings, print_json, setup};
use crate::config::PeopleConfig;
use crate::enrol::{PersonFolder, people_in};
use crate::store::{Gallery, People};
use crate::survey::{Comparisons, Pair};
use crate::vision::{Eyes, Models};
use edge_infer::door::{Basis, Calibration, CalibrationError, FacePolicy, Finding, SurveyError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Says which cosine keeps a rate of false accepts, and lets pictures of strangers judge the model's table
///
/// The door calibrates itself whenever people come or go: it takes the row of the model's table that keeps target_fpir for so many
/// templates. This says which row that is now, which one it will be with more templates, and when there is none.
///
/// --strangers takes pictures of people who are not enrolled, taken by the door's camera. They are compared with the templates and
/// with each other. Where more of them look alike than the table says, the table is not of this camera or of people like these, and
/// the door must be stricter: exit code 1, with the setting that makes it so, or with the reason why none does. Too few pictures to
/// say anything are refused, with how many are missing. Nothing that pictures show makes a door looser than the table.
///
/// Exit code 0: the target is kept, with the settings as they are; 1: it is not; 2: wrong use or unusable input.
#[derive(clap::Args)]
pub(super) struct CalibrateArgs {
    /// Share of single frames of strangers that may match anyone enrolled [default: the setting target_fpir]
    #[arg(long, value_name = "RATE")]
    target_fpir: Option<f32>,
    /// Templates to plan for: each four pictures of a person make one, as fewer do [default: those enrolled now]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    gallery_size: Option<u32>,
    /// A folder a person who is not enrolled, of pictures as the door's camera takes them
    #[arg(long, value_name = "DIR")]
    strangers: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is known before strangers are looked at.
struct Plan {
    target_fpir: f32,
    /// Templates enrolled, and those planned for.
    templates: [u32; 2],
    /// The table's row for each; none for an empty gallery.
    rows: [Option<Calibration>; 2],
}

/// Strangers, and what they say.
struct Local {
    people: usize,
    pictures: usize,
    refused: Vec<(String, String)>,
    comparisons: Comparisons,
    found: Result<Finding, SurveyError>,
}

pub(super) fn run(settings: &Settings, args: &CalibrateArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let models = setup::models(&config)?;
    let gallery = enrolled(&config.people)?.gallery(&models.pipeline(), models.embedding_len())?;
    let target_fpir = args.target_fpir.unwrap_or(config.policy.target_fpir);
    let plan = Plan::new(target_fpir, args.gallery_size, &gallery, &models)?;
    let local = args.strangers.as_deref().map(|folder| {
        let still = config.policy.still_cosine;
        Local::look(&plan, folder, &config.policy.face, still, &gallery, &models)
    });
    let local = local.transpose()?;
    let refusal = local.as_ref().and_then(|local| local.refusal(config.policy.target_fpir));
    if args.json {
        print_json(&report(&plan, local.as_ref(), refusal.as_deref()));
    } else {
        print(&plan, local.as_ref());
    }
    refusal.map_or(Ok(()), |refusal| Err(Failure::Check(refusal)))
}

/// Everybody; nobody where nobody was ever enrolled.
fn enrolled(config: &PeopleConfig) -> Result<People, Failure> {
    if config.folder.exists() { setup::everybody(config) } else { Ok(People::default()) }
}

impl Plan {
    fn new(
        target_fpir: f32,
        planned: Option<u32>,
        gallery: &Gallery,
        models: &Models,
    ) -> Result<Self, Failure> {
        let now = u32::try_from(gallery.view()?.len()).unwrap_or(u32::MAX);
        let planned = planned.unwrap_or(now.max(1));
        if planned < now {
            return Err(Failure::Input(format!(
                "--gallery-size {planned}: {now} templates are enrolled already; plan for at least these"
            )));
        }
        let row = |templates| {
            let table = models.embedding().thresholds();
            Calibration::new(target_fpir, templates, table).map_err(|error| match error {
                CalibrationError::Target { .. } => Failure::Input(error.to_string()),
                error => Failure::Check(error.to_string()),
            })
        };
        let rows = [(now > 0).then(|| row(now)).transpose()?, Some(row(planned)?)];
        Ok(Self { target_fpir, templates: [now, planned], rows })
    }

    /// The galleries by name, each with its row.
    fn named(&self) -> impl Iterator<Item = (&'static str, u32, Option<Calibration>)> {
        let rows = self.templates.into_iter().zip(self.rows);
        ["now", "planned"]
            .into_iter()
            .zip(rows)
            .map(|(name, (templates, row))| (name, templates, row))
    }
}

impl Local {
    fn look(
        plan: &Plan,
        folder: &Path,
        policy: &FacePolicy,
        still: f32,
        gallery: &Gallery,
        models: &Models,
    ) -> Result<Self, Failure> {
        let mut eyes = Eyes::new(models)?;
        let mut strangers = people_in(&mut eyes, policy, folder)?;
        for PersonFolder { album, .. } in &mut strangers {
            // Equal pictures would count twice. Who looks like nobody in a folder stays: that is what is asked.
            album.sort_out(still, -1.0);
        }
        let table = models.embedding().thresholds();
        let comparisons = Comparisons::new(gallery, &strangers, table)?;
        let found = comparisons.survey.find(plan.target_fpir, plan.templates[1]);
        let refused = strangers.iter().flat_map(|folder| {
            let refused = folder.album.refused.iter();
            refused.map(|(name, why)| (format!("{}/{name}", folder.name), why.to_string()))
        });
        Ok(Self {
            people: strangers.iter().filter(|folder| !folder.album.photos.is_empty()).count(),
            pictures: strangers.iter().map(|folder| folder.album.photos.len()).sum(),
            refused: refused.collect(),
            comparisons,
            found,
        })
    }

    /// Why the door must not go on with the settings as they are, whose target is `set`.
    fn refusal(&self, set: f32) -> Option<String> {
        match &self.found {
            Ok(found) if found.excess > 1.0 && set > found.calibration.target_fpir() => {
                Some(format!(
                    "strangers look alike here at least {:.1} times as often as the model's table says; to keep the target, set \
                     target_fpir = {:e}",
                    found.excess,
                    found.calibration.target_fpir()
                ))
            }
            Ok(_) => None,
            Err(error @ SurveyError::TooFew { missing, .. }) => Some(format!(
                "{error}, as {} more strangers with one picture each make them",
                self.comparisons.strangers_for(*missing)
            )),
            Err(error) => Some(error.to_string()),
        }
    }
}

fn report(plan: &Plan, local: Option<&Local>, refusal: Option<&str>) -> Value {
    let galleries = plan.named().map(|(name, templates, row)| {
        let row = row.map(|row| {
            json!({"templates": templates, "fmr": row.fmr(), "cosine": row.cosine(), "fpir_bound": row.fpir_bound(templates)})
        });
        (name.to_owned(), row.unwrap_or(Value::Null))
    });
    let mut report: serde_json::Map<String, Value> = galleries.collect();
    report.insert("target_fpir".to_owned(), json!(plan.target_fpir));
    report.insert("kept".to_owned(), json!(refusal.is_none()));
    report.insert("reason".to_owned(), json!(refusal));
    report.insert("strangers".to_owned(), local.map_or(Value::Null, strangers));
    Value::Object(report)
}

fn strangers(local: &Local) -> Value {
    let closest = local.comparisons.closest.iter();
    let closest = closest.map(|Pair { stranger, other, cosine }| {
        json!({"stranger": stranger, "other": other, "cosine": cosine})
    });
    let refused = local.refused.iter();
    let refused = refused.map(|(picture, why)| json!({"picture": picture, "reason": why}));
    let found = local.found.as_ref().ok().map(|found| {
        let (basis, missing) = match found.basis {
            Basis::Pictures => ("pictures", 0),
            Basis::Table { missing } => ("table", missing),
        };
        json!({
            "cosine": found.calibration.cosine(),
            "fmr": found.calibration.fmr(),
            "setting": {"target_fpir": found.calibration.target_fpir()},
            "excess": found.excess,
            "matching": found.impostors.events,
            "upper_bound": found.impostors.upper(),
            "basis": basis,
            "missing": missing,
            "genuine_pairs": found.missed.trials,
            "genuine_missed": found.missed.events,
        })
    });
    json!({
        "people": local.people,
        "pictures": local.pictures,
        "refused": refused.collect::<Vec<_>>(),
        "comparisons": local.comparisons.survey.comparisons(),
        "closest": closest.collect::<Vec<_>>(),
        "found": found,
    })
}

fn print(plan: &Plan, local: Option<&Local>) {
    println!("target      a single frame of a stranger may match {:e} times", plan.target_fpir);
    for (name, templates, row) in plan.named() {
        match row {
            None => println!("{name:<11} nobody is enrolled"),
            Some(row) => println!(
                "{name:<11} {templates} templates: cosine {:.4}, false match rate {:e}; a stranger's frame matches at most {:.1e} \
                 times by the table",
                row.cosine(),
                row.fmr(),
                row.fpir_bound(templates)
            ),
        }
    }
    let Some(local) = local else { return };
    for (picture, why) in &local.refused {
        println!("refused     {picture}: {why}");
    }
    println!(
        "strangers   {} people, {} pictures: {} comparisons with templates and each other",
        local.people,
        local.pictures,
        local.comparisons.survey.comparisons()
    );
    for Pair { stranger, other, cosine } in &local.comparisons.closest {
        println!("            {cosine:.4} {stranger} and {other}");
    }
    let Ok(found) = &local.found else { return };
    println!(
        "            {} match at cosine {:.4}: of one comparison the rate here is at most {:.1e} with 95 %",
        found.impostors.events,
        found.calibration.cosine(),
        found.impostors.upper()
    );
    if found.missed.trials > 0 {
        println!(
            "genuine     {} of {} pairs of pictures of one person are below it: {:.1} %",
            found.missed.events,
            found.missed.trials,
            100.0 * found.missed.share()
        );
    }
    match found.basis {
        Basis::Pictures => println!("result      the pictures keep the target by themselves"),
        Basis::Table { missing } => println!(
            "result      the target rests on the model's table, at target_fpir = {:e}; the pictures alone would need {missing} \
             more comparisons, as {} more strangers make them",
            found.calibration.target_fpir(),
            local.comparisons.strangers_for(missing)
        ),
    }
}
