#![no_main]

use forkcast::fuzzing::media_tag;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| media_tag(data));
