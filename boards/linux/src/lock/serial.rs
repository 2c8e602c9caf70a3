//! A USB relay on a serial line, of the kind sold as LCUS-1 to LCUS-8.
//!
//! ```text
//! A0 channel state sum     state 1 closes the contact, 0 opens it; sum is that of the three before, without carry
//! ```
//!
//! Such a relay answers nothing and keeps its state when the program or the cable's other end goes: what ends its pulse is a message.
//! 9600 bits a second, 8 bits, no parity; four bytes take 4 ms.

use super::{Bolt, Relay};
use crate::port;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

fn message(channel: u8, bolt: Bolt) -> [u8; 4] {
    const START: u8 = 0xa0;
    let state = u8::from(bolt == Bolt::Unlocked);
    [START, channel, state, START.wrapping_add(channel).wrapping_add(state)]
}

/// The relay's device. A release is sent once, locking every time.
#[derive(Debug)]
pub struct SerialRelay {
    device: File,
    channel: u8,
    /// What this handle last set; the other one may have set something else since.
    last: Option<Bolt>,
}

impl SerialRelay {
    /// Opens the contact `channel` of the device at `path`, for this process and those that open it with this function alone.
    ///
    /// # Errors
    /// It is not there, is no serial device, or another process has it.
    pub fn open(path: &Path, channel: u8) -> io::Result<[Self; 2]> {
        let device = port::open(path, 9_600)?;
        let spare = device.try_clone()?;
        Ok([Self { device, channel, last: None }, Self { device: spare, channel, last: None }])
    }
}

impl Relay for SerialRelay {
    fn set(&mut self, bolt: Bolt) -> io::Result<()> {
        // Locking is always sent: it may be the watchdog's level that has to go.
        if bolt == Bolt::Unlocked && self.last == Some(bolt) {
            return Ok(());
        }
        self.last = None;
        self.device.write_all(&message(self.channel, bolt))?;
        self.last = Some(bolt);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_messages_of_the_data_sheet() {
        assert_eq!(message(1, Bolt::Unlocked), [0xa0, 0x01, 0x01, 0xa2]);
        assert_eq!(message(1, Bolt::Locked), [0xa0, 0x01, 0x00, 0xa1]);
        assert_eq!(message(4, Bolt::Unlocked), [0xa0, 0x04, 0x01, 0xa5]);
    }

    #[test]
    fn messages_go_out_raw_and_the_device_is_one_process_s() {
        let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let path = Path::new(name.to_str().unwrap());
        let [mut own, mut spare] = SerialRelay::open(path, 1).unwrap();
        assert_eq!(SerialRelay::open(path, 1).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        own.set(Bolt::Unlocked).unwrap();
        own.set(Bolt::Unlocked).unwrap();
        spare.set(Bolt::Locked).unwrap();
        let mut got = [0; 8];
        File::from(master).read_exact(&mut got).unwrap();
        assert_eq!(got, [0xa0, 0x01, 0x01, 0xa2, 0xa0, 0x01, 0x00, 0xa1]);
    }

    #[test]
    fn rejects_a_file_that_is_no_serial_device() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(SerialRelay::open(file.path(), 1).is_err());
        assert!(SerialRelay::open(Path::new("/dev/no-tty"), 1).is_err());
    }
}
