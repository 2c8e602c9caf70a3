//! The path from photographs to an int8 decision through the command line, and that it repeats itself.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use edge_infer::engine::Engine;
use edge_infer::image::align::ARCFACE_TEMPLATE_112;
use edge_infer::kernels::Tier;
use edge_infer::matching::{Template, TemplateRef, cosine};
use host_train::model::template;
use model_format::ModelFile;
use model_format::writer::reseal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tests::{SMALL, faces, run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");

struct Trained {
    folder: tempfile::TempDir,
    faces: PathBuf,
    run: PathBuf,
}

fn train(extra: &str) -> Trained {
    let folder = tempfile::tempdir().unwrap();
    let (faces, run_folder) = (faces(folder.path(), 6, 4), folder.path().join("run"));
    let words = format!("train --data {{}} --out {{}} {} {extra}", SMALL.join(" "));
    stdout(&run(PROGRAM, &words, &[&faces, &run_folder]));
    Trained { folder, faces, run: run_folder }
}

fn losses(run: &Path) -> Vec<(u64, f64)> {
    let log = std::fs::read_to_string(run.join("log.jsonl")).unwrap();
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        (value["step"].as_u64().unwrap(), value["loss"].as_f64().unwrap())
    };
    log.lines().map(line).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn equal_seeds_give_equal_runs_and_other_seeds_do_not() {
    let (a, b, c) = (train("--steps 6"), train("--steps 6"), train("--steps 6 --seed 2"));
    assert_eq!(losses(&a.run).len(), 6);
    assert_eq!(losses(&a.run), losses(&b.run));
    assert_ne!(losses(&a.run), losses(&c.run));
    let weights = |t: &Trained| std::fs::read(t.run.join("checkpoint.safetensors")).unwrap();
    assert!(weights(&a) == weights(&b), "equal runs, different weights");
}

/// Every option of a residual network at once, from the command line into the int8 file.
#[test]
fn a_residual_network_trains_and_runs_in_int8() {
    let t = train(
        "--steps 4 --network ir18 --output-setting A --stem plain --squeeze-excite --learning-rate 2",
    );
    let file = t.folder.path().join("model.afm");
    let words = "quantize --model {} --calibration {} --images 8 --out {}";
    stdout(&run(PROGRAM, words, &[&t.run, &t.faces, &file]));
    let report = json(&stdout(&run(PROGRAM, "bench --model {} --runs 1 --json", &[&file])));
    let kinds: Vec<&str> =
        report["ops"].as_array().unwrap().iter().filter_map(|op| op["op"].as_str()).collect();
    let count = |kind: &str| kinds.iter().filter(|k| **k == kind).count();
    // A maximum behind the stem; a gate in each of 8 units, whose mean and the embedding's are averages.
    assert_eq!((count("max_pool"), count("scale_channels")), (1, 8), "{kinds:?}");
    assert_eq!(count("global_average_pool"), 9);
    assert_eq!(kinds.last(), Some(&"global_average_pool"));
}

/// Gates, pools and a dense layer over pixels, from a run to an ONNX file and back.
#[test]
fn an_exported_network_is_the_same() {
    let t = train(
        "--steps 4 --network ir18 --output-setting E --stem plain --squeeze-excite --learning-rate 2",
    );
    let (onnx, image) = (t.folder.path().join("net.onnx"), t.faces.join("p01/s0.png"));
    stdout(&run(PROGRAM, "export --model {} --onnx {}", &[&t.run, &onnx]));
    let embedding = |words: &str, model: &Path| {
        let words = format!("embed --model {{}} {{}} --json {words}");
        numbers(&json(&stdout(&run(PROGRAM, &words, &[model, &image])))[0]["embedding"])
    };
    let expected = embedding("", &t.run);
    let got = embedding("--input rgb --mean 0 --std 1", &onnx);
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{got} {expected}");
    }
    let afm = t.folder.path().join("model.afm");
    let words = "quantize --model {} --calibration {} --images 8 --out {}";
    stdout(&run(PROGRAM, words, &[&t.run, &t.faces, &afm]));
    let refused = run(PROGRAM, "export --model {} --onnx {}", &[&afm, &onnx]);
    assert_eq!(refused.status.code(), Some(2));
}

/// A network from its ONNX file, learned on; the run's folder is whole without that file, and elsewhere.
#[test]
fn an_imported_network_learns_on() {
    let t = train("--steps 4 --learning-rate 2");
    let path = |name: &str| t.folder.path().join(name);
    let (onnx, begun, moved) = (path("net.onnx"), path("begun"), path("moved"));
    stdout(&run(PROGRAM, "export --model {} --onnx {}", &[&t.run, &onnx]));
    let begin = "train --data {} --network {} --out {} --steps 4 --batch 8";
    let pixels = "--network-input rgb,0,1";
    let taught = "--teacher {} --teacher-input rgb,0,1 --teacher-weights 10,20,0.1";
    let words = format!("{begin} {pixels} {taught}");
    stdout(&run(PROGRAM, &words, &[&t.faces, &onnx, &path("taught"), &onnx]));
    let log = std::fs::read_to_string(path("taught").join("log.jsonl")).unwrap();
    let first = json(log.lines().next().unwrap());
    // It is its own teacher, and has not moved yet.
    assert!(first["teacher_angle"].as_f64().unwrap() < 0.2, "{first}");

    // Refused with its reason, before there is a folder.
    for (words, reason) in [
        ("", "--network-input"),
        ("--network-input rgb,0,1 --output-setting A", "--output-setting"),
        ("--network-input rgb,0,1 --stem plain", "--stem"),
        ("--network-input rgb,0,1 --squeeze-excite", "--squeeze-excite"),
        ("--network-input rgb,0,1 --input 32", "--input"),
        ("--network-input rgb,0,1 --base-channels 16", "--base-channels"),
        ("--network-input rgb,0,1 --init run", "--init"),
        ("--network-input rgb,0,1 --batch-norm synced", "--batch-norm"),
        ("--network-input rgb,0,1 --batch-norm batch", "--batch-norm"),
    ] {
        let refused = run(PROGRAM, &format!("{begin} {words}"), &[&t.faces, &onnx, &begun]);
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && text.contains(reason), "{words}: {text}");
        assert!(!begun.exists(), "{words}");
    }
    let words = "train --data {} --network ir18 --network-input rgb,0,1 --out {}";
    assert_eq!(run(PROGRAM, words, &[&t.faces, &begun]).status.code(), Some(2));

    stdout(&run(PROGRAM, &format!("{begin} {pixels}"), &[&t.faces, &onnx, &begun]));
    std::fs::remove_file(&onnx).unwrap();
    std::fs::rename(&begun, &moved).unwrap();
    stdout(&run(PROGRAM, "train --resume --out {} --steps 6", &[&moved]));
    assert_eq!(losses(&moved).len(), 6);
    let words = "eval --model {} --data {} --all-pairs --json";
    let eval = json(&stdout(&run(PROGRAM, words, &[&moved, &t.faces])));
    assert_eq!(eval["genuine"], 36);
    let afm = path("model.afm");
    let words = "quantize --model {} --calibration {} --images 8 --out {} --json";
    let made = json(&stdout(&run(PROGRAM, words, &[&moved, &t.faces, &afm])));
    assert!(made["mean_cosine"].as_f64().unwrap() > 0.9, "{made}");
    stdout(&run(PROGRAM, "export --model {} --onnx {}", &[&moved, &onnx]));
    let image = t.faces.join("p01/s0.png");
    let embedding = |words: &str, model: &Path| {
        let words = format!("embed --model {{}} {{}} --json {words}");
        numbers(&json(&stdout(&run(PROGRAM, &words, &[model, &image])))[0]["embedding"])
    };
    assert_eq!(embedding("--input rgb --mean 0 --std 1", &onnx), embedding("", &moved));
}

/// A run that stops on a damaged image, is mended and resumed, ends where the unbroken one does.
#[test]
fn resumed_run_equals_the_unbroken_one() {
    let whole = train("--steps 9 --checkpoint-every 1");
    let folder = tempfile::tempdir().unwrap();
    let (faces, run_folder) = (faces(folder.path(), 6, 4), folder.path().join("run"));
    // Whichever step reads it first ends the run there.
    let victim = faces.join("p04/s1.png");
    let sound = std::fs::read(&victim).unwrap();
    std::fs::write(&victim, &sound[..sound.len() / 2]).unwrap();
    let words =
        format!("train --data {{}} --out {{}} {} --steps 9 --checkpoint-every 1", SMALL.join(" "));
    let stopped = run(PROGRAM, &words, &[&faces, &run_folder]);
    assert_eq!(stopped.status.code(), Some(2));
    let before = losses(&run_folder).len();
    assert!((1..9).contains(&before), "stopped after {before} steps: choose another victim");
    std::fs::write(&victim, &sound).unwrap();
    stdout(&run(PROGRAM, "train --resume --out {}", &[&run_folder]));
    assert_eq!(losses(&run_folder), losses(&whole.run));
    let weights = |run: &Path| std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    assert!(weights(&run_folder) == weights(&whole.run), "same losses, different weights");
}

#[test]
fn float_and_int8_agree_from_the_photograph_to_the_decision() {
    let t = train("--steps 40 --learning-rate 2");
    let afm = t.folder.path().join("model.afm");
    let made = stdout(&run(
        PROGRAM,
        "quantize --model {} --calibration {} --gate 0.97 --json --out {}",
        &[&t.run, &t.faces, &afm],
    ));
    let made = json(&made);
    assert!(made["mean_cosine"].as_f64().unwrap() > 0.98, "{made}");

    // Layer by layer: what each costs, and that none is broken. Of weights chosen by so few images, rounding is not all that is seen.
    let rounded = t.folder.path().join("rounded.afm");
    let words =
        "quantize --model {} --calibration {} --no-reconstruct --sensitivity --json --out {}";
    let harms = json(&stdout(&run(PROGRAM, words, &[&t.run, &t.faces, &rounded])));
    let cosines: Vec<f64> = harms["sensitivity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["cosine"].as_f64().unwrap())
        .collect();
    assert!(cosines.len() == 50 && cosines.iter().all(|c| *c > 0.98), "{cosines:?}");
    let diff = |a: &Path, b: &Path| {
        json(&stdout(&run(PROGRAM, "diff {} {} --images {} --json", &[a, b, &t.faces])))
    };
    let float_int8 = diff(&t.run, &rounded);
    assert_eq!(
        (&float_int8["rule"], &float_int8["first_fault"]),
        (&json("\"rounding\""), &Value::Null)
    );
    assert_eq!(float_int8["layers"].as_array().unwrap().len(), 50);
    assert_eq!(diff(&afm, &afm)["rule"], "bits");
    assert_eq!(diff(&t.run, &t.run)["largest"], Value::Null);
    let words = "diff {} {} --images {} --gate 1";
    let refused = run(PROGRAM, words, &[&t.run, &rounded, &t.faces]);
    assert_eq!(refused.status.code(), Some(1));
    let table = String::from_utf8(refused.stdout).unwrap();
    assert!(table.contains("first fault: none in 50 layers"), "{table}");

    // The command line and the engine give the same embedding, and its template is what a door would store.
    let image = t.faces.join("p01/s0.png");
    let embed =
        |model: &Path| json(&stdout(&run(PROGRAM, "embed --model {} {} --json", &[model, &image])));
    let (float, int8) = (embed(&t.run), embed(&afm));
    let (a, b) = (numbers(&float[0]["embedding"]), numbers(&int8[0]["embedding"]));
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let likeness = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
    assert!(likeness > 0.98, "cosine of float and int8: {likeness}");

    let file = ModelFile::from_bytes(std::fs::read(&afm).unwrap()).unwrap();
    let engine = Engine::new(file.view());
    let mut arena = vec![0; engine.arena_bytes()];
    let pixels = image::open(&image).unwrap().to_rgb8().into_raw();
    let mut embedding = [0.0; 128];
    engine.run(&pixels, &mut arena).unwrap().embedding(&mut embedding).unwrap();
    assert_eq!(embedding.to_vec(), b, "the board's embedding is not the host's");
    let stored: Vec<i8> = numbers(&int8[0]["template"]).iter().map(|&v| v as i8).collect();
    let own = Template::from_embedding(&embedding, file.view().id()).unwrap();
    assert_eq!(own.values().to_vec(), stored);
    assert_eq!(template(&embedding).unwrap(), stored);
    let view = TemplateRef::from_values(&stored, file.view().id()).unwrap();
    let own = cosine(own.as_ref(), view).unwrap();
    assert!((own - 1.0).abs() < 1e-6, "a template's cosine to itself is {own}");

    // Both are measured by the same command.
    let pairs = t.folder.path().join("pairs.csv");
    let mut text = "fold,a,b,same\n".to_owned();
    for person in 0..6 {
        let fold = person / 2;
        let other = 2 * fold + (person + 1) % 2;
        for (a, b) in [(0, 1), (2, 3), (0, 3)] {
            text += &format!("{fold},p{person:02}/s{a}.png,p{person:02}/s{b}.png,1\n");
            text += &format!("{fold},p{person:02}/s{a}.png,p{other:02}/s{b}.png,0\n");
        }
    }
    std::fs::write(&pairs, text).unwrap();
    for model in [&t.run, &afm] {
        let eval = json(&stdout(&run(
            PROGRAM,
            "eval --model {} --data {} --pairs {} --json",
            &[model, &t.faces, &pairs],
        )));
        for key in [
            "pairs",
            "accuracy",
            "accuracy_std",
            "threshold",
            "tar",
            "eer",
            "auc",
            "ms_per_image",
            "model_id",
        ] {
            assert!(!eval[key].is_null(), "eval has no {key}: {eval}");
        }
        assert_eq!(eval["pairs"], 36);
        let all = json(&stdout(&run(
            PROGRAM,
            "eval --model {} --data {} --all-pairs --json",
            &[model, &t.faces],
        )));
        // 6 people of 4: 6 * 6 pairs of one person, 276 in all.
        assert_eq!((all["genuine"].as_u64(), all["impostor"].as_u64()), (Some(36), Some(240)));
        assert!(all["rank1"].is_number() && all["tar"]["1e-2"].is_number(), "{all}");
        assert!(all["tar"]["1e-3"].is_null(), "240 impostor pairs do not resolve 1e-3");
    }
    let both = stdout(&run(
        PROGRAM,
        "eval --model {} --beside {} --data {} --pairs {} --json",
        &[&t.run, &afm, &t.faces, &pairs],
    ));
    assert_eq!(json(&both)[1]["model_id"], made["model_id"]);
    let table = stdout(&run(
        PROGRAM,
        "eval --model {} --beside {} --data {} --all-pairs",
        &[&t.run, &afm, &t.faces],
    ));
    assert!(
        table.contains("float") && table.contains("int8") && table.contains("rank-1"),
        "{table}"
    );
    let inspected = json(&stdout(&run(PROGRAM, "inspect {} --json", &[&afm])));
    for key in ["header", "metadata", "tensors", "ops", "plan"] {
        assert!(!inspected[key].is_null(), "inspect has no {key}");
    }
    assert_eq!(inspected["header"]["model_id"], made["model_id"]);
    // The template is in pixels of the model's own input, not of a 112x112 face.
    let (metadata, side) =
        (&inspected["metadata"], inspected["metadata"]["width"].as_f64().unwrap());
    let nose = numbers(&metadata["landmarks"][2]);
    let expected = ARCFACE_TEMPLATE_112[2].map(|v| v * (side as f32 / 112.0));
    assert!(side < 112.0 && nose == expected, "{nose:?}");
    assert_eq!(inspected["ops"].as_array().unwrap().len(), 50);
    let bench =
        json(&stdout(&run(PROGRAM, "bench --model {} --runs 3 --tier scalar --json", &[&afm])));
    assert_eq!(bench["macs"], inspected["plan"]["macs"]);
    assert_eq!(bench["ops"].as_array().unwrap().len(), 50);
    assert!(bench["median_ms"].as_f64().unwrap() > 0.0 && bench["tier"] == "scalar");
    let number = |report: &Value, key: &str| report[key].as_f64().unwrap();
    let speed = number(&bench, "macs") / number(&bench, "median_ms") / 1e6;
    let share = speed / number(&bench, "peak_gmacs");
    assert!((number(&bench, "share_of_peak") / share - 1.0).abs() < 1e-9 && share > 0.0);
    assert!(bench["ops"][0]["share_of_peak"].is_f64() && bench["compare"].is_null());
    let both = json(&stdout(&run(
        PROGRAM,
        "bench --model {} --compare {} --compare-tier scalar --runs 3 --json",
        &[&afm, &afm],
    )));
    let other = &both["compare"];
    assert!(both["tier"] == Tier::detect().name() && other["tier"] == "scalar");
    assert_eq!(other["macs"], both["macs"]);
    let ratio = number(other, "median_ms") / number(&both, "median_ms");
    assert!((number(other, "ratio") / ratio - 1.0).abs() < 1e-9);
    let range = [&other["ratio_95"][0], &other["ratio_95"][1]].map(|end| end.as_f64().unwrap());
    assert!(range[0] <= ratio && ratio <= range[1], "{ratio} in {range:?}");
    let fastest = json(&stdout(&run(PROGRAM, "bench --model {} --runs 1 --json", &[&afm])));
    assert_eq!(fastest["tier"], Tier::detect().name());
}

#[test]
fn a_gate_that_is_not_met_ends_with_1_and_writes_nothing() {
    let t = train("--steps 2");
    let afm = t.folder.path().join("model.afm");
    let output = run(
        PROGRAM,
        "quantize --model {} --calibration {} --gate 1 --out {}",
        &[&t.run, &t.faces, &afm],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(!afm.exists());
}

#[test]
fn a_run_is_quantized_by_the_plan_that_is_asked_for() {
    let t = train("--steps 2");
    let afm = t.folder.path().join("model.afm");
    let made = |plan: &str| {
        let words =
            format!("quantize --model {{}} --calibration {{}} --images 4 {plan} --json --out {{}}");
        run(PROGRAM, &words, &[&t.run, &t.faces, &afm])
    };
    let refused = made("--arena-limit 1");
    assert_eq!((refused.status.code(), afm.exists()), (Some(1), false));
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains("1 bytes: the smallest plan takes"), "{refused}");
    let [speed, memory] = ["--plan speed", "--plan memory"].map(|plan| json(&stdout(&made(plan))));
    assert_eq!(speed["model_id"], memory["model_id"]);
    assert_eq!(speed["mean_cosine"], memory["mean_cosine"]);
    let arena = |made: &serde_json::Value| made["arena_bytes"].as_u64().unwrap();
    let [small, large] = [arena(&memory), arena(&speed)];
    assert!(small * 3 < large * 2, "{small} {large}");
    assert!(refused.contains(&arena(&memory).to_string()), "{refused}");
}

/// The same model in a smaller arena, or a refusal that says how small it can be.
#[test]
fn a_model_is_planned_for_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small.afm");
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/mobilefacenet-128.afm");
    let said = stdout(&run(PROGRAM, "plan --arena-limit 163840 {} --out {}", &[&zoo, &small]));
    assert!(said.contains("was 602112"), "{said}");
    let inspect = |file: &Path| json(&stdout(&run(PROGRAM, "inspect {} --json", &[file])));
    let (before, after) = (inspect(&zoo), inspect(&small));
    assert_eq!(before["header"]["model_id"], after["header"]["model_id"]);
    let arena = |file: &serde_json::Value| file["plan"]["arena_bytes"].as_u64().unwrap();
    assert_eq!(arena(&before), 602_112);
    assert!(arena(&after) <= 163_840, "{}", arena(&after));
    assert_eq!(before["plan"]["streams"], json("[]"));
    assert_eq!(after["plan"]["streams"][0]["first_op"], 0);
    assert!(
        stdout(&run(PROGRAM, "inspect {}", &[&small])).contains("ops 0-4 together in 28 slices")
    );
    let bench = json(&stdout(&run(PROGRAM, "bench --model {} --runs 1 --json", &[&small])));
    assert_eq!(bench["arena_bytes"], after["plan"]["arena_bytes"]);
    let slices = |op: usize| bench["ops"][op]["slices"].as_u64().unwrap();
    assert!(slices(0) > 1 && slices(49) == 1);
    let none = folder.path().join("none.afm");
    let output = run(PROGRAM, "plan --arena-limit 65536 {} --out {}", &[&zoo, &none]);
    assert_eq!((output.status.code(), none.exists()), (Some(1), false));
    let refused = String::from_utf8(output.stderr).unwrap();
    assert!(refused.contains("65536 bytes: the smallest plan takes 127232"), "{refused}");
    let output = run(PROGRAM, "plan --plan memory {} --out {}", &[&zoo, &none]);
    assert_eq!((output.status.code(), arena(&inspect(&none))), (Some(0), 127_232));
}

/// Keys made, a model signed, verified, signed anew by another, altered.
#[test]
fn a_signature_tells_whose_model_it_is_and_that_it_is_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (key, public, afm) = (path("key"), path("key.pub"), path("model.afm"));
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/mobilefacenet-128.afm");
    std::fs::copy(zoo, &afm).unwrap();
    let made = stdout(&run(PROGRAM, "keygen --out {}", &[&key]));
    let word = |name: &str| {
        let line = made.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {made}")).trim().to_owned()
    };
    let (digits, fingerprint) = (word("public key"), word("fingerprint"));
    assert!(digits.len() == 64 && fingerprint.len() == 16 && digits.starts_with(&fingerprint));
    let private = std::fs::read_to_string(&key).unwrap();
    assert!(!made.contains(private.lines().nth(1).unwrap()), "the private key is printed");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // Exit code, verdict and signer.
    let verify = |key: &Path, afm: &Path| {
        let output = run(PROGRAM, "verify --key {} {} --json", &[key, afm]);
        let report = json(&String::from_utf8(output.stdout).unwrap());
        let text = |key: &str| report[key].as_str().map(str::to_owned);
        (output.status.code().unwrap(), text("verdict").unwrap(), text("signer"))
    };
    let inspect = || json(&stdout(&run(PROGRAM, "inspect {} --json", &[&afm])))["header"].clone();
    let unsigned = inspect();
    assert!(unsigned["signature"].is_null());
    assert_eq!(verify(&public, &afm), (1, "unsigned".to_owned(), None));

    let signed = path("signed.afm");
    stdout(&run(PROGRAM, "sign --key {} {} --out {}", &[&key, &afm, &signed]));
    assert_eq!(inspect(), unsigned, "--out was given, and the file itself is changed");
    stdout(&run(PROGRAM, "sign --key {} {}", &[&key, &afm]));
    assert!(std::fs::read(&afm).unwrap() == std::fs::read(&signed).unwrap());
    let good = (0, "good".to_owned(), Some(fingerprint.clone()));
    assert_eq!(verify(&public, &afm), good);
    assert!(stdout(&run(PROGRAM, "verify --key {} {}", &[&public, &afm])).contains(&fingerprint));
    let header = inspect();
    assert_eq!(header["model_id"], unsigned["model_id"]);
    assert_eq!(header["signature"]["public_key"], digits.as_str());
    assert_eq!(header["signature"]["fits"], true);
    assert!(stdout(&run(PROGRAM, "inspect {}", &[&afm])).contains(&fingerprint));

    let (other, other_public) = (path("other"), path("other.pub"));
    stdout(&run(PROGRAM, "keygen --out {}", &[&other]));
    assert_eq!(verify(&other_public, &afm), (1, "other_key".to_owned(), Some(fingerprint.clone())));
    stdout(&run(PROGRAM, "sign --key {} {}", &[&other, &afm]));
    assert_eq!(verify(&other_public, &afm).0, 0);
    stdout(&run(PROGRAM, "sign --key {} {}", &[&key, &afm]));
    assert_eq!(verify(&public, &afm), good);

    // A weight changed, without and with the checksum made right.
    let mut altered = std::fs::read(&afm).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    std::fs::write(&afm, &altered).unwrap();
    assert_eq!(verify(&public, &afm), (1, "altered".to_owned(), None));
    reseal(&mut altered);
    std::fs::write(&afm, &altered).unwrap();
    assert_eq!(verify(&public, &afm), (1, "altered".to_owned(), Some(fingerprint)));
    assert_eq!(inspect()["signature"]["fits"], false);
}

#[test]
fn every_command_has_help() {
    for command in [
        "",
        "quick-start",
        "train",
        "eval",
        "quantize",
        "embed",
        "inspect",
        "bench",
        "diff",
        "keygen",
        "sign",
        "verify",
    ] {
        let text = stdout(&run(PROGRAM, &format!("{command} --help"), &[]));
        assert!(text.contains("Usage:"), "{command}");
    }
}

#[test]
fn quick_start_leaves_model_report_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // Too few steps to learn: the path is what is looked at. Exit 1 would mean that int8 lost more than a point.
    let output = run(PROGRAM, "quick-start --steps 12 --json --out {}", &[&out]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let summary = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(summary["float"]["pairs"], 3600);
    assert_eq!(summary["int8"]["pairs"], 3600);
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("<svg") && report.contains("data:image/png;base64,"));
    assert!(
        !report.contains("http://") || report.contains("www.w3.org"),
        "the report fetches something"
    );
    ModelFile::from_bytes(std::fs::read(out.join("model.afm")).unwrap()).unwrap();
}
