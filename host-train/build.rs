//! Tells the program which source it was built from, for the model files and reports that it writes.

use std::process::Command;

fn main() {
    let git = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let commit = git.ok().filter(|output| output.status.success());
    let commit = commit.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    println!("cargo::rustc-env=SOURCE_COMMIT={commit}");
    println!("cargo::rerun-if-changed=src");
    // HEAD names the branch, its log grows with every commit. Naming a file that is missing would mean "always run again".
    for path in ["../.git/HEAD", "../.git/logs/HEAD"] {
        if std::path::Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
