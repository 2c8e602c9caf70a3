//! The OV7725: a sensor of 640x480 pixels that scales itself to 320x240, sends RGB565 on eight lines, and is set up over SCCB, which is
//! I2C but for the repeated start. Registers and bits are named as in OmniVision's data sheet, version 1.31 of 2008.
//!
//! Its frame has 576 x 278 pixels with what is blanked, two bytes each. So 30 frames a second need 9.6 MHz, which come of the clock that
//! the board feeds it: 12 MHz x 4 (PLL) / 4 = 12 MHz by `ov772x` of Linux, or half of that by the data sheet; 37 or 19 frames a second.

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{Error as _, ErrorKind, I2c};

/// Its address, of seven bits.
pub const ADDRESS: u8 = 0x21;
/// The clock that a board feeds it, about.
pub const CLOCK_HZ: u32 = 12_000_000;

/// PID and VER.
const PRODUCT: [u8; 2] = [0x77, 0x21];

const PID: u8 = 0x0a;
const VER: u8 = 0x0b;
const COM4: u8 = 0x0d;
const CLKRC: u8 = 0x11;
const COM7: u8 = 0x12;
const HSTART: u8 = 0x17;
const HSIZE: u8 = 0x18;
const VSTRT: u8 = 0x19;
const VSIZE: u8 = 0x1a;
const HOUTSIZE: u8 = 0x29;
const EXHCH: u8 = 0x2a;
const VOUTSIZE: u8 = 0x2c;
const HREF: u8 = 0x32;

/// COM7: all registers as after power.
const RESET: u8 = 1 << 7;
/// COM7: 320x240, RGB, of 565 bits.
const QVGA_RGB565: u8 = 1 << 6 | 1 << 2 | 2;
/// COM4: the clock times four. Bit 0 is reserved, and set.
const PLL_4: u8 = 1 << 6 | 1;
/// CLKRC: divided by four. Bit 7 is reserved, and set.
const DIVIDE_4: u8 = 1 << 7 | 3;

/// The window of 320x240 pixels begins here, in columns and rows of the scaled sensor.
const LEFT: u16 = 252;
const TOP: u16 = 6;
const WIDTH: u16 = 320;
const HEIGHT: u16 = 240;

/// Time after power or a reset until it listens.
const WAKE_MS: u32 = 10;
/// Frames until exposure and white balance have settled: a second of them.
const SETTLE_MS: u32 = 1_000;

/// Why the sensor does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// It does not answer.
    #[error(
        "no OV7725 at address 0x21 of the bus ({0:?}); look at SCL, SDA, the clock at XCLK and PWDN"
    )]
    Bus(ErrorKind),
    /// Something else answers.
    #[error("the sensor says it is {found:02x?}, an OV7725 is [77, 21]")]
    Product {
        /// PID and VER.
        found: [u8; 2],
    },
    /// It has no such window.
    #[error("a window of {width}x{height} pixels; at most 320x240, both even")]
    Window {
        /// As asked for.
        width: u16,
        /// As asked for.
        height: u16,
    },
}

/// Registers and what is written to them for the middle `width` x `height` of 320x240 pixels, in order.
///
/// # Errors
/// [`SetupError::Window`].
pub fn registers(width: u16, height: u16) -> Result<[(u8, u8); 11], SetupError> {
    let fits = (2..=WIDTH).contains(&width) && (2..=HEIGHT).contains(&height);
    if !fits || !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err(SetupError::Window { width, height });
    }
    let (left, top) = (LEFT + (WIDTH - width) / 2, TOP + (HEIGHT - height) / 2);
    // Columns have two bits less in their registers, rows one; these are in HREF and EXHCH.
    let (columns, rows) = (|value: u16| (value >> 2) as u8, |value: u16| (value >> 1) as u8);
    let low = |value: u16, bits: u16, at: u8| ((value & bits) as u8) << at;
    let sizes = low(height, 1, 2) | low(width, 3, 0);
    Ok([
        (HSTART, columns(left)),
        (HSIZE, columns(width)),
        (VSTRT, rows(top)),
        (VSIZE, rows(height)),
        (HOUTSIZE, columns(width)),
        (VOUTSIZE, rows(height)),
        (HREF, low(top, 1, 6) | low(left, 3, 4) | sizes),
        (EXHCH, sizes),
        (COM7, QVGA_RGB565),
        (COM4, PLL_4),
        (CLKRC, DIVIDE_4),
    ])
}

/// Sets the sensor up for the middle `width` x `height` pixels, and waits until its exposure has settled. It must have its clock.
///
/// # Errors
/// [`SetupError`].
pub fn start(
    bus: &mut impl I2c,
    delay: &mut impl DelayNs,
    width: u16,
    height: u16,
) -> Result<(), SetupError> {
    let registers = registers(width, height)?;
    delay.delay_ms(WAKE_MS);
    let found = [read(bus, PID)?, read(bus, VER)?];
    if found != PRODUCT {
        return Err(SetupError::Product { found });
    }
    write(bus, COM7, RESET)?;
    delay.delay_ms(WAKE_MS);
    registers.into_iter().try_for_each(|(register, value)| write(bus, register, value))?;
    delay.delay_ms(SETTLE_MS);
    Ok(())
}

fn write(bus: &mut impl I2c, register: u8, value: u8) -> Result<(), SetupError> {
    bus.write(ADDRESS, &[register, value]).map_err(|error| SetupError::Bus(error.kind()))
}

/// In two transfers: SCCB knows no repeated start.
fn read(bus: &mut impl I2c, register: u8) -> Result<u8, SetupError> {
    let mut value = [0];
    bus.write(ADDRESS, &[register])
        .and_then(|()| bus.read(ADDRESS, &mut value))
        .map_err(|error| SetupError::Bus(error.kind()))?;
    let [value] = value;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_hal::i2c::{ErrorType, NoAcknowledgeSource, Operation};
    use std::vec::Vec;

    /// A sensor on a bus: what was written to it, and how long was waited before.
    #[derive(Default)]
    struct Bench {
        product: [u8; 2],
        absent: bool,
        asked: u8,
        written: Vec<(u8, u8)>,
    }

    impl ErrorType for Bench {
        type Error = ErrorKind;
    }

    impl I2c for Bench {
        fn transaction(
            &mut self,
            address: u8,
            operations: &mut [Operation<'_>],
        ) -> Result<(), ErrorKind> {
            assert_eq!(operations.len(), 1, "no repeated start");
            if self.absent || address != 0x21 {
                return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
            }
            match &mut operations[0] {
                Operation::Write([register]) => self.asked = *register,
                Operation::Write([register, value]) => self.written.push((*register, *value)),
                Operation::Read([value]) => *value = self.product[usize::from(self.asked - 0x0a)],
                other => panic!("{other:?}"),
            }
            Ok(())
        }
    }

    #[derive(Default)]
    struct Waited(u64);

    impl DelayNs for Waited {
        fn delay_ns(&mut self, ns: u32) {
            self.0 += u64::from(ns);
        }
    }

    fn started(mut bench: Bench) -> (Result<(), SetupError>, Vec<(u8, u8)>, u64) {
        let mut waited = Waited::default();
        let result = start(&mut bench, &mut waited, 320, 240);
        (result, bench.written, waited.0 / 1_000_000)
    }

    /// As `ov772x` of Linux sets 320x240: HSTART 0x3f, HSIZE 0x50, VSTRT 0x03, VSIZE 0x78.
    #[test]
    fn the_whole_window_is_that_of_the_data_sheet() {
        let (result, written, waited_ms) =
            started(Bench { product: [0x77, 0x21], ..Bench::default() });
        assert_eq!(result, Ok(()));
        assert_eq!(waited_ms, 1_020);
        let expected = [
            (0x12, 0x80),
            (0x17, 0x3f),
            (0x18, 0x50),
            (0x19, 0x03),
            (0x1a, 0x78),
            (0x29, 0x50),
            (0x2c, 0x78),
            (0x32, 0x00),
            (0x2a, 0x00),
            (0x12, 0x46),
            (0x0d, 0x41),
            (0x11, 0x83),
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn a_smaller_window_has_the_same_middle() {
        let values = registers(256, 192).unwrap();
        // 252 + 32 = 284 columns, 6 + 24 = 30 rows.
        assert_eq!(values[..4], [(0x17, 71), (0x18, 64), (0x19, 15), (0x1a, 96)]);
        let odd = registers(318, 238).unwrap();
        // 253 columns and 7 rows: 63 and 1, 3 and 1; 318 has 2 of the low bits.
        assert_eq!((odd[0], odd[2], odd[6]), ((0x17, 63), (0x19, 3), (0x32, 0x52)));
        assert_eq!(odd[7], (0x2a, 0x02));
    }

    #[test]
    fn rejects_windows_that_it_does_not_have() {
        for (width, height) in [(322, 240), (320, 242), (319, 240), (0, 240), (320, 0)] {
            assert_eq!(registers(width, height), Err(SetupError::Window { width, height }));
        }
    }

    #[test]
    fn rejects_what_is_no_ov7725() {
        let (result, written, _) = started(Bench { product: [0x26, 0x42], ..Bench::default() });
        assert_eq!(result, Err(SetupError::Product { found: [0x26, 0x42] }));
        assert_eq!(written, []);
        let (result, ..) = started(Bench { absent: true, ..Bench::default() });
        let silent = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
        assert_eq!(result, Err(SetupError::Bus(silent)));
    }
}
