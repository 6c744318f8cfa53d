#![no_main]

use forkcast::fuzzing::client_session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| client_session(data));
