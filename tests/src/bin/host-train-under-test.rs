//! `host-train` as the tests of this crate run it: cargo hands a test only the programs of its own package.

fn main() -> std::process::ExitCode {
    host_train::cli::main()
}
