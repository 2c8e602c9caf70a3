//! A USB relay that is a HID device, of the kind sold as "USBRelay1" to "USBRelay8" (16c0:05df): no driver and no serial port is needed.
//!
//! ```text
//! to the relay     0  command channel 0 0 0 0 0 0      command 0xff closes the contact, 0xfd opens it; channel 1 to 8
//! from the relay   0  serial number (5 letters) 0 ? states   bit 0 is channel 1, set while its contact is closed
//! ```
//!
//! It answers, so that every change is read back: a relay that does not do as it is told is a lock that failed. Like the serial one it
//! keeps its state when the program goes; without the cable it has no power, and opens.

use super::hidraw::{Hidraw, Report};
use super::{Bolt, Relay};
use core::fmt::Debug;
use std::io;
use std::path::Path;

/// Who is known to speak this: the shared numbers of V-USB, which have other devices too, so that the answer is looked at as well.
const IDS: [u16; 2] = [0x16c0, 0x05df];
const CLOSE: u8 = 0xff;
const OPEN: u8 = 0xfd;
/// Where a report has the states.
const STATES: usize = 8;

/// Eight bytes to a relay and eight back.
pub trait FeatureReports: Send + Debug {
    /// Sends a report; the first byte is its number.
    ///
    /// # Errors
    /// The device is gone or refuses.
    fn set(&mut self, report: &[u8; 9]) -> io::Result<()>;

    /// Asks for the report of number 0.
    ///
    /// # Errors
    /// The device is gone or has none.
    fn get(&mut self) -> io::Result<[u8; 9]>;
}

impl FeatureReports for Hidraw {
    fn set(&mut self, report: &Report) -> io::Result<()> {
        self.set_feature(report)
    }

    fn get(&mut self) -> io::Result<Report> {
        self.feature()
    }
}

/// One contact of the relay. A release is sent once, locking every time.
#[derive(Debug)]
pub struct HidRelay<D> {
    device: D,
    channel: u8,
    /// What this handle last set; the other one may have set something else since.
    last: Option<Bolt>,
}

impl<D: FeatureReports> HidRelay<D> {
    /// The contact `channel`, from 1 to 8, of a device that answers as such a relay does.
    ///
    /// # Errors
    /// It does not answer, or as something else.
    pub fn new(mut device: D, channel: u8) -> io::Result<Self> {
        let report = device.get()?;
        let [_, serial @ .., _, _, _] = report;
        if !serial.iter().all(u8::is_ascii_graphic) {
            let text = format!("it answers {report:02x?}, which no relay of this kind does");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Self { device, channel, last: None })
    }
}

/// Two handles to the relay at `path`.
///
/// # Errors
/// It is not there, another process has it, or it is another device.
pub(super) fn open(path: &Path, channel: u8) -> io::Result<[HidRelay<Hidraw>; 2]> {
    let own = Hidraw::open(path)?;
    let ids = own.ids()?;
    if ids != IDS {
        let [vendor, product] = ids;
        let text = format!("{vendor:04x}:{product:04x} is no USB relay of this kind (16c0:05df)");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let spare = own.another()?;
    Ok([HidRelay::new(own, channel)?, HidRelay::new(spare, channel)?])
}

impl<D: FeatureReports> Relay for HidRelay<D> {
    fn set(&mut self, bolt: Bolt) -> io::Result<()> {
        // Locking is always sent: it may be the watchdog's level that has to go.
        if bolt == Bolt::Unlocked && self.last == Some(bolt) {
            return Ok(());
        }
        self.last = None;
        let closed = bolt == Bolt::Unlocked;
        let command = if closed { CLOSE } else { OPEN };
        self.device.set(&[0, command, self.channel, 0, 0, 0, 0, 0, 0])?;
        let states = self.device.get()?[STATES];
        if (states >> (self.channel - 1) & 1 == 1) != closed {
            let text = format!("contact {} does not move: states {states:08b}", self.channel);
            return Err(io::Error::other(text));
        }
        self.last = Some(bolt);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A relay as the makers' programs know it: what it was told, and its states.
    #[derive(Clone, Debug, Default)]
    struct Fake(Arc<Mutex<Inner>>);

    #[derive(Debug, Default)]
    struct Inner {
        told: Vec<Report>,
        states: u8,
        /// Contacts that do not move.
        stuck: u8,
        gone: bool,
        serial: [u8; 5],
    }

    impl Fake {
        fn new(stuck: u8) -> Self {
            Self(Arc::new(Mutex::new(Inner { stuck, serial: *b"HW348", ..Inner::default() })))
        }

        fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
            self.0.lock().unwrap()
        }
    }

    impl FeatureReports for Fake {
        fn set(&mut self, report: &Report) -> io::Result<()> {
            let mut inner = self.inner();
            if inner.gone {
                return Err(io::Error::from_raw_os_error(19));
            }
            inner.told.push(*report);
            let bit = 1 << (report[2] - 1) & !inner.stuck;
            match report[1] {
                0xff => inner.states |= bit,
                0xfd => inner.states &= !bit,
                other => panic!("command {other:#x}"),
            }
            Ok(())
        }

        fn get(&mut self) -> io::Result<Report> {
            let inner = self.inner();
            let [a, b, c, d, e] = inner.serial;
            Ok([0, a, b, c, d, e, 0, 0, inner.states])
        }
    }

    #[test]
    fn a_contact_is_closed_while_the_lock_is_released_and_no_other_moves() {
        let fake = Fake::new(0);
        fake.inner().states = 0b1000_0001;
        let mut own = HidRelay::new(fake.clone(), 3).unwrap();
        let mut spare = HidRelay::new(fake.clone(), 3).unwrap();
        own.set(Bolt::Unlocked).unwrap();
        assert_eq!(fake.inner().states, 0b1000_0101);
        own.set(Bolt::Unlocked).unwrap();
        spare.set(Bolt::Locked).unwrap();
        own.set(Bolt::Locked).unwrap();
        assert_eq!(fake.inner().states, 0b1000_0001);
        let told: Vec<[u8; 3]> =
            fake.inner().told.iter().map(|report| [report[0], report[1], report[2]]).collect();
        assert_eq!(told, [[0, 0xff, 3], [0, 0xfd, 3], [0, 0xfd, 3]]);
    }

    #[test]
    fn rejects_a_contact_that_does_not_move() {
        let fake = Fake::new(1);
        let mut relay = HidRelay::new(fake.clone(), 1).unwrap();
        let error = relay.set(Bolt::Unlocked).unwrap_err();
        assert!(error.to_string().contains("contact 1 does not move"), "{error}");
        // One that is welded shut is no lock either.
        fake.inner().states = 1;
        assert!(relay.set(Bolt::Locked).is_err());
        // It is tried again, not believed.
        fake.inner().stuck = 0;
        relay.set(Bolt::Locked).unwrap();
        assert_eq!(fake.inner().states, 0);
    }

    #[test]
    fn rejects_a_device_that_answers_as_something_else() {
        let fake = Fake::new(0);
        fake.inner().serial = [0x80, 0, 1, 2, 3];
        let error = HidRelay::new(fake, 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }

    #[test]
    fn rejects_one_that_was_unplugged() {
        let fake = Fake::new(0);
        let mut relay = HidRelay::new(fake.clone(), 1).unwrap();
        fake.inner().gone = true;
        assert_eq!(relay.set(Bolt::Unlocked).unwrap_err().raw_os_error(), Some(19));
    }

    #[test]
    fn rejects_a_path_that_is_no_relay() {
        assert_eq!(
            open(Path::new("/dev/no-hidraw"), 1).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert!(open(tempfile::NamedTempFile::new().unwrap().path(), 1).is_err());
    }
}
