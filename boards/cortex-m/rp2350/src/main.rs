//! The door on an RP2350: a Raspberry Pi Pico 2 with an OV7725 at its pins.
//!
//! | module | job |
//! |---|---|
//! | `relay` | the lock's pin, from the first instruction on |
//! | `camera` | the sensor at programmable pins and their DMA |
//!
//! Sections are those of the RP2350 data sheet.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "registers, and the names that vectors have")]

mod camera;
mod relay;

use core::cell::RefCell;

use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use defmt::Display2Format;
use defmt_rtt as _;
use door_firmware::camera::{Camera, ov7725, words};
use door_firmware::latch::Latched;
use door_firmware::pin::PinLight;
use door_firmware::ports::Watchdog;
use door_firmware::room::Room;
use door_firmware::settings;
use door_firmware::station::{Board, Layout, RATE, Station};
use door_firmware::store::flash::Shared;
use embassy_rp::clocks::{Gpout, GpoutSrc, clk_sys_freq};
use embassy_rp::flash::{Blocking, ERASE_SIZE, Flash};
use embassy_rp::gpio::{Level, Output};
use embassy_rp::i2c::{self, I2c};
use embassy_rp::peripherals::{DMA_CH0, FLASH, PIO0, TRNG, UART0};
use embassy_rp::pio::{self, Pio};
use embassy_rp::trng::{self, Trng};
use embassy_rp::uart::{self, BufferedUart};
use embassy_rp::{bind_interrupts, dma, watchdog};
use embassy_time::Duration;
use processor::line::Uart;
use processor::tick::{self, LATCH};
use static_cell::{ConstStaticCell, StaticCell};

bind_interrupts!(struct Irqs {
    PIO0_IRQ_0 => pio::InterruptHandler<PIO0>;
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>;
    UART0_IRQ => uart::BufferedInterruptHandler<UART0>;
    TRNG_IRQ => trng::InterruptHandler<TRNG>;
});

// The networks and keys beside the program: `files`.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Bytes of the flash.
const FLASH_BYTES: usize = 4 << 20;
/// What a detector of 192x256 and the embedding network are planned for.
const ARENA: usize = 224 << 10;
/// Templates: three of each of ten people, and some.
const TEMPLATES: usize = 32;
const FRAME: usize = words(camera::WIDTH as usize, camera::HEIGHT as usize);

type Chip = Flash<'static, FLASH, Blocking, FLASH_BYTES>;

static ROOM: ConstStaticCell<Room<ARENA, TEMPLATES>> = ConstStaticCell::new(Room::new());
static PIXELS: ConstStaticCell<[u32; FRAME]> = ConstStaticCell::new([0; FRAME]);
static RECEIVED: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static TO_SEND: ConstStaticCell<[u8; 256]> = ConstStaticCell::new([0; 256]);
static CHIP: StaticCell<RefCell<Chip>> = StaticCell::new();

/// The watchdog, 12.9: a reset of everything but the oscillators.
struct Resetting(watchdog::Watchdog);

const WATCHDOG: Duration = Duration::from_millis(settings::WATCHDOG_MS as u64);

impl Watchdog for Resetting {
    fn feed(&mut self) {
        self.0.feed(WATCHDOG);
    }
}

#[entry]
fn main() -> ! {
    let lock = relay::lock();
    // 150 MHz of the crystal of 12 MHz, 8.2.
    let p = embassy_rp::init(embassy_rp::config::Config::default());
    // The HAL has reset the pads; until this the resistor held the pin. It is never dropped, which would float it.
    let _pin = Output::new(p.PIN_18, Level::Low);
    let Some(mut core) = cortex_m::Peripherals::take() else { panic!("the core is taken twice") };
    let mut clock = tick::start(clk_sys_freq(), &mut core.SYST);
    let mut light = PinLight(Output::new(p.PIN_25, Level::Low));

    let clock_out = Gpout::new(p.PIN_21);
    // The crystal's 12 MHz: `ov7725::CLOCK_HZ`.
    clock_out.set_src(GpoutSrc::Xosc);
    clock_out.enable();
    let mut bus = I2c::new_blocking(p.I2C0, p.PIN_13, p.PIN_12, i2c::Config::default());
    if let Err(error) = ov7725::start(&mut bus, &mut clock, camera::WIDTH, camera::HEIGHT) {
        // Without pictures the door stays locked, and answers its host.
        defmt::error!("camera: {}", Display2Format(&error));
    }
    let Pio { mut common, sm0, .. } = Pio::new(p.PIO0, Irqs);
    let data = [
        common.make_pio_pin(p.PIN_0),
        common.make_pio_pin(p.PIN_1),
        common.make_pio_pin(p.PIN_2),
        common.make_pio_pin(p.PIN_3),
        common.make_pio_pin(p.PIN_4),
        common.make_pio_pin(p.PIN_5),
        common.make_pio_pin(p.PIN_6),
        common.make_pio_pin(p.PIN_7),
    ];
    camera::input(&mut common, p.PIN_8);
    camera::input(&mut common, p.PIN_9);
    camera::input(&mut common, p.PIN_10);
    let channel = dma::Channel::new(p.DMA_CH0, Irqs);
    let sensor = camera::Parallel::new(&mut common, sm0, data, channel, clock);
    let (width, height) = (camera::WIDTH.into(), camera::HEIGHT.into());
    let frames = Camera::new(sensor, clock, PIXELS.take(), width, height);

    let uart = BufferedUart::new(
        p.UART0,
        p.PIN_16,
        p.PIN_17,
        Irqs,
        TO_SEND.take(),
        RECEIVED.take(),
        uart::Config::default(),
    );
    let mut random = Trng::new(p.TRNG, Irqs, trng::Config::default());
    let mut nonce = || {
        let mut nonce = [0; 16];
        random.blocking_fill_bytes(&mut nonce);
        nonce
    };
    let chip = CHIP.init(RefCell::new(Flash::new_blocking(p.FLASH)));
    let policy = settings::policy();
    let board = Board {
        frames,
        lock: Latched::new(lock, clock, &LATCH, policy.pulse_ms + settings::GRACE_MS),
        clock,
        flash: Shared(chip),
        layout: Layout::at_end(FLASH_BYTES as u32, ERASE_SIZE as u32, 16, 16, RATE),
        line: Uart(uart),
        nonce: &mut nonce,
    };
    let watchdog = || {
        let mut watchdog = watchdog::Watchdog::new(p.WATCHDOG);
        watchdog.start(WATCHDOG);
        Resetting(watchdog)
    };
    match Station::new(&files(), policy, ROOM.take(), board, watchdog) {
        Ok(mut station) => {
            let end = station.run(&mut cortex_m::asm::wfi, &mut |line| {
                defmt::info!("{}", Display2Format(&line));
            });
            let _ = relay::lock();
            defmt::warn!("{}", Display2Format(&end));
            SCB::sys_reset()
        }
        Err(error) => {
            defmt::error!("{}", Display2Format(&error));
            error.blink().show(&mut light, &clock)
        }
    }
}

processor::ends!(relay::lock);
