#![no_main]

use forkcast::fuzzing::command;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| command(data));
