//! What people get wrong, one row each: exit 2, one line on stderr that names the thing, no file under the final name.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use model_format::writer::reseal;
use std::path::Path;
use std::process::Output;
use tests::{SIDE, SMALL, faces, run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");

/// Asserts a refusal whose line holds every one of `words`.
fn refused(output: &Output, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{stderr}");
    for word in words {
        assert!(errors[0].contains(word), "no {word:?} in {}", errors[0]);
    }
    let parts: Vec<&str> = errors[0].split(": ").collect();
    assert!(parts.windows(2).all(|pair| pair[0] != pair[1]), "named twice: {}", errors[0]);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(output.stdout.is_empty());
}

/// `train` on a folder, expecting a refusal that leaves no finished run.
fn train_refused(data: &Path, extra: &str, words: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let run_folder = out.path().join("run");
    let flags = format!("train --data {{}} --out {{}} --steps 4 {} {extra}", SMALL.join(" "));
    refused(&run(PROGRAM, &flags, &[data, &run_folder]), words);
    assert!(!run_folder.join("checkpoint.safetensors").exists());
}

fn with_faces(people: u64, shots: usize, change: impl Fn(&Path), words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = faces(folder.path(), people, shots);
    change(&data);
    train_refused(&data, "", words);
}

#[test]
fn images() {
    let cut = |data: &Path| {
        let path = data.join("p01/s1.png");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 2 / 3]).unwrap();
    };
    with_faces(3, 4, cut, &["p01/s1.png"]);
    let corrupt = |data: &Path| std::fs::write(data.join("p00/s0.png"), b"not a picture").unwrap();
    with_faces(3, 4, corrupt, &["p00/s0.png"]);
    let cut_jpeg = |data: &Path| {
        let image = image::open(data.join("p02/s3.png")).unwrap().to_rgb8();
        let path = data.join("p02/s3.jpg");
        image.save(&path).unwrap();
        std::fs::remove_file(data.join("p02/s3.png")).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 9 / 10]).unwrap();
    };
    with_faces(3, 4, cut_jpeg, &["p02/s3.jpg"]);
    let other_size = |data: &Path| {
        image::RgbImage::new(48, 40).save(data.join("p01/s0.png")).unwrap();
    };
    with_faces(3, 4, other_size, &["p01/s0.png", "48x40", "32x32", "align"]);
}

#[test]
fn gray_and_transparent_images_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let data = faces(folder.path(), 3, 4);
    image::GrayImage::new(SIDE as u32, SIDE as u32).save(data.join("p00/s0.png")).unwrap();
    image::RgbaImage::new(SIDE as u32, SIDE as u32).save(data.join("p01/s0.png")).unwrap();
    let out = folder.path().join("run");
    let flags = format!("train --data {{}} --out {{}} --steps 2 {}", SMALL.join(" "));
    stdout(&run(PROGRAM, &flags, &[&data, &out]));
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    train_refused(&empty, "", &["empty"]);
    train_refused(&folder.path().join("nowhere"), "", &["nowhere"]);
    with_faces(1, 8, |_| (), &["p00"]);
    with_faces(9, 1, |_| (), &["9"]);
    let file = folder.path().join("faces.tar");
    std::fs::write(&file, vec![7; 2000]).unwrap();
    train_refused(&file, "", &["faces.tar"]);
}

#[test]
fn manifest_and_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let data = faces(folder.path(), 3, 4);
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "tar,path,label,identity\nfaces,p00/s0.png,0,a\nfaces,p09/s0.png,1,b\n")
        .unwrap();
    let out = folder.path().join("run");
    let flags =
        format!("train --data {{}} --manifest {{}} --out {{}} --steps 2 {}", SMALL.join(" "));
    refused(&run(PROGRAM, &flags, &[&data, &list, &out]), &["p09/s0.png", "3"]);
    refused(&run(PROGRAM, &flags, &[&data, &folder.path().join("no.csv"), &out]), &["no.csv"]);

    let flags = format!("train --data {{}} --out {{}} --steps 2 {}", SMALL.join(" "));
    stdout(&run(PROGRAM, &flags, &[&data, &out]));
    let eval = "eval --model {} --data {} --pairs {}";
    std::fs::write(&list, "fold,a,b,same\n0,p00/s0.png,p00/s7.png,1\n").unwrap();
    refused(&run(PROGRAM, eval, &[&out, &data, &list]), &["p00/s7.png", "2"]);
    std::fs::write(&list, "fold,a,b,same\n0,p00/s0.png,p00/s1.png,1\n0,p00/s0.png,p01/s1.png,0\n")
        .unwrap();
    refused(&run(PROGRAM, eval, &[&out, &data, &list]), &["fold"]);
    refused(&run(PROGRAM, &flags, &[&data, &out]), &["--resume"]);
    refused(&run(PROGRAM, "train --resume --out {} --batch 4", &[&out]), &["--batch"]);
    refused(&run(PROGRAM, "train --resume --out {}", &[&data]), &["holds no run"]);
}

/// A refusal must not stand in the way of the corrected command, nor replace what the run knows.
#[test]
fn a_refused_command_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (faces(folder.path(), 3, 4), folder.path().join("run"));
    let flags = SMALL.join(" ");
    let train = |extra: &str| {
        run(PROGRAM, &format!("train --data {{}} --out {{}} --steps 2 {extra}"), &[&data, &out])
    };
    let too_large = "--input 32 --base-channels 16 --batch 13";
    refused(&train(too_large), &["13", "12"]);
    assert!(!out.exists(), "a run that could not begin left a folder");
    stdout(&train(&flags));

    let config = std::fs::read(out.join("config.json")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = faces(elsewhere.path(), 4, 4);
    let resume = "train --resume --out {} --data {} --steps 3";
    refused(&run(PROGRAM, resume, &[&out, &other]), &["3 identities from 12 images", "4 and 16"]);
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "tar,path,label,identity\nfaces,p00/s0.png,0,a\n").unwrap();
    let with_list = "train --resume --out {} --manifest {} --steps 3";
    refused(&run(PROGRAM, with_list, &[&out, &list]), &[]);
    assert!(std::fs::read(out.join("config.json")).unwrap() == config, "settings were replaced");
    stdout(&run(PROGRAM, resume, &[&out, &data]));
}

#[test]
fn an_image_of_another_size_is_named_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (faces(folder.path(), 3, 4), folder.path().join("run"));
    let flags = format!("train --data {{}} --out {{}} --steps 2 {}", SMALL.join(" "));
    stdout(&run(PROGRAM, &flags, &[&data, &out]));
    let odd = data.join("p01/s2.png");
    image::RgbImage::new(64, 16).save(&odd).unwrap();
    let words = ["p01/s2.png", "64x16", "32x32"];
    refused(&run(PROGRAM, "eval --model {} --data {} --all-pairs", &[&out, &data]), &words);
    let afm = folder.path().join("model.afm");
    let quantize = "quantize --model {} --calibration {} --out {}";
    refused(&run(PROGRAM, quantize, &[&out, &data, &afm]), &words);
    refused(&run(PROGRAM, "embed --model {} {}", &[&out, &odd]), &words);
    assert!(!afm.exists());
}

#[test]
fn model_files_and_places() {
    let folder = tempfile::tempdir().unwrap();
    let data = faces(folder.path(), 3, 4);
    let (out, afm) = (folder.path().join("run"), folder.path().join("model.afm"));
    let flags = format!("train --data {{}} --out {{}} --steps 2 {}", SMALL.join(" "));
    stdout(&run(PROGRAM, &flags, &[&data, &out]));
    let quantize = "quantize --model {} --calibration {} --out {}";
    stdout(&run(PROGRAM, quantize, &[&out, &data, &afm]));
    let sound = std::fs::read(&afm).unwrap();
    let inspect = |bytes: &[u8], words: &[&str]| {
        let path = folder.path().join("changed.afm");
        std::fs::write(&path, bytes).unwrap();
        refused(&run(PROGRAM, "inspect {}", &[&path]), words);
    };
    for at in [0, 9, 70, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        inspect(&bytes, &["changed.afm"]);
    }
    let mut newer = sound.clone();
    newer[4] = 2;
    reseal(&mut newer);
    inspect(&newer, &["changed.afm", "version"]);
    for length in [0, 63, sound.len() / 2, sound.len() - 1] {
        inspect(&sound[..length], &["changed.afm"]);
    }
    let image = data.join("p00/s0.png");
    // A file stands where a folder should: nobody, root included, can write there.
    let blocked = afm.join("model.afm");
    refused(&run(PROGRAM, quantize, &[&out, &data, &blocked]), &["model.afm"]);
    refused(&run(PROGRAM, quantize, &[&out, &data, &data]), &["not a file"]);
    refused(&run(PROGRAM, &flags, &[&data, &afm.join("run")]), &["run"]);
    assert_eq!(std::fs::read(&afm).unwrap(), sound);
    refused(
        &run(PROGRAM, "embed --model {} {}", &[&afm, &folder.path().join("no.jpg")]),
        &["no.jpg"],
    );
    refused(&run(PROGRAM, "embed --model {} {}", &[&data, &data]), &["holds no run"]);
    refused(&run(PROGRAM, "embed --model {} {}", &[&image, &image]), &["s0.png", "neither"]);
    refused(&run(PROGRAM, quantize, &[&afm, &data, &afm]), &["model.afm", "train --out"]);
    let beside = "eval --model {} --beside {} --data {} --all-pairs";
    refused(&run(PROGRAM, beside, &[&afm, &out, &data]), &["--beside"]);
    let none = folder.path().join("no.afm");
    refused(&run(PROGRAM, "bench --model {}", &[&none]), &["no.afm"]);
    refused(&run(PROGRAM, "bench --model {} --compare {}", &[&afm, &none]), &["no.afm"]);
    let pixels = "--input rgb --mean 0 --std 1";
    let import = format!("import --onnx {{}} --calibration {{}} {pixels} --out {{}}");
    let onnx = folder.path().join("no.onnx");
    refused(&run(PROGRAM, &import, &[&onnx, &data, &afm]), &["no.onnx: No such file"]);
    let cut = out.join("checkpoint.safetensors");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    refused(
        &run(PROGRAM, quantize, &[&out, &data, &afm]),
        &["checkpoint.safetensors", "not a whole"],
    );
}

/// A teacher of the int8 form that can't teach is refused before anything is learned; one that can is taken.
#[test]
fn teachers_in_int8() {
    let folder = tempfile::tempdir().unwrap();
    let data = faces(folder.path(), 3, 4);
    let path = |name: &str| folder.path().join(name);
    let flags = SMALL.join(" ");
    let train = |network: &str, out: &Path| {
        let words = format!("train --data {{}} --out {{}} --steps 2 --network {network} {flags}");
        stdout(&run(PROGRAM, &words, &[&data, out]));
    };
    let (student, longer) = (path("student"), path("longer"));
    train("mobilefacenet", &student);
    train("mobilefacenet-512", &longer);
    let (own, long) = (path("own.onnx"), path("long.onnx"));
    stdout(&run(PROGRAM, "export --model {} --onnx {}", &[&student, &own]));
    stdout(&run(PROGRAM, "export --model {} --onnx {}", &[&longer, &long]));

    let afm = path("model.afm");
    let quantize = |extra: &str, teacher: &Path| {
        let words = "quantize --model {} --calibration {} --out {} --images 4 --json --qat-teacher";
        let words = format!("{words} {{}} --qat-teacher-input rgb,0,1 {extra}");
        run(PROGRAM, &words, &[&student, &data, &afm, teacher])
    };
    refused(&quantize("", &own), &["--qat-teacher", "--qat STEPS"]);
    refused(&quantize("--qat 0", &own), &["--qat-teacher", "--qat STEPS"]);
    refused(&quantize("--qat 1", &path("no.onnx")), &["no.onnx: No such file"]);
    refused(&quantize("--qat 1", &data.join("p00/s0.png")), &["s0.png"]);
    refused(&quantize("--qat 1", &long), &["long.onnx", "512 numbers", "of 128", "give a teacher"]);
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/mobilefacenet-128.onnx");
    let words = ["mobilefacenet-128.onnx", "112x112", "32x32", "another teacher"];
    refused(&quantize("--qat 1", &zoo), &words);
    assert!(!afm.exists());

    let made = stdout(&quantize("--qat 1 --qat-batch 2", &own));
    assert!(made.contains("before_qat") && afm.exists(), "{made}");
}

#[test]
fn keys_and_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (key, public, afm) = (path("key"), path("key.pub"), path("model.afm"));
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/mobilefacenet-128.afm");
    std::fs::copy(zoo, &afm).unwrap();
    let keygen =
        |out: &Path, words: &[&str]| refused(&run(PROGRAM, "keygen --out {}", &[out]), words);
    keygen(&path("missing/key"), &["missing/key"]);
    stdout(&run(PROGRAM, "keygen --out {}", &[&key]));
    let pair = || (std::fs::read(&key).unwrap(), std::fs::read(&public).unwrap());
    let made = pair();
    keygen(&key, &["key: it exists already"]);
    assert!(pair() == made, "a key was replaced");
    // Neither half of a pair is replaced, and none is left alone.
    std::fs::write(path("half.pub"), b"mine").unwrap();
    keygen(&path("half"), &["half.pub: it exists already"]);
    assert!(!path("half").exists());

    let sign = |key: &Path, afm: &Path, words: &[&str]| {
        refused(&run(PROGRAM, "sign --key {} {}", &[key, afm]), words);
    };
    let sound = std::fs::read(&afm).unwrap();
    sign(&public, &afm, &["key.pub", "PRIVATE KEY"]);
    sign(&path("none"), &afm, &["none"]);
    sign(&afm, &afm, &["model.afm", "PRIVATE KEY"]);
    sign(&key, &path("none.afm"), &["none.afm"]);
    sign(&key, &public, &["key.pub", "no usable model file"]);
    let blocked = afm.join("signed.afm");
    refused(&run(PROGRAM, "sign --key {} {} --out {}", &[&key, &afm, &blocked]), &["signed.afm"]);
    assert!(std::fs::read(&afm).unwrap() == sound, "a refused command changed the model");

    let verify = |key: &Path, afm: &Path, words: &[&str]| {
        refused(&run(PROGRAM, "verify --key {} {}", &[key, afm]), words);
    };
    verify(&key, &afm, &["key", "PUBLIC KEY"]);
    verify(&public, &path("none.afm"), &["none.afm"]);
    verify(&public, &public, &["key.pub", "no usable model file"]);
    // The neutral element of the curve would verify anything, if it were let.
    let weak = path("weak.pub");
    let body = format!("MCowBQYDK2VwAyEAAQ{}AA=", "A".repeat(39));
    let text = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    std::fs::write(&weak, text).unwrap();
    verify(&weak, &afm, &["weak.pub", "small order"]);
}

#[test]
fn usage() {
    for words in [
        "train --out run",
        "train --data a --out run --epochs 1 --steps 1",
        "train --data a --out run --device abacus",
        "eval --model m --data d",
        "eval --model m --data d --pairs p --all-pairs",
        "quantize --model m --out f --calibration c --gate 2",
        "quantize --model m --out f --calibration c --gate tar",
        "quantize --model m --out f --calibration c --gate tar=-1",
        "quantize --model m --out f --calibration c --gate 0.9,far=1",
        "quantize --model m --out f --calibration c --gate rank1@1e-2=1",
        "quantize --model m --out f --calibration c --verdict-pairs p",
        "quantize --model m --out f --calibration c --report r.html",
        "quantize --model m --out f --calibration c --qat 9 --qat-rate 2",
        "quantize --model m --out f --calibration c --qat 9 --qat-batch 1",
        "quantize --model m --out f --calibration c --qat 9 --qat-teacher-input rgb,127.5,128",
        "embed --model m",
        "bench --model m --runs 0",
        "bench --model m --compare-tier abacus",
        "nonsense",
    ] {
        let output = run(PROGRAM, words, &[]);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{words}");
    }
    let folder = tempfile::tempdir().unwrap();
    let quick = folder.path().join("quick");
    refused(&run(PROGRAM, "quick-start --steps 0 --out {}", &[&quick]), &["steps"]);
    assert!(!quick.exists());
    let data = faces(folder.path(), 2, 2);
    for (flags, words) in [
        ("--input 33", "multiple of 16"),
        ("--margins 1,2", "three numbers"),
        ("--margins 1,9,0", "m2"),
        ("--loss triplet", "subcenter-arcface"),
        ("--loss softmax --scale 30", "softmax has no scale"),
        ("--loss cosface --centres 3", "cosface has no number of centres"),
        ("--loss softmax --margin-gradient straight-through", "softmax has no"),
        ("--class-sample 0", "share of classes"),
        ("--batch 1000", "1000"),
        ("--network resnet", "resnet"),
        ("--stem plain", "ir18 to ir100"),
        ("--output-setting F", "--output-setting"),
        ("--learning-rate 0", "learning rate"),
        ("--device vulkan", "--features gpu"),
        ("--device cuda", "--features cuda"),
    ] {
        let out = folder.path().join("run");
        let command = format!("train --data {{}} --out {{}} --steps 2 {flags}");
        refused(&run(PROGRAM, &command, &[&data, &out]), &[words]);
    }
}

/// An experiment that can't be made leaves no report, and one that was made is not replaced.
#[test]
fn experiments() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let refuse = |flags: &str, words: &[&str]| {
        refused(&run(PROGRAM, &format!("experiment {flags} --tiny --out {{}}"), &[&out]), words);
    };
    refuse("margins --people 1", &["--people"]);
    refuse("margins --pairs pairs.txt", &["required"]);
    refuse("tables", &["tables"]);
    assert!(!out.exists());
    stdout(&run(PROGRAM, "experiment target-logits --out {}", &[&out]));
    let page = std::fs::read(out.join("report.html")).unwrap();
    refuse("decision-boundaries", &["report.html", "--out"]);
    assert_eq!(std::fs::read(out.join("report.html")).unwrap(), page);
    let file = folder.path().join("file");
    std::fs::write(&file, b"a file").unwrap();
    refused(&run(PROGRAM, "experiment target-logits --out {}", &[&file]), &["file"]);
    let other = folder.path().join("other");
    let missing = folder.path().join("missing.tar");
    let words = "experiment margins --data {} --test {} --pairs {} --out {}";
    refused(&run(PROGRAM, words, &[&missing, &missing, &missing, &other]), &["missing.tar"]);
    assert!(!other.join("report.html").exists());
}
