#![no_main]

use forkcast::fuzzing::chunk_round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chunk_round_trip(data));
