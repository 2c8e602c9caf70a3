//! Experiments from end to end, small.
#![allow(clippy::unwrap_used)]

use super::*;
use std::cell::RefCell;

/// So few steps and people that a run takes a blink.
fn smallest() -> Settings {
    Settings { steps: 3, people: 6, tested: 10, distractors: 12, ..Settings::tiny() }
}

fn made(chosen: &[Experiment], settings: &Settings) -> (tempfile::TempDir, Vec<Finished>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let finished = run(chosen, settings, &out, ["command", "commit"], &|_| ()).unwrap();
    (folder, finished)
}

#[test]
fn drawings_need_no_faces() {
    let seen = RefCell::new(0);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let chosen = [Experiment::DecisionBoundaries, Experiment::TargetLogits];
    let count = |_: Event<'_>| *seen.borrow_mut() += 1;
    let finished = run(&chosen, &Settings::default(), &out, ["", ""], &count).unwrap();
    assert_eq!(*seen.borrow(), 0);
    // Six pictures with their points and a table; two and one.
    assert_eq!(finished.iter().map(|done| done.files.len()).collect::<Vec<_>>(), [13, 5]);
    let page = std::fs::read_to_string(report_path(&out)).unwrap();
    for words in
        ["Table 1 and figure 3", "Feature-normalised SphereFace, m 4", "id=\"target-logits\""]
    {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn equal_seeds_give_equal_numbers_and_runs_are_shared() {
    let chosen = [Experiment::Margins, Experiment::CmcRoc];
    let runs = RefCell::new(Vec::new());
    let watch = |event: Event<'_>| {
        if let Event::Step { run, step: 1, .. } = event {
            runs.borrow_mut().push(run.to_owned());
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run(&chosen, &smallest(), &out, ["", ""], &watch).unwrap();
    // Six margins; of the three losses in the gallery only softmax is new.
    assert_eq!(runs.borrow().len(), 7, "{:?}", runs.borrow());
    let (again, _) = made(&chosen, &smallest());
    let other = Settings { seed: 2, ..smallest() };
    let (other, _) = made(&chosen, &other);
    let read = |folder: &Path, file: &str| std::fs::read(folder.join("out").join(file)).unwrap();
    for file in ["margins/results.csv", "cmc-roc/cmc.csv", "cmc-roc/roc.svg"] {
        assert_eq!(read(folder.path(), file), read(again.path(), file), "{file}");
    }
    let file = "cmc-roc/results.csv";
    assert_ne!(read(folder.path(), file), read(other.path(), file));
}

#[test]
fn every_experiment_runs_and_names_itself() {
    let (folder, finished) = made(&Experiment::ALL, &smallest());
    assert_eq!(finished.len(), Experiment::ALL.len());
    let page = std::fs::read_to_string(report_path(&folder.path().join("out"))).unwrap();
    for (done, experiment) in finished.iter().zip(Experiment::ALL) {
        let name = experiment.name();
        assert_eq!(done.experiment, experiment);
        assert!(page.contains(&format!("<section id=\"{name}\">")), "{name}");
        assert!(done.files.iter().all(|file| file.is_file()), "{name}");
        let tables = done.files.iter().filter(|file| file.extension().is_some_and(|e| e == "csv"));
        assert!(tables.count() >= 2, "{name}");
        let value = clap::ValueEnum::to_possible_value(&experiment).unwrap();
        assert_eq!(value.get_name(), name);
    }
}

#[test]
fn rejects_occupied() {
    let (folder, _) = made(&[Experiment::TargetLogits], &smallest());
    let out = folder.path().join("out");
    let error = run(&[Experiment::TargetLogits], &smallest(), &out, ["", ""], &|_| ()).unwrap_err();
    assert!(matches!(error, ExperimentError::Occupied(path) if path == report_path(&out)));
}

/// Boundaries are done, margins can't be: their files stay, there is no report, and the error names the run.
#[test]
fn rejects_run() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { batch: 1000, ..smallest() };
    let chosen = [Experiment::DecisionBoundaries, Experiment::Margins];
    let error = run(&chosen, &settings, folder.path(), ["", ""], &|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("experiment margins, run 1, 0, 0: a batch of 1000 from 24"), "{text}");
    assert!(folder.path().join("decision-boundaries/boundaries.csv").is_file());
    assert!(!report_path(folder.path()).exists() && !folder.path().join("margins").exists());
}

#[test]
fn rejects_faces() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { side: 8, ..smallest() };
    let error =
        run(&[Experiment::Margins], &settings, folder.path(), ["", ""], &|_| ()).unwrap_err();
    assert!(matches!(error, ExperimentError::Faces(FacesError::Drawn(_))), "{error}");
}
