#![no_main]

use forkcast::fuzzing::stream_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| stream_file(data));
