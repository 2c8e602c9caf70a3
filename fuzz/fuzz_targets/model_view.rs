//! Model files with arbitrary edits: `cargo +nightly fuzz run model_view`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz_bodies::model_view(data);
});
