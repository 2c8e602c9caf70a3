//! What comes over the line to a door: `cargo +nightly fuzz run device`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz_bodies::device(data);
});
