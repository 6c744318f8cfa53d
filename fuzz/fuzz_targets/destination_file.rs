#![no_main]

use forkcast::fuzzing::destination_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| destination_file(data));
