//! The line to a device: a serial port or a TCP connection, as bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long a device may take, in tenths of a second as terminals count: it erases flash.
const TENTHS: u8 = 100;
/// The same.
const PATIENCE: Duration = Duration::from_millis(100 * TENTHS as u64);

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// A serial port, or a USB device that looks like one.
    Serial(PathBuf),
    /// HOST:PORT.
    Tcp(String),
}

/// A line that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{port}: {source}")]
pub struct LineError {
    port: String,
    source: io::Error,
}

/// An open line.
#[derive(Debug)]
pub enum Line {
    /// A serial port.
    Serial(File),
    /// A connection.
    Tcp(TcpStream),
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("tcp:") {
            Some(address) if address.rsplit_once(':').is_some_and(|(host, _)| !host.is_empty()) => {
                Ok(Self::Tcp(address.to_owned()))
            }
            Some(_) => Err("a connection is written tcp:HOST:PORT".to_owned()),
            None if text.is_empty() => {
                Err("a port is a path, such as /dev/ttyACM0, or tcp:HOST:PORT".to_owned())
            }
            None => Ok(Self::Serial(text.into())),
        }
    }
}

impl core::fmt::Display for Port {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Serial(path) => path.display().fmt(f),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl Port {
    /// Opens it.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn open(&self) -> Result<Line, LineError> {
        let opened = match self {
            Self::Serial(path) => open_serial(path).map(Line::Serial),
            Self::Tcp(address) => open_tcp(address).map(Line::Tcp),
        };
        opened.map_err(|source| LineError { port: self.to_string(), source })
    }
}

fn open_tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// As bytes go: a terminal would swallow or change some. A read that waits longer than [`PATIENCE`] finds nothing.
fn open_serial(path: &std::path::Path) -> io::Result<File> {
    use rustix::termios::{OptionalActions, SpecialCodeIndex, isatty, tcgetattr, tcsetattr};
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if !isatty(&file) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no serial port"));
    }
    let mut settings = tcgetattr(&file)?;
    settings.make_raw();
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    settings.special_codes[SpecialCodeIndex::VTIME] = TENTHS;
    tcsetattr(&file, OptionalActions::Flush, &settings)?;
    Ok(file)
}

impl Read for Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Serial(file) => file.read(into),
            Self::Tcp(stream) => stream.read(into),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Serial(file) => file.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Serial(file) => file.flush(),
            Self::Tcp(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_are_paths_or_addresses() {
        let tcp = |address: &str| Ok(Port::Tcp(address.to_owned()));
        assert_eq!("tcp:10.0.0.7:4000".parse(), tcp("10.0.0.7:4000"));
        assert_eq!("tcp:[::1]:4000".parse(), tcp("[::1]:4000"));
        assert_eq!("/dev/ttyACM0".parse(), Ok(Port::Serial("/dev/ttyACM0".into())));
        assert!("tcp:4000".parse::<Port>().is_err() && "tcp::4000".parse::<Port>().is_err());
        assert!("".parse::<Port>().is_err());
    }

    #[test]
    fn rejects_a_file_that_is_no_port() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Port::Serial(file.path().into()).open().unwrap_err().to_string();
        assert!(error.ends_with("this is no serial port"), "{error}");
    }
}
