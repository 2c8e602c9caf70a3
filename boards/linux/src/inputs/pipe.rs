//! A named pipe that other programs write to.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Opens the pipe at `path` with these flags. For writing too, so that it does not end when a writer closes it, and opening does not wait
/// for one.
pub(super) fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        let text = format!("{} is no named pipe; make one with mkfifo", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_is_no_named_pipe() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(file.path(), OFlags::NONBLOCK).unwrap_err();
        assert!(error.to_string().contains("mkfifo"), "{error}");
    }
}
