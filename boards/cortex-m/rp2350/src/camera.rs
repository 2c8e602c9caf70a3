//! The camera at programmable pins: eight lines of data by the pixel clock, one picture at a time by DMA. Data sheet 11.
//!
//! ```text
//! GPIO 0..7  D0..D7 (of a sensor of ten bits the upper eight)     8  PCLK     9  HREF     10  VSYNC
//! ```

use core::fmt::{self, Display};

use door_firmware::camera::{PICTURE_MS, Sensor};
use door_firmware::wait;
use embassy_rp::Peri;
use embassy_rp::dma::Channel;
use embassy_rp::peripherals::PIO0;
use embassy_rp::pio::program::pio_asm;
use embassy_rp::pio::{
    Common, Config, FifoJoin, Pin, PioPin, ShiftConfig, ShiftDirection, StateMachine,
};
use processor::tick::Ticks;

/// Of a frame.
pub(crate) const WIDTH: u16 = 256;
pub(crate) const HEIGHT: u16 = 192;

/// The sensor at a state machine of PIO 0.
pub(crate) struct Parallel {
    machine: StateMachine<'static, PIO0, 0>,
    config: Config<'static, PIO0>,
    dma: Channel<'static>,
    clock: Ticks,
}

/// No picture ended in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silent;

impl Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no picture within {PICTURE_MS} ms; look at its cable")
    }
}

impl Parallel {
    /// Loads the program that reads pixels; `data` are GPIO 0 to 7.
    pub(crate) fn new(
        common: &mut Common<'static, PIO0>,
        mut machine: StateMachine<'static, PIO0, 0>,
        data: [Pin<'static, PIO0>; 8],
        dma: Channel<'static>,
        clock: Ticks,
    ) -> Self {
        // A loop of four instructions, and two more cycles of the inputs' synchronizers: 25 MHz of pixel clock at 150 MHz.
        let program = pio_asm!(
            "wait 1 gpio 10", // between two pictures
            "wait 0 gpio 10", // the next one begins
            ".wrap_target",
            "wait 1 gpio 9", // within a line
            "wait 1 gpio 8", // a byte is there
            "in pins, 8",
            "wait 0 gpio 8",
            ".wrap",
        );
        let mut config = Config::default();
        config.use_program(&common.load_program(&program.program), &[]);
        config.set_in_pins(&data.each_ref());
        // Four bytes a word, the first one lowest, as they will lie in memory.
        config.shift_in =
            ShiftConfig { auto_fill: true, threshold: 32, direction: ShiftDirection::Right };
        config.fifo_join = FifoJoin::RxOnly;
        machine.set_config(&config);
        Self { machine, config, dma, clock }
    }
}

/// A pin that the program reads by its number.
pub(crate) fn input(common: &mut Common<'static, PIO0>, pin: Peri<'static, impl PioPin>) {
    let _ = common.make_pio_pin(pin);
}

impl Sensor for Parallel {
    type Error = Silent;

    fn capture(&mut self, pixels: &mut [u32]) -> Result<(), Silent> {
        let Self { machine, config, dma, clock } = self;
        // From the program's start, with nothing left of the picture before.
        machine.set_enable(false);
        machine.clear_fifos();
        machine.restart();
        machine.set_config(config);
        machine.set_enable(true);
        let transfer = machine.rx().dma_pull(dma, pixels, false);
        let result = wait::within(PICTURE_MS, clock, transfer);
        machine.set_enable(false);
        result.ok_or(Silent)
    }
}
