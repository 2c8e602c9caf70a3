//! A keypad or card reader that is a keyboard to the kernel: `/dev/input/event*`, taken for the door alone, so that no console gets the
//! PINs that are typed.
//!
//! ```text
//! struct input_event, 64-bit: seconds (8) microseconds (8) type (2) code (2) value (4)      a key: type 1, value 1 down, 0 up, 2 held
//! ```
#![allow(unsafe_code, reason = "hardware access: ioctl")]

use rustix::ioctl::{IntegerSetter, Opcode, ioctl, opcode};
use std::fs::File;
use std::io;

/// Bytes of an event.
pub(super) const EVENT: usize = 24;

/// `EVIOCGRAB`.
const GRAB: Opcode = opcode::write::<i32>(b'E', 0x90);

/// Takes the device from everybody else, until it is closed.
///
/// # Errors
/// It is no input device, or another program took it.
pub(super) fn grab(device: &File) -> io::Result<()> {
    // SAFETY: the kernel takes this number's argument as an integer and no pointer: it reads and writes no memory of this program.
    unsafe { ioctl(device, IntegerSetter::<GRAB>::new_usize(1)) }?;
    Ok(())
}

/// The byte of a key that goes down; `None` for whatever else an event says.
pub(super) fn byte(event: &[u8; EVENT]) -> Option<u8> {
    let [.., t0, t1, c0, c1, v0, v1, v2, v3] = *event;
    let (kind, code) = (u16::from_ne_bytes([t0, t1]), u16::from_ne_bytes([c0, c1]));
    let down = i32::from_ne_bytes([v0, v1, v2, v3]) == 1;
    (kind == 1 && down).then(|| key(code)).flatten()
}

/// The key's letter or digit, by `linux/input-event-codes.h`. Cards are numbers in digits or hex: shift is not looked at, letters are
/// capitals.
fn key(code: u16) -> Option<u8> {
    const DIGITS: &[u8; 10] = b"1234567890";
    const ROWS: [(u16, &[u8]); 3] = [(16, b"QWERTYUIOP"), (30, b"ASDFGHJKL"), (44, b"ZXCVBNM")];
    const PAD: [(u16, &[u8]); 4] = [(71, b"789"), (75, b"456"), (79, b"123"), (82, b"0")];
    Some(match code {
        1 => 0x1b,
        2..=11 => DIGITS[usize::from(code - 2)],
        28 | 96 => b'\n',
        // The star and the pound sign of a keypad.
        55 | 0x20a => b'*',
        0x20b => b'#',
        0x200..=0x209 => b'0' + (code - 0x200) as u8,
        // Modifiers alone are no keys of a PIN.
        29 | 42 | 54 | 56 | 58 | 69 | 97 | 100 => return None,
        _ => {
            let row = |(first, row): &(u16, &[u8])| {
                code.checked_sub(*first).and_then(|at| row.get(usize::from(at)).copied())
            };
            // A key that is none of these was pressed all the same, and is wrong.
            ROWS.iter().chain(&PAD).find_map(row).unwrap_or(b'?')
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: u16, code: u16, value: i32) -> [u8; EVENT] {
        let mut event = [0x55; EVENT];
        event[16..18].copy_from_slice(&kind.to_ne_bytes());
        event[18..20].copy_from_slice(&code.to_ne_bytes());
        event[20..].copy_from_slice(&value.to_ne_bytes());
        event
    }

    #[test]
    fn keys_are_those_of_the_kernel_s_header() {
        // KEY_1, KEY_0, KEY_A, KEY_F, KEY_KP7, KEY_KP0, KEY_NUMERIC_5, KEY_ENTER, KEY_KPENTER, KEY_NUMERIC_POUND, KEY_KPASTERISK, KEY_ESC
        let keys = [2, 11, 30, 33, 71, 82, 0x205, 28, 96, 0x20b, 55, 1];
        let bytes: Vec<u8> = keys.iter().filter_map(|&code| byte(&event(1, code, 1))).collect();
        assert_eq!(bytes, b"10AF705\n\n#*\x1b");
    }

    #[test]
    fn only_keys_that_go_down_count() {
        assert_eq!(byte(&event(1, 2, 0)), None, "up");
        assert_eq!(byte(&event(1, 2, 2)), None, "held");
        assert_eq!(byte(&event(0, 2, 1)), None, "a mark between events");
        assert_eq!(byte(&event(4, 2, 1)), None, "a scan code");
        assert_eq!(byte(&event(1, 42, 1)), None, "shift");
        assert_eq!(byte(&event(1, 59, 1)), Some(b'?'), "F1");
    }

    #[test]
    fn the_number_is_the_kernel_s_and_refused_by_other_files() {
        assert_eq!(GRAB, 0x4004_4590);
        let error = grab(&File::open("/dev/null").unwrap()).unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error}");
    }
}
