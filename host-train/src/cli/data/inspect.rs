//! `data inspect`.

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::data::inspect::{Inspection, PerIdentity, inspect};
use crate::data::{Rows, Source};
use std::path::PathBuf;

/// Lists shown of each finding; --json has all.
const SHOWN: usize = 10;

/// Reads and decodes every image, and says what the data set is.
///
/// With --json: sources, images, identities, bytes, per_identity (min, median, max, histogram), sizes, grey, undecodable,
/// duplicates, duplicates_across_identities. Exit code 1 when an image can't be decoded.
#[derive(clap::Args)]
pub(crate) struct InspectArgs {
    /// Data sets, taken together.
    #[arg(required = true, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let source = Source::open(&args.data)?;
    let bar = Progress::new("decoding", source.images().len());
    let found = inspect(&source, || bar.step())?;
    bar.finish();
    if args.json {
        output::json(&found)?;
    } else {
        output::line(&text(&found))?;
    }
    match found.undecodable.len() {
        0 => Ok(()),
        broken => {
            Err(Failure::Check(format!("{broken} of {} images can't be decoded", found.images)))
        }
    }
}

fn text(found: &Inspection) -> String {
    let mut lines = Vec::new();
    for opened in &found.sources {
        lines.push(format!("{}: {}", opened.path.display(), opened.kind));
        if let Some(rows) = opened.rows {
            lines.push(format!("  {}", explain(rows)));
        }
        if let Some(property) = opened.property {
            let (classes, height, width) = (property.classes, property.height, property.width);
            let differs = if classes == found.identities { "" } else { ": not what is in it" };
            lines.push(format!("  .property: {classes} persons, {width}x{height}{differs}"));
        }
    }
    let each = &found.per_identity;
    let (bytes, images) = (found.bytes, found.images.max(1));
    let (persons, same) = (found.identities, found.duplicates_across_identities);
    // Each image of a verification set stands for a person of its own.
    let known = found.sources.iter().any(|opened| opened.kind != "verification set");
    lines.push(match known {
        true => format!("images      {} of {persons} persons", found.images),
        false => format!("images      {} of persons unknown, in pairs", found.images),
    });
    if known {
        lines.extend(per_person(each));
    }
    let sizes = found.sizes.iter().map(|(size, count)| format!("{size} ({count})"));
    let mut sizes: Vec<String> = sizes.take(SHOWN + 1).collect();
    if sizes.len() > SHOWN {
        sizes[SHOWN] = format!("and {} more", found.sizes.len() - SHOWN);
    }
    lines.push(format!("pixels      {}", sizes.join(", ")));
    lines.push(format!("files       {bytes} bytes, {} an image", bytes / images as u64));
    lines.push(format!("grey        {}", found.grey));
    lines.push(format!("broken      {}", found.undecodable.len()));
    lines.extend(found.undecodable.iter().take(SHOWN).map(|broken| format!("  {}", broken.reason)));
    let several =
        if known { format!(", {same} of them under several persons") } else { String::new() };
    lines.push(format!(
        "duplicates  {} files are there more than once{several}",
        found.duplicates.len()
    ));
    lines.extend(found.duplicates.iter().take(SHOWN).map(|same| format!("  {}", same.join(" = "))));
    lines.join("\n")
}

/// How many images the persons have.
fn per_person(each: &PerIdentity) -> Vec<String> {
    let PerIdentity { min, median, max, histogram } = each;
    let first = format!("a person    {min} to {max} images, half have {median} or fewer");
    let classes = histogram.iter().map(|(&from, persons)| {
        let to = if from > 2 { 2 * (from - 1) } else { from };
        let class = if from == to { from.to_string() } else { format!("{from}-{to}") };
        format!("  {class:>9} images: {persons} persons")
    });
    core::iter::once(first).chain(classes).collect()
}

/// Why an index has more rows than images.
fn explain(rows: Rows) -> String {
    let Rows { rows, images, identities, header } = rows;
    let header = if header { " + 1 header" } else { "" };
    format!("{rows} rows = {images} images + {identities} identity rows{header}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of a public bug report (InsightFace 1751).
    #[test]
    fn rows_are_explained() {
        let rows = Rows { rows: 29_981, images: 20_000, identities: 9_980, header: true };
        assert_eq!(explain(rows), "29981 rows = 20000 images + 9980 identity rows + 1 header");
    }
}
