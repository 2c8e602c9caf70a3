//! The board's flash chip, a W25Q64 on QSPI, by one line each way: people and log in a chip of their own. The 2 MiB inside have sectors of
//! 128 KiB, of which these need six, and beside networks and program only four are left. Nor does a torn word there come back as bytes.

use door_firmware::serial_flash::Bus;
use embassy_stm32::mode::Blocking;
use embassy_stm32::peripherals::QUADSPI;
use embassy_stm32::qspi::enums::{FIFOThresholdLevel, MemorySize, QspiWidth};
use embassy_stm32::qspi::{Config, Qspi, TransferConfig};

/// The chip has 2^23 bytes.
pub(crate) const BITS: u8 = 23;

/// Transfers over QSPI.
pub(crate) struct Lines(pub(crate) Qspi<'static, QUADSPI, Blocking>);

/// 240 MHz / (5 + 1): 40 MHz, of 50 that the chip's plain read allows.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.memory_size = MemorySize::_8MiB;
    config.prescaler = 5;
    config.fifo_threshold = FIFOThresholdLevel::_16Bytes;
    config
}

fn transfer(instruction: u8, address: Option<u32>, data: QspiWidth) -> TransferConfig {
    let awidth = if address.is_some() { QspiWidth::SING } else { QspiWidth::NONE };
    let iwidth = QspiWidth::SING;
    TransferConfig { iwidth, awidth, dwidth: data, instruction, address, ..Default::default() }
}

impl Bus for Lines {
    fn command(&mut self, instruction: u8, address: Option<u32>) {
        self.0.blocking_command(transfer(instruction, address, QspiWidth::NONE));
    }

    fn read(&mut self, instruction: u8, address: Option<u32>, bytes: &mut [u8]) {
        self.0.blocking_read(bytes, transfer(instruction, address, QspiWidth::SING));
    }

    fn write(&mut self, instruction: u8, address: u32, bytes: &[u8]) {
        self.0.blocking_write(bytes, transfer(instruction, Some(address), QspiWidth::SING));
    }
}
