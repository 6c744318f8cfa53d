#![no_main]

use forkcast::fuzzing::handshake;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| handshake(data));
