#![no_main]

use forkcast::fuzzing::track_format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| track_format(data));
