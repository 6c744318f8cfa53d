#![no_main]

use forkcast::fuzzing::server_session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| server_session(data));
