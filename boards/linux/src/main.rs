//! The program `door`.

fn main() -> std::process::ExitCode {
    door_linux::cli::main()
}
