#![no_main]

use forkcast::fuzzing::server_url;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| server_url(data));
