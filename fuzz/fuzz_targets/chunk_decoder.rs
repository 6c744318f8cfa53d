#![no_main]

use forkcast::fuzzing::chunk_decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chunk_decoder(data));
