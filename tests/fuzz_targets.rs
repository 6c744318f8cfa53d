//! The functions that the fuzzers call, without a fuzzer: every input of the corpus, and such inputs changed at random.
//!
//! Each runs on a stack of 512 KiB, an eighth of what a thread of the program has: nothing that a peer sends may need more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use forkcast::fuzzing::{TARGETS, Target};
use proptest::{
    prelude::*,
    sample::Index,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};

const STACK: usize = 512 * 1024;

/// Inputs that each target is given where nobody says for how long.
const INPUTS: usize = 300;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// The inputs of the corpus, in the order of their names.
fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder("corpus").join(target.name)).expect("each target has a corpus");
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs the target on a small stack; `false` where it panics. A stack that overflows ends the process.
fn holds(target: Target, input: &[u8]) -> bool {
    let input = input.to_vec();
    let thread = thread::Builder::new().stack_size(STACK).name(target.name.to_owned());
    thread.spawn(move || (target.run)(&input)).unwrap().join().is_ok()
}

#[test]
fn the_corpus_holds() {
    for target in TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has nothing to begin with", target.name);
        for (path, input) in corpus {
            assert!(holds(*target, &input), "{}", path.display());
        }
    }
}

#[test]
fn each_target_has_its_fuzzer() {
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let mut names = BTreeSet::new();
    for Target { name, .. } in TARGETS {
        let path = format!("fuzz_targets/{name}.rs");
        let fuzzer = fs::read_to_string(folder(&path)).unwrap_or_else(|error| panic!("fuzz/{path}: {error}"));
        assert!(fuzzer.contains(&format!("use forkcast::fuzzing::{name};")), "fuzz/{path} calls something else");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"\n")), "fuzz/Cargo.toml lacks {name}");
        assert!(names.insert(name.to_owned()), "{name} is there twice");
    }
    for kind in ["fuzz_targets", "corpus"] {
        for entry in fs::read_dir(folder(kind)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(names.contains(name), "{} belongs to no target", path.display());
        }
    }
}

/// What is done to an input: a change at a place.
#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, u8),
    Repeat(Index, u8),
    Cut(Index),
}

fn any_change() -> impl Strategy<Value = Change> {
    let likely = prop_oneof![any::<u8>(), 0..0x15_u8, Just(0xFF), Just(0x7F), Just(0x80)];
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), likely.clone()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        3 => (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        2 => (at(), prop::collection::vec(likely, 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (at(), 1..20_u8).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (at(), 1..20_u8).prop_map(|(at, count)| Change::Repeat(at, count)),
        1 => at().prop_map(Change::Cut),
    ]
}

fn apply(change: &Change, input: &mut Vec<u8>) {
    if input.is_empty() {
        return;
    }
    let range = |at: usize, count: u8, len: usize| at..(at + usize::from(count)).min(len);
    match change {
        Change::Byte(at, byte) => *at.get_mut(input) = *byte,
        Change::Flip(at, bit) => *at.get_mut(input) ^= 1 << bit,
        Change::Insert(at, bytes) => {
            let at = at.index(input.len());
            input.splice(at..at, bytes.iter().copied());
        }
        Change::Remove(at, count) => {
            input.drain(range(at.index(input.len()), *count, input.len()));
        }
        Change::Repeat(at, count) => {
            let at = at.index(input.len());
            let part = input[range(at, *count, input.len())].to_vec();
            input.splice(at..at, part);
        }
        Change::Cut(at) => input.truncate(at.index(input.len())),
    }
}

/// Two inputs of the corpus with changes, the end of one behind the start of the other; or any bytes.
fn any_input(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changed = (
        prop::sample::select(corpus.clone()),
        prop::option::weighted(0.3, (prop::sample::select(corpus), any::<Index>())),
        prop::collection::vec(any_change(), 0..6),
    );
    let changed = changed.prop_map(|(mut input, other, changes)| {
        if let Some((other, at)) = other {
            input.extend_from_slice(&other[at.index(other.len() + 1)..]);
        }
        changes.iter().for_each(|change| apply(change, &mut input));
        input
    });
    prop_oneof![9 => changed, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

/// `FORKCAST_TEST_FUZZ_SECONDS` says for how long, `FORKCAST_TEST_FUZZ_TARGET` which one: that is how `tests/fuzz` runs
/// them where there is no fuzzer.
#[test]
fn mutated_inputs_hold() {
    let seconds = env::var("FORKCAST_TEST_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let only = env::var("FORKCAST_TEST_FUZZ_TARGET").ok();
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|only| only == target.name)) {
        let inputs = any_input(corpus(target).into_iter().map(|(_, input)| input).collect());
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut executions = 0;
        while end.map_or(executions < INPUTS, |end| Instant::now() < end) {
            let input = inputs.new_tree(&mut runner).unwrap().current();
            assert!(holds(*target, &input), "{} does not hold for {}", target.name, input.escape_ascii());
            executions += 1;
        }
        println!("{:20} {executions} inputs", target.name);
    }
}
