//! System registers and instructions of the core, which one program alone runs on, at EL1.

use core::arch::asm;

/// Reads a system register whose value changes nothing by being read.
macro_rules! read {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: EL1 may read it, and no memory is touched.
        unsafe {
            asm!(concat!("isb\nmrs {}, ", $register), out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }};
}

/// The core's identity, `MIDR_EL1`.
pub(crate) fn identity() -> u64 {
    read!("midr_el1")
}

/// Whether the core has `sdot`: `ID_AA64ISAR0_EL1.DP`.
pub(crate) fn has_dot_products() -> bool {
    read!("id_aa64isar0_el1") >> 44 & 0xF != 0
}

/// Ticks of the generic timer in a second.
pub(crate) fn timer_frequency() -> u64 {
    read!("cntfrq_el0")
}

/// Ticks of the generic timer since some moment before the start.
pub(crate) fn timer_ticks() -> u64 {
    read!("cntvct_el0")
}

/// What the last exception says of itself.
pub(crate) struct Syndrome {
    /// `ESR_EL1`: its class and what belongs to it.
    pub(crate) cause: u64,
    /// `ELR_EL1`: the instruction that it came before or at.
    pub(crate) instruction: u64,
    /// `FAR_EL1`: the address that was not to be had, for some.
    pub(crate) address: u64,
}

/// Reads it; meaningful in a handler.
pub(crate) fn syndrome() -> Syndrome {
    Syndrome { cause: read!("esr_el1"), instruction: read!("elr_el1"), address: read!("far_el1") }
}

/// Lets the virtual timer interrupt in so many ticks, and no earlier: what was set before is off.
pub(crate) fn interrupt_in(ticks: u32) {
    // SAFETY: the timer is nobody else's; `TVAL` takes 31 bits without a sign, control 1 is on and not masked.
    unsafe {
        asm!("msr cntv_tval_el0, {}", "msr cntv_ctl_el0, {}", "isb", in(reg) u64::from(ticks & 0x7FFF_FFFF), in(reg) 1_u64,
            options(nomem, nostack, preserves_flags));
    }
}

/// Lets interrupts and system errors come.
pub(crate) fn unmask() {
    // SAFETY: the vectors are set since before Rust, and no code here is broken by never being returned to.
    unsafe { asm!("msr daifclr, #6", "isb", options(nostack, preserves_flags)) };
}

/// Keeps them out for good.
pub(crate) fn mask() {
    // SAFETY: takes nothing from anyone.
    unsafe { asm!("msr daifset, #15", options(nostack, preserves_flags)) };
}

/// Waits for the next interrupt.
pub(crate) fn wait() {
    // SAFETY: does nothing for a while.
    unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
}

/// Waits for ever.
pub(crate) fn stop() -> ! {
    mask();
    loop {
        wait();
    }
}
