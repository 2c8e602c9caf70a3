//! `--verdict`: labelled faces that say what int8 costs, what that leaves in the model file and on a page.

mod page;

use super::failure::Failure;
use super::gate::{Gate, Held};
use super::progress::Progress;
use super::quantize::base_name;
use crate::data::{Pairs, Source};
use crate::evaluate::{ComparisonRow, ThresholdTable, comparison_text};
use crate::files;
use crate::model::{FloatModel, Model};
use crate::verdict::{JudgedFaces, Measured, Verdict};
use edge_infer::matching::MERGED;
use model_format::writer::ModelBuilder;
use model_format::{ModelFile, ModelView};
use std::path::{Path, PathBuf};

/// Faces to judge float and int8 by.
#[derive(clap::Args)]
pub(super) struct VerdictArgs {
    /// Labelled faces, folders or tars with one directory a person, that neither training nor --calibration has seen. Float and
    /// int8 are compared on all their pairs and on searches. The result goes into the file, with cosines for false match rates 1e-2,
    /// 5e-3, 2e-3 .. 1e-7, as far down as comparisons of strangers bound each with 95 % (Clopper and Pearson, one-sided, as if no two
    /// shared a face), of photographs and of means of 2, 3 and 4 of a person, for which somebody needs five. In searches with strangers, the first image of each person is enrolled, and who has a single one is a
    /// stranger.
    #[arg(long, value_delimiter = ',', value_name = "A[,B]")]
    verdict: Vec<PathBuf>,
    /// Pairs of these faces whose accuracy is measured too: LFW's pairs.txt, or CSV with the columns fold,a,b,same.
    #[arg(long, value_name = "P", requires = "verdict")]
    verdict_pairs: Option<PathBuf>,
    /// The verdict as a page with curves and tables; written when the gate is not met, too.
    #[arg(long, value_name = "F.html", requires = "verdict")]
    report: Option<PathBuf>,
}

impl VerdictArgs {
    /// The faces, checked with the gate before any work: whether they can be judged by, and are none of those calibrated on.
    pub(super) fn open(
        &self,
        calibration: &[PathBuf],
        gate: Option<&Gate>,
        float: &FloatModel,
    ) -> Result<Option<JudgedFaces>, Failure> {
        if self.verdict.is_empty() {
            gate.map_or(Ok(()), |gate| gate.check(None))?;
            return Ok(None);
        }
        // A path that is not there is refused with the system's words.
        let place = |path: &PathBuf| path.canonicalize().ok();
        let seen: Vec<PathBuf> = calibration.iter().filter_map(place).collect();
        let is_seen = |path: &&PathBuf| place(path).is_some_and(|place| seen.contains(&place));
        if let Some(path) = self.verdict.iter().find(is_seen) {
            return Err(Failure::Input(format!(
                "{} is given to --calibration and to --verdict: int8 is judged by faces that it was not made with",
                path.display()
            )));
        }
        let source = Source::open(&self.verdict)?;
        let pairs =
            self.verdict_pairs.as_ref().map(|path| Pairs::read(path, &source)).transpose()?;
        let names: Vec<String> = self.verdict.iter().map(|path| base_name(path)).collect();
        let faces = JudgedFaces::new(source, pairs, names.join(", "))?;
        gate.map_or(Ok(()), |gate| gate.check(Some(&faces.keys())))?;
        float.check_embedding()?;
        faces.check((float.graph.input.width, float.graph.input.height))?;
        Ok(Some(faces))
    }

    /// Writes the page, if it was asked for.
    pub(super) fn report(
        &self,
        measured: &Measured,
        held: &[Held],
        model: &ModelView<'_>,
        out: &Path,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.report {
            let page = page::render(measured, held, model, out);
            files::write_whole(path, page.as_bytes())?;
        }
        Ok(())
    }
}

/// Compares both networks on the faces.
pub(super) fn judge(faces: &JudgedFaces, float: &Model, int8: &Model) -> Result<Measured, Failure> {
    let bar = Progress::new("judging", 2 * faces.count());
    let measured = faces.judge(float, int8, || bar.step())?;
    bar.finish();
    Ok(measured)
}

/// The model file with what the verdict says of it.
pub(super) fn calibrated(
    model: &mut ModelBuilder,
    verdict: &Verdict,
) -> Result<ModelFile, Failure> {
    model.thresholds = verdict.table.rows();
    model.metadata.verdict = verdict.line();
    Ok(ModelFile::from_bytes(model.build()?)?)
}

/// The verdict for a terminal.
pub(super) fn text(verdict: &Verdict) -> String {
    let mut rows: Vec<ComparisonRow> =
        verdict.figures().into_iter().map(|figure| figure.row).collect();
    rows.extend(verdict.listed_tar());
    let mut lines =
        vec![about(verdict), comparison_text(&rows).trim_end().to_owned(), cosines(verdict)];
    if [&verdict.float, &verdict.int8].iter().any(|network| network.all.rates.collapsed) {
        lines.push(format!("ALARM: {}", super::eval::COLLAPSED));
    }
    lines.extend(table_text(&verdict.table));
    lines.join("\n")
}

/// A table of thresholds for a terminal, line by line.
pub(super) fn table_text(table: &ThresholdTable) -> impl Iterator<Item = String> {
    let kept = table.thresholds.iter().map(|at| {
        format!(
            "threshold {:.4} keeps a false match rate of {} ({} strangers match {}, upper bound {:.2e} with 95 %), TAR {:.2} %, of \
             means of {MERGED} {:.2} %",
            at.cosine,
            at.rate,
            at.accepted_impostors,
            match at.templates {
                1 => "a photograph".to_owned(),
                templates => format!("means of {templates}"),
            },
            at.bound,
            100.0 * at.tar,
            100.0 * at.tar_of_means
        )
    });
    let out = table.left_out.iter();
    kept.chain(out.map(|out| format!("no threshold for {}: {}", out.rate, out.reason)))
}

/// What was compared.
fn about(verdict: &Verdict) -> String {
    let searches = verdict.int8.open_set.as_ref().map_or(String::new(), |found| {
        format!(
            "; searches: {} enrolled, {} of them, {} of strangers",
            found.enrolled, found.probes, found.strangers
        )
    });
    let listed = verdict.int8.listed.as_ref();
    let listed = listed.map_or(String::new(), |listed| format!("; {} listed pairs", listed.pairs));
    format!(
        "{} images of {} people ({}): {} genuine and {} impostor pairs{searches}{listed}",
        verdict.images,
        verdict.people,
        verdict.data,
        verdict.int8.all.genuine,
        verdict.int8.all.impostor
    )
}

fn cosines(verdict: &Verdict) -> String {
    let of = &verdict.cosine;
    format!(
        "cosine of the float embedding and the int8 template of an image: mean {:.4}, 1st percentile {:.4}, least {:.4}",
        of.mean, of.p1, of.least
    )
}
