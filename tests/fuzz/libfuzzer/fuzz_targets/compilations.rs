#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parloir_fuzz::compilations(bytes));
