#![no_main]

use forkcast::fuzzing::codec_configuration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| codec_configuration(data));
