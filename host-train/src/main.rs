//! The program: everything is in the library.

fn main() -> std::process::ExitCode {
    host_train::cli::main()
}
