//! stub
use super::failure::Failure;
/// stub
#[derive(clap::Args, Default)]
pub(crate) struct QuickStartArgs {}
pub(crate) fn run(_: &QuickStartArgs) -> Result<(), Failure> {
    Ok(())
}
