#![no_main]

use forkcast::fuzzing::amf3;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| amf3(data));
