//! What it takes to read the files of a rack: 1,000 streams of 5 destinations. `cargo bench --bench load`.
//!
//! `read` is a start, or a reload after one change; `look` is what is done every second while nothing changes.

#![allow(clippy::expect_used, reason = "a benchmark that cannot have its files ends")]

use std::{fs, path::Path};

use divan::Bencher;
use forkcast::config::{Config, Disk, Watched};
use tempfile::TempDir;

fn main() {
    divan::main();
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).expect("a temporary folder can be written");
}

fn rack() -> TempDir {
    let folder = TempDir::new().expect("a folder can be made");
    for stream in 0..1000 {
        let inside = folder.path().join(format!("stream-{stream:04}"));
        fs::create_dir(&inside).expect("a temporary folder can be written");
        write(&inside.join("stream.toml"), &format!("key = \"key-of-stream-{stream:04}\"\n"));
        for destination in 0..5 {
            let text = format!("platform = \"youtube\"\nkey = \"{stream:04}-{destination:04}-abcd-efgh\"\n");
            write(&inside.join(format!("destination-{destination}.toml")), &text);
        }
    }
    folder
}

#[divan::bench(sample_count = 5)]
fn read(bencher: Bencher<'_, '_>) {
    let folder = rack();
    bencher.bench_local(|| {
        let config = Config::load(&Watched::new(Disk::default()), folder.path());
        let destinations: usize = config.streams.iter().map(|stream| stream.destinations.len()).sum();
        assert_eq!(destinations, 5000, "all of them were read");
        config
    });
}

#[divan::bench(sample_count = 5)]
fn look(bencher: Bencher<'_, '_>) {
    let folder = rack();
    let source = Watched::new(Disk::default());
    let config = Config::load(&source, folder.path());
    assert_eq!(config.streams.len(), 1001, "and the default stream");
    let stamps = source.into_stamps();
    bencher.bench_local(|| stamps.now());
}
