//! What comes over the line from a door: `cargo +nightly fuzz run host`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz_bodies::host(data);
});
