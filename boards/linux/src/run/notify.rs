//! The service manager's socket (sd_notify(3)): when the door is ready, and that it still decides.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// The way to the service manager, if there is one.
#[derive(Debug)]
pub struct Notify {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// Half of what the unit's WatchdogSec= says.
    every: Option<Duration>,
    fed: Option<Instant>,
}

impl Notify {
    /// As the environment says (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    #[must_use]
    pub fn from_env() -> Self {
        let limit = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        let path = std::env::var_os("NOTIFY_SOCKET");
        Self::new(path.as_deref(), limit.map(Duration::from_micros))
    }

    fn new(path: Option<&std::ffi::OsStr>, limit: Option<Duration>) -> Self {
        let address = path.and_then(|path| match path.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
            _ => SocketAddr::from_pathname(path).ok(),
        });
        let socket = address.and_then(|to| Some((UnixDatagram::unbound().ok()?, to)));
        Self { socket, every: limit.map(|limit| limit / 2), fed: None }
    }

    /// The door decides from now on.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// What it does, for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={text}"));
    }

    /// The door is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// A decision was made just now. To be told of every one: the manager is told as often as it wants to know.
    pub fn decided(&mut self) {
        let Some(every) = self.every else { return };
        if self.fed.is_none_or(|fed| fed.elapsed() >= every) {
            self.fed = Some(Instant::now());
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, message: &str) {
        if let Some((socket, to)) = &self.socket {
            // Nobody listens, or a queue is full: the next one may come through.
            let _ = socket.send_to_addr(message.as_bytes(), to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told_as_often_as_it_asks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut notify = Notify::new(Some(path.as_os_str()), Some(Duration::from_secs(60)));
        notify.ready();
        (0..10).for_each(|_| notify.decided());
        notify.status("locked");
        notify.stopping();
        let mut buffer = [0; 64];
        let mut next = || {
            let count = manager.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..count].to_vec()).unwrap()
        };
        assert_eq!(
            [next(), next(), next(), next()],
            ["READY=1", "WATCHDOG=1", "STATUS=locked", "STOPPING=1"]
        );
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        let mut notify = Notify::new(None, None);
        notify.ready();
        notify.decided();
    }
}
