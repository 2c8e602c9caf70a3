//! Models that parse, run against the reference: `cargo +nightly fuzz run engine`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz_bodies::engine(data);
});
