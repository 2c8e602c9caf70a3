//! The line to the host over any UART of a HAL that keeps what came in memory of its own.

use door_firmware::ports::Line;
use door_firmware::wait;
use embedded_io_async::{Read, Write};

/// Such a UART.
#[derive(Debug)]
pub struct Uart<T>(pub T);

impl<T: Read + Write> Line for Uart<T> {
    fn read(&mut self) -> Option<u8> {
        let mut byte = [0];
        // A byte that was damaged is lost. The frame that it was in fails its checksum, and the host asks again.
        let count = wait::now(self.0.read(&mut byte))?.ok()?;
        byte.into_iter().take(count).next()
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // Full until its interrupt has sent a byte, which does not wait for us.
        while !rest.is_empty() {
            match wait::now(self.0.write(rest)) {
                Some(Ok(count)) => rest = rest.get(count..).unwrap_or_default(),
                Some(Err(_)) => return,
                None => {}
            }
        }
    }
}
