//! The door on an STM32H743 of revision V: a WeAct MiniSTM32H743VIT6 with an OV7725 in its camera socket.
//!
//! | module | job |
//! |---|---|
//! | `relay` | the lock's pin, from the first instruction on |
//! | `camera` | the camera interface and its DMA |
//! | `flash` | the flash chip beside the processor, for people and log |
//!
//! The manual is ST's RM0433; registers are named as there.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "registers, memory and the names that vectors have")]

mod camera;
mod flash;
mod relay;

use core::cell::RefCell;

use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use defmt::Display2Format;
use defmt_rtt as _;
use door_firmware::camera::{Camera, ov7725};
use door_firmware::latch::Latched;
use door_firmware::pin::PinLight;
use door_firmware::ports::Watchdog;
use door_firmware::room::Room;
use door_firmware::serial_flash::{SECTOR, SerialFlash};
use door_firmware::settings;
use door_firmware::station::{Board, FLASH_FAILED, Layout, RATE, Station};
use door_firmware::store::flash::Shared;
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::i2c::{self, I2c};
use embassy_stm32::peripherals::{DCMI, DMA1_CH0, IWDG1, RNG, USART1};
use embassy_stm32::qspi::Qspi;
use embassy_stm32::rcc::{
    self, AHBPrescaler, APBPrescaler, Mco, Mco1Source, McoConfig, McoPrescaler, Pll, PllDiv,
    PllMul, PllPreDiv, PllSource, Sysclk, VoltageScale,
};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::usart::{self, BufferedUart};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{bind_interrupts, dcmi, dma};
use processor::line::Uart;
use processor::stack;
use processor::tick::{self, LATCH, Ticks};
use static_cell::{ConstStaticCell, StaticCell};

bind_interrupts!(struct Irqs {
    DCMI => dcmi::InterruptHandler<DCMI>;
    DMA1_STREAM0 => dma::InterruptHandler<DMA1_CH0>;
    USART1 => usart::BufferedInterruptHandler<USART1>;
    RNG => rng::InterruptHandler<RNG>;
});

// The networks and keys beside the program: `files`.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

const PROCESSOR_HZ: u32 = 480_000_000;
/// What a detector of 256x320 and the embedding network are planned for.
const ARENA: usize = 448 << 10;
/// Templates: three of each of thirty people, and some.
const TEMPLATES: usize = 96;

static ROOM: ConstStaticCell<Room<ARENA, TEMPLATES>> = ConstStaticCell::new(Room::new());
static RECEIVED: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static TO_SEND: ConstStaticCell<[u8; 256]> = ConstStaticCell::new([0; 256]);
static CHIP: StaticCell<RefCell<Chip>> = StaticCell::new();

/// The flash chip.
type Chip = SerialFlash<flash::Lines, Ticks>;

/// 64 MHz of the inner oscillator / 4 * 60 / 2. 480 MHz need voltage scale 0 (manual, chapter 6) and a chip of revision V.
fn clocks() -> embassy_stm32::Config {
    let mut config = embassy_stm32::Config::default();
    config.rcc.pll1 = Some(Pll {
        source: PllSource::HSI,
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL60,
        fracn: None,
        divp: Some(PllDiv::DIV2),
        divq: None,
        divr: None,
    });
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.voltage_scale = VoltageScale::Scale0;
    config.rcc.ahb_pre = AHBPrescaler::DIV2;
    config.rcc.apb1_pre = APBPrescaler::DIV2;
    config.rcc.apb2_pre = APBPrescaler::DIV2;
    config.rcc.apb3_pre = APBPrescaler::DIV2;
    config.rcc.apb4_pre = APBPrescaler::DIV2;
    // Of the camera's clock and the random numbers.
    config.rcc.hsi48 = Some(rcc::Hsi48Config::new());
    config
}

/// The independent watchdog, which has an oscillator of its own and cannot be stopped.
struct Independent(IndependentWatchdog<'static, IWDG1>);

impl Watchdog for Independent {
    fn feed(&mut self) {
        self.0.pet();
    }
}

#[entry]
fn main() -> ! {
    let lock = relay::lock();
    let p = embassy_stm32::init(clocks());
    let Some(mut core) = cortex_m::Peripherals::take() else { panic!("the core is taken twice") };
    stack::guard(&mut core.MPU);
    core.SCB.enable_icache();
    core.SCB.enable_dcache(&mut core.CPUID);
    let mut clock = tick::start(PROCESSOR_HZ, &mut core.SYST);
    let mut light = PinLight(Output::new(p.PE3, Level::Low, Speed::Low));

    let mut feeds = McoConfig::default();
    // 48 MHz / 4: `ov7725::CLOCK_HZ`.
    feeds.prescaler = McoPrescaler::DIV4;
    let _clock_out = Mco::new(p.MCO1, p.PA8, Mco1Source::HSI48, feeds);
    // Low switches the sensor on.
    let _power_down = Output::new(p.PA7, Level::Low, Speed::Low);
    let mut bus = I2c::new_blocking(p.I2C1, p.PB8, p.PB9, i2c::Config::default());
    if let Err(error) = ov7725::start(&mut bus, &mut clock, camera::WIDTH, camera::HEIGHT) {
        // Without pictures the door stays locked, and answers its host.
        defmt::error!("camera: {}", Display2Format(&error));
    }
    let config = dcmi::Config::default();
    let dcmi = dcmi::Dcmi::new_8bit(
        p.DCMI, p.DMA1_CH0, Irqs, p.PC6, p.PC7, p.PE0, p.PE1, p.PE4, p.PD3, p.PE5, p.PE6, p.PB7,
        p.PA4, p.PA6, config,
    );
    let sensor = camera::Parallel::new(dcmi, clock);
    let (width, height) = (camera::WIDTH.into(), camera::HEIGHT.into());
    let frames = Camera::new(sensor, clock, camera::take_frame(), width, height);

    let uart = BufferedUart::new(
        p.USART1,
        p.PA10,
        p.PA9,
        TO_SEND.take(),
        RECEIVED.take(),
        Irqs,
        usart::Config::default(),
    );
    let Ok(uart) = uart else { panic!("no divider of the UART's clock gives its speed") };
    let mut random = Rng::new(p.RNG, Irqs);
    let mut nonce = || {
        let mut nonce = [0; 16];
        random.fill_bytes(&mut nonce);
        nonce
    };
    let lines = Qspi::new_blocking_bank1(
        p.QUADSPI,
        p.PD11,
        p.PD12,
        p.PE2,
        p.PD13,
        p.PB2,
        p.PB6,
        flash::config(),
    );
    let chip = match SerialFlash::open(flash::Lines(lines), clock, flash::BITS) {
        Ok(chip) => CHIP.init(RefCell::new(chip)),
        Err(error) => {
            defmt::error!("{}", Display2Format(&error));
            FLASH_FAILED.show(&mut light, &clock)
        }
    };
    let policy = settings::policy();
    let board = Board {
        frames,
        lock: Latched::new(lock, clock, &LATCH, policy.pulse_ms + settings::GRACE_MS),
        clock,
        flash: Shared(chip),
        layout: Layout::at_end(1 << flash::BITS, SECTOR as u32, 16, 16, RATE),
        line: Uart(uart),
        nonce: &mut nonce,
    };
    let watchdog = || {
        let mut watchdog = IndependentWatchdog::new(p.IWDG1, settings::WATCHDOG_MS * 1_000);
        watchdog.unleash();
        Independent(watchdog)
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
