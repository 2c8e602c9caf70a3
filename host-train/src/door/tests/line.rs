//! Lines that fail, and answers that are none.

use super::*;
use device_protocol::Request;

/// A line on which one thing is heard, whatever is said.
struct Says(Result<Vec<u8>, io::ErrorKind>);

impl Write for Says {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Says {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.as_mut().map_err(|kind| io::Error::from(*kind))?;
        let len = into.len().min(bytes.len());
        into[..len].copy_from_slice(&bytes[..len]);
        bytes.drain(..len);
        Ok(len)
    }
}

#[test]
fn rejects_lines_that_fail_and_answers_that_are_none() {
    let hear = |says| Client::connect(Says(says), Key::new(KEY)).map(|_| ()).unwrap_err();
    assert!(matches!(hear(Err(io::ErrorKind::BrokenPipe)), LinkError::Line(_)));
    for kind in [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut] {
        assert!(matches!(hear(Err(kind)), LinkError::Silent));
    }
    assert!(matches!(hear(Ok(Vec::new())), LinkError::Silent));
    assert!(matches!(hear(Ok(vec![1, 2, 3, 0])), LinkError::Protocol(_)));
    // A door that answers something else than what was asked.
    let chip = RefCell::new(chip());
    let desk = RefCell::new(Desk::new(&chip));
    let error = with(&desk, |dial| {
        let door = &mut dial.connect().unwrap();
        door.ask(&Request::Model, |_| None::<()>).unwrap_err()
    });
    assert!(matches!(error, LinkError::Answer), "{error}");
    // A port that is gone is looked for again.
    let mut open = || Port::Serial("/nowhere/ttyACM0".into()).open();
    let patience = Patience { tries: 2, pause: Duration::ZERO, restart: 2 };
    let mut gone = Dial { key: Key::new(KEY), open: &mut open, patience };
    let error = gone.push(&package(4), &mut |_| {}).unwrap_err();
    assert!(matches!(error, UpdateError::Lost { tries: 2, .. }), "{error}");
    assert!(error.to_string().contains("(/nowhere/ttyACM0: "), "{error}");
}
