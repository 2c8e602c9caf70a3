//! `quantize --verdict`: what int8 costs on faces that nothing was made with, and thresholds that a door can rely on.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use edge_infer::door::confidence::most_events;
use edge_infer::matching::{MERGED, TemplateRef, cosine, merge};
use model_format::ModelId;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use tests::{SMALL, faces, faces_of, run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");

/// People with five images, then strangers with one.
const PEOPLE: usize = 18;
const STRANGERS: usize = 12;

/// 102 images make 5,151 pairs, 10 of each of the 18 people.
const IMPOSTORS: usize = 5_151 - 180;
/// A group of 18 people's five images, by twos, threes and fours, and 97 images of others.
const WITH_MEANS: [usize; 3] = [2 * 18 * 97, 18 * 97, 18 * 97];

struct Made {
    folder: tempfile::TempDir,
    run: PathBuf,
    calibration: PathBuf,
    strangers: PathBuf,
    pairs: PathBuf,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (calibration, run_folder) = (faces(folder.path(), 6, 4), folder.path().join("run"));
        let words = format!(
            "train --data {{}} --out {{}} {} --steps 40 --learning-rate 2",
            SMALL.join(" ")
        );
        stdout(&run(PROGRAM, &words, &[&calibration, &run_folder]));
        let people = 6..6 + (PEOPLE + STRANGERS) as u64;
        let strangers = faces_of(folder.path().join("strangers"), people, 5);
        for person in PEOPLE..PEOPLE + STRANGERS {
            for shot in 1..5 {
                std::fs::remove_file(strangers.join(format!("p{person:02}/s{shot}.png"))).unwrap();
            }
        }
        let pairs = folder.path().join("pairs.csv");
        let mut text = "fold,a,b,same\n".to_owned();
        for person in 0..PEOPLE {
            let other = (person + 1) % PEOPLE;
            text += &format!("{},p{person:02}/s0.png,p{person:02}/s1.png,1\n", person % 3);
            text += &format!("{},p{person:02}/s0.png,p{other:02}/s1.png,0\n", person % 3);
        }
        std::fs::write(&pairs, text).unwrap();
        Self { run: run_folder, calibration, strangers, pairs, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Quantizes to `out` with more options, `{}` in them being `paths`.
    fn quantize(&self, out: &Path, options: &str, paths: &[&Path]) -> Output {
        let words = format!("quantize --model {{}} --calibration {{}} --out {{}} {options}");
        run(PROGRAM, &words, &[&[&*self.run, &*self.calibration, out], paths].concat())
    }
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The file's templates of all these faces, and whose each is.
fn templates(afm: &Path, top: &Path) -> Vec<(PathBuf, Vec<i8>)> {
    let mut images = Vec::new();
    for person in std::fs::read_dir(top).unwrap() {
        let entries = std::fs::read_dir(person.unwrap().path()).unwrap();
        images.extend(entries.map(|entry| entry.unwrap().path()));
    }
    images.sort();
    let words = format!("embed --model {{}} --json {}", "{} ".repeat(images.len()));
    let paths: Vec<&Path> = [afm].into_iter().chain(images.iter().map(|path| &**path)).collect();
    let embedded = json(stdout(&run(PROGRAM, &words, &paths)).as_bytes());
    let template = |of: &Value| {
        let values = of["template"].as_array().unwrap().iter();
        values.map(|v| i8::try_from(v.as_i64().unwrap()).unwrap()).collect()
    };
    let templates = embedded.as_array().unwrap().iter().map(template);
    images.iter().map(|path| path.parent().unwrap().to_owned()).zip(templates).collect()
}

/// The cosine as a door computes it, the higher way round.
fn score(a: &[i8], b: &[i8]) -> f32 {
    let view = |values| TemplateRef::from_values(values, ModelId([0; 16])).unwrap();
    let both = [(a, b), (b, a)].map(|(a, b)| cosine(view(a), view(b)).unwrap());
    both[0].max(both[1])
}

/// Scores of all pairs of two people.
fn impostor_scores(templates: &[(PathBuf, Vec<i8>)]) -> Vec<f32> {
    let mut scores = Vec::new();
    for (i, (person, a)) in templates.iter().enumerate() {
        let others = templates[..i].iter().filter(|(other, _)| person != other);
        scores.extend(others.map(|(_, b)| score(a, b)));
    }
    scores
}

/// Scores of templates with the means of each `size` of somebody else.
fn mean_scores(templates: &[(PathBuf, Vec<i8>)], size: usize) -> Vec<f32> {
    let mut scores = Vec::new();
    for own in templates.chunk_by(|(a, _), (b, _)| a == b) {
        for group in own.chunks_exact(size) {
            let mut rows: Vec<i8> = group.iter().flat_map(|(_, values)| values).copied().collect();
            let len = rows.len() / size;
            let norm = |row: &[i8]| {
                TemplateRef::from_values(row, ModelId([0; 16])).unwrap().inverse_norm().get()
            };
            let mut norms: Vec<f32> = rows.chunks_exact(len).map(norm).collect();
            assert_eq!(merge(len, &mut rows, &mut norms, &mut vec![0; size]), Ok(1));
            let others = templates.iter().filter(|(person, _)| *person != own[0].0);
            scores.extend(others.map(|(_, template)| score(template, &rows[..len])));
        }
    }
    scores
}

#[test]
fn a_verdict_is_measured_kept_in_the_file_and_shown() {
    let made = Made::new();
    let (afm, page) = (made.path("model.afm"), made.path("verdict.html"));
    let options = "--verdict {} --verdict-pairs {} --report {} --json \
                   --gate cosine=0.9,tar=100,fnir@1e-1=100,rank1=100,accuracy=100,same-first=100";
    let report = made.quantize(&afm, options, &[&made.strangers, &made.pairs, &page]);
    let report = json(stdout(&report).as_bytes());
    let verdict = &report["verdict"];
    assert_eq!((number(&verdict["images"]), number(&verdict["people"])), (102.0, 30.0));
    assert_eq!(number(&verdict["int8"]["impostor"]), IMPOSTORS as f64);
    let terms: Vec<&str> = report["gate"]
        .as_array()
        .unwrap()
        .iter()
        .map(|held| held["term"].as_str().unwrap())
        .collect();
    assert_eq!(
        terms,
        ["cosine", "tar@1e-2", "tar@1e-3", "fnir@1e-1", "rank1", "accuracy", "same-first"]
    );
    assert!(report["gate"].as_array().unwrap().iter().all(|held| held["kept"] == true));

    // The figures of both networks are those of `eval`.
    for (network, model) in [("float", &made.run), ("int8", &afm)] {
        let eval = |words: &str, more: &[&Path]| {
            let words = format!("eval --model {{}} --data {{}} --json {words}");
            json(
                stdout(&run(PROGRAM, &words, &[&[&**model, &*made.strangers], more].concat()))
                    .as_bytes(),
            )
        };
        let (all, listed) = (eval("--all-pairs", &[]), eval("--pairs {}", &[&made.pairs]));
        for key in ["rank1", "tar", "thresholds", "eer", "impostor", "genuine"] {
            assert_eq!(verdict[network][key], all[key], "{network} {key}");
        }
        for key in ["accuracy", "pairs", "tar"] {
            assert_eq!(verdict[network]["listed"][key], listed[key], "{network} {key}");
        }
        let searches = &verdict[network]["open_set"];
        let counts = ["enrolled", "probes", "strangers"].map(|key| number(&searches[key]) as usize);
        assert_eq!(counts, [PEOPLE, 4 * PEOPLE, STRANGERS]);
        assert!((0.0..=1.0).contains(&number(&searches["fnir"]["1e-1"])));
    }
    let spread = ["least", "p1", "mean"].map(|key| number(&verdict["cosine"][key]));
    assert!(spread.is_sorted() && spread[0] > 0.5 && spread[2] > 0.97, "{spread:?}");
    assert!((0.5..=1.0).contains(&number(&verdict["same_first"])));

    // The file says the same, in figures and in words.
    let inspected = json(stdout(&run(PROGRAM, "inspect {} --json", &[&afm])).as_bytes());
    let thresholds: Vec<(f64, f32)> = inspected["metadata"]["thresholds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| (number(&at["fmr"]), number(&at["cosine"]) as f32))
        .collect();
    let rates: Vec<f32> = thresholds.iter().map(|at| at.0 as f32).collect();
    assert_eq!(
        rates,
        [1e-2, 5e-3, 2e-3],
        "1,746 comparisons with means of four bound no other rate"
    );
    let left_out: Vec<&str> = verdict["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|out| out["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        left_out[0],
        "of means of 3 templates, it needs at least 2995 comparisons of strangers, there are 1746"
    );
    assert_eq!(left_out.len(), 13);
    let words = inspected["metadata"]["verdict"].as_str().unwrap();
    assert!(
        words.contains("102 images of 30 people (strangers)") && words.contains("TAR@FAR 1e-3")
    );
    let text = stdout(&run(PROGRAM, "inspect {}", &[&afm]));
    assert!(
        text.contains(words) && text.contains(&format!("threshold    {} cosine", thresholds[0].1))
    );

    // Counted anew from the templates: of no kind do more match than its number bounds, and a ten-thousandth lower of one kind too
    // many would.
    let templates = templates(&afm, &made.strangers);
    let mut kinds = vec![impostor_scores(&templates)];
    kinds.extend((2..=MERGED).map(|size| mean_scores(&templates, size)));
    let counts: Vec<usize> = kinds.iter().map(Vec::len).collect();
    assert_eq!((counts[0], &counts[1..]), (IMPOSTORS, &WITH_MEANS[..]));
    for &(rate, at) in &thresholds {
        let kept = |least: f32| {
            kinds.iter().all(|scores| {
                let matching = scores.iter().filter(|&&score| score >= least).count();
                matching <= most_events(rate, scores.len()).unwrap()
            })
        };
        assert!(kept(at) && !kept(at - 1.01e-4), "{rate}: {at}");
    }
    assert!(thresholds.is_sorted_by(|a, b| a.1 < b.1), "{thresholds:?}");
    let eval = number(&verdict["int8"]["thresholds"]["1e-2"]) as f32;
    assert!(thresholds[0].1 > eval, "a bound is stricter than a count: {thresholds:?}, {eval}");

    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<figure class=\"chart\">").count(), 2);
    for words in [
        "The gate is met",
        "FNIR@FPIR 1e-1",
        "same first found",
        left_out[0],
        report["model_id"].as_str().unwrap(),
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains(&format!("<td>{:.4}</td>", thresholds[1].1)));

    // Without a verdict the file is the same network and claims nothing.
    let plain = made.path("plain.afm");
    let report_of_plain = json(stdout(&made.quantize(&plain, "--gate 0.9 --json", &[])).as_bytes());
    assert_eq!(report_of_plain["model_id"], report["model_id"]);
    assert!(report_of_plain["verdict"].is_null());
    let inspected = json(stdout(&run(PROGRAM, "inspect {} --json", &[&plain])).as_bytes());
    assert_eq!(inspected["metadata"]["thresholds"], Value::Array(vec![]));
    assert_eq!(inspected["metadata"]["verdict"], "");
    calibrated_later(&made, &plain, &verdict["thresholds"]);
    refusals(&made);
}

/// A file that nobody measured gets the thresholds of the verdict by `calibrate`, and stays the same network.
fn calibrated_later(made: &Made, plain: &Path, thresholds: &Value) {
    let out = made.path("calibrated.afm");
    let words = "calibrate --model {} --data {} --out {} --json";
    let report = json(stdout(&run(PROGRAM, words, &[plain, &made.strangers, &out])).as_bytes());
    assert_eq!(report["thresholds"], *thresholds);
    assert_eq!((number(&report["images"]), number(&report["people"])), (102.0, 30.0));
    assert_eq!(number(&report["impostor"]), IMPOSTORS as f64);
    let inspect =
        |file: &Path| json(stdout(&run(PROGRAM, "inspect {} --json", &[file])).as_bytes());
    let (before, after) = (inspect(plain), inspect(&out));
    for key in ["tensors", "ops", "plan"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["header"]["model_id"], before["header"]["model_id"]);
    assert_eq!(after["header"]["weights_bytes"], before["header"]["weights_bytes"]);
    let fmr = |row: &Value| number(&row["fmr"]);
    let rates = |rows: &Value| rows.as_array().unwrap().iter().map(fmr).collect::<Vec<_>>();
    assert_eq!(rates(&after["metadata"]["thresholds"]), rates(thresholds));
    let command = after["metadata"]["command"].as_str().unwrap();
    let first = before["metadata"]["command"].as_str().unwrap();
    assert!(command.starts_with(&format!("{first}; host-train calibrate --model ")), "{command}");

    // Two images of each of four people bound nothing.
    let few = faces_of(made.path("few"), 100..104, 2);
    let out = made.path("none.afm");
    let output = run(PROGRAM, "calibrate --model {} --data {} --out {}", &[plain, &few, &out]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the faces bound no false match rate: "), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("no threshold for 1e-2: nobody has more than 2 photographs: "), "{text}");
    assert!(!out.exists());
}

/// What is not met ends with 1, what can't be judged with 2, and neither writes the model.
fn refusals(made: &Made) {
    let (afm, page) = (made.path("refused.afm"), made.path("refused.html"));
    let output = made.quantize(
        &afm,
        "--verdict {} --report {} --gate cosine=1,tar=100",
        &[&made.strangers, &page],
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("below the gate of 1") && stderr.contains("refused.afm was not written")
    );
    assert!(!stderr.contains("TAR"), "a limit that is kept is no failure: {stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("TAR@FAR 1e-3") && text.contains("no threshold for 5e-4"), "{text}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("The gate is not met, by 1 of 3 limits"));

    let refused = |options: &str, paths: &[&Path], words: &str| {
        let output = made.quantize(&afm, options, paths);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{options}: {stderr}");
        let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(words), "no {words:?} in {stderr}");
        assert!(output.stdout.is_empty());
    };
    let strangers: &Path = &made.strangers;
    refused("--gate 0.9,tar=0.3", &[], "--gate tar is measured on labelled faces");
    refused("--verdict {} --gate accuracy=1", &[strangers], "--verdict-pairs");
    refused(
        "--verdict {} --gate tar@1e-4=1",
        &[strangers],
        "too few for it; they give tar@1e-2, tar@1e-3",
    );
    refused("--verdict {}", &[&made.calibration], "--calibration and to --verdict");
    refused("--verdict {}", &[&made.path("nowhere")], "nowhere");
    let alone = faces_of(made.path("alone"), 50..53, 1);
    refused("--verdict {}", &[&alone], "none of the 3 people has a second image");
    let one_fold = made.path("one.csv");
    std::fs::write(
        &one_fold,
        "fold,a,b,same\n0,p00/s0.png,p00/s1.png,1\n0,p00/s0.png,p01/s0.png,0\n",
    )
    .unwrap();
    refused("--verdict {} --verdict-pairs {}", &[strangers, &one_fold], "fold");
    let odd = faces_of(made.path("odd"), 50..52, 2);
    image::RgbImage::new(48, 40).save(odd.join("p00/s0.png")).unwrap();
    refused("--verdict {}", &[&odd], "48x40");
    assert!(!afm.exists());
}
