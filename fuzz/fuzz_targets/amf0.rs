#![no_main]

use forkcast::fuzzing::amf0;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| amf0(data));
