//! `data clean`.

use super::{embed, sheet, thumbnail};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::data::clean::{CleanConfig, Findings, Reason, Removal, find};
use crate::data::{DataError, Manifest, Source};
use crate::files::{self, FileError};
use crate::model::Model;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Finds wrong labels, copies and damaged files, and writes a manifest without them.
///
/// The folder given by --out gets manifest.csv (for train --manifest), removed.csv (every image left out, with the reason and
/// its number), same-person.csv (labels that may be one person; nothing is merged) and sheet.html (the faces, to be looked
/// at before the manifest is used). Images are neither changed nor deleted.
#[derive(clap::Args)]
pub(crate) struct CleanArgs {
    /// A run's folder (float) or an .afm file (int8); trained on this or other data.
    #[arg(long, value_name = "RUN|F.afm")]
    model: PathBuf,
    /// Data sets with faces of the network's size.
    #[arg(long, value_delimiter = ',', required = true, value_name = "A[,B]")]
    data: Vec<PathBuf>,
    /// CSV (tar,path,label) that says which images are looked at, and under which label.
    #[arg(long, value_name = "CSV")]
    manifest: Option<PathBuf>,
    /// The folder to be made.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Degrees from a person's centre that are too many.
    #[arg(long, value_name = "DEGREES", default_value_t = CleanConfig::default().angle)]
    angle: f32,
    /// Cosine from which two images with the same pixels are one photograph.
    #[arg(long, value_name = "COSINE", default_value_t = CleanConfig::default().duplicate)]
    duplicate: f32,
    /// Cosine of two centres from which two labels may be one person.
    #[arg(long, value_name = "COSINE", default_value_t = CleanConfig::default().same_person)]
    same_person: f32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The images looked at.
pub(super) struct Labelled<'a> {
    pub(super) source: &'a Source,
    /// Image in the source and label.
    pub(super) images: Vec<(usize, usize)>,
    pub(super) classes: usize,
}

#[derive(Serialize)]
struct CleanSummary {
    out: PathBuf,
    images: usize,
    kept: usize,
    identities: usize,
    removed: BTreeMap<&'static str, usize>,
    same_person: usize,
}

/// Runs the command.
pub(crate) fn run(args: &CleanArgs) -> Result<(), Failure> {
    if args.out.exists() {
        let text = format!("{} exists already; give a new name", args.out.display());
        return Err(Failure::Input(text));
    }
    let model = Model::open(&args.model, None)?;
    let source = Source::open(&args.data)?;
    let labelled = Labelled::new(&source, args.manifest.as_deref())?;
    let config =
        CleanConfig { angle: args.angle, duplicate: args.duplicate, same_person: args.same_person };
    let findings = search(&model, &labelled, config)?;
    files::make_new::<Failure>(&args.out, |out| {
        files::create_folder(out)?;
        write(&labelled, &findings, out)
    })?;
    let count = |reason| findings.removals.iter().filter(|found| found.reason == reason).count();
    let summary = CleanSummary {
        out: args.out.clone(),
        images: labelled.images.len(),
        kept: labelled.images.len() - findings.removals.len(),
        identities: labelled.classes,
        removed: Reason::ALL.map(|reason| (reason.name(), count(reason))).into(),
        same_person: findings.same_person.len(),
    };
    if args.json {
        return output::json(&summary);
    }
    let mut lines = vec![format!(
        "{}: {} of {} images kept; look at sheet.html before using manifest.csv",
        summary.out.display(),
        summary.kept,
        summary.images
    )];
    lines.extend(Reason::ALL.map(|reason| format!("  {:>6} {}", count(reason), reason.words())));
    lines.push(format!("  {:>6} pairs of labels that may be one person", summary.same_person));
    output::line(&lines.join("\n"))
}

impl<'a> Labelled<'a> {
    fn new(source: &'a Source, manifest: Option<&Path>) -> Result<Self, DataError> {
        let (images, classes) = match manifest {
            Some(path) => {
                let manifest = Manifest::read(path, source)?;
                let labels = manifest.labels().iter().map(|&label| label as usize);
                let images = manifest.images().iter().copied().zip(labels).collect();
                (images, manifest.class_count())
            }
            None => {
                let identities = source.images().iter().map(|image| image.identity);
                (identities.enumerate().collect(), source.identities().len())
            }
        };
        Ok(Self { source, images, classes })
    }

    /// The person's folder name of an image.
    pub(super) fn person(&self, place: usize) -> &str {
        let image = &self.source.images()[self.images[place].0];
        &self.source.identities()[image.identity]
    }
}

/// Findings whose images are places in `labelled`.
fn search(
    model: &Model,
    labelled: &Labelled<'_>,
    config: CleanConfig,
) -> Result<Findings, Failure> {
    let bar = Progress::new("decoding", labelled.images.len());
    let thumbnails: Vec<Result<_, DataError>> = labelled
        .images
        .par_iter()
        .map(|&(image, _)| {
            let made = thumbnail(labelled.source, image);
            bar.step();
            made
        })
        .collect();
    bar.finish();
    let places: Vec<usize> =
        (0..thumbnails.len()).filter(|&place| thumbnails[place].is_ok()).collect();
    let broken = (0..thumbnails.len()).filter(|&place| thumbnails[place].is_err());
    let broken: Vec<Removal> = broken
        .map(|image| {
            let reason = Reason::Undecodable;
            Removal { image, reason, value: 0.0, other: None, nearest: None }
        })
        .collect();
    let thumbnails: Vec<_> = thumbnails.into_iter().flatten().collect();
    let images: Vec<usize> = places.iter().map(|&place| labelled.images[place].0).collect();
    let labels: Vec<usize> = places.iter().map(|&place| labelled.images[place].1).collect();
    let rows = embed(model, labelled.source, &images)?;
    let mut findings = find(&rows, &labels, labelled.classes, &thumbnails, config);
    for removal in &mut findings.removals {
        removal.image = places[removal.image];
        removal.other = removal.other.map(|other| places[other]);
    }
    findings.removals.extend(broken);
    findings.removals.sort_by_key(|removal| removal.image);
    Ok(findings)
}

/// Writes the four files into a folder.
fn write(labelled: &Labelled<'_>, findings: &Findings, out: &Path) -> Result<(), Failure> {
    let source = labelled.source;
    // Any image of a label says whose it is.
    let mut names = vec![""; labelled.classes];
    for (place, &(_, label)) in labelled.images.iter().enumerate().rev() {
        names[label] = labelled.person(place);
    }
    let mut removed = vec![None; labelled.images.len()];
    for removal in &findings.removals {
        removed[removal.image] = Some(removal);
    }
    let mut kept = vec![["tar", "path", "label", "identity"].map(str::to_owned).to_vec()];
    let columns = [
        "tar",
        "path",
        "label",
        "identity",
        "reason",
        "number",
        "other",
        "nearest",
        "nearest_cosine",
    ];
    let mut left_out = vec![columns.map(str::to_owned).to_vec()];
    for (place, &(image, label)) in labelled.images.iter().enumerate() {
        let (tar, path) = source.manifest_name(image);
        let mut row =
            vec![tar.to_owned(), path, label.to_string(), labelled.person(place).to_owned()];
        let Some(removal) = removed[place] else {
            kept.push(row);
            continue;
        };
        let other = removal.other.map(|other| source.path(labelled.images[other].0).to_owned());
        let (nearest, cosine) = match removal.nearest {
            Some((label, cosine)) => (names[label].to_owned(), format!("{cosine:.4}")),
            None => Default::default(),
        };
        row.push(removal.reason.name().to_owned());
        row.extend([format!("{:.4}", removal.value), other.unwrap_or_default(), nearest, cosine]);
        left_out.push(row);
    }
    let mut alike = vec![
        ["label_a", "identity_a", "label_b", "identity_b", "cosine"].map(str::to_owned).to_vec(),
    ];
    alike.extend(findings.same_person.iter().map(|pair| {
        let name = |label: usize| [label.to_string(), names[label].to_owned()];
        [&name(pair.a)[..], &name(pair.b)[..], &[format!("{:.4}", pair.cosine)]].concat()
    }));
    for (name, rows) in
        [("manifest.csv", kept), ("removed.csv", left_out), ("same-person.csv", alike)]
    {
        let path = out.join(name);
        let error = |error: csv::Error| FileError::new("write", &path, error.into());
        let mut csv = csv::Writer::from_path(&path).map_err(error)?;
        rows.iter().try_for_each(|row| csv.write_record(row)).map_err(error)?;
        csv.flush().map_err(|source| FileError::new("write", &path, source))?;
    }
    let page = sheet::page(labelled, findings, &names);
    Ok(files::write_whole(&out.join("sheet.html"), page.as_bytes())?)
}
