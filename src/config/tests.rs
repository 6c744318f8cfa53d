//! Files in, settings or rendered problems out: tables without a disk.

mod access;
mod activation;
mod between_files;
mod disk;
mod mistakes;
mod notify;
mod reference;
mod secrets;
mod server;
mod shipped;
mod trust;

use std::path::{Path, PathBuf};

use super::{Activation, Config, DestinationConfig, Memory};
use crate::destination::settings::Settings;

impl Memory {
    fn load(&self) -> Config {
        Config::load(self, Path::new("destinations"))
    }
}

/// The configuration of one file `destinations/d.toml`.
fn one(text: &str) -> Config {
    Memory::new(&[("destinations/d.toml", text)]).load()
}

fn first(config: &Config) -> &DestinationConfig {
    config.streams.first().and_then(|stream| stream.destinations.first()).expect("there is a destination")
}

#[track_caller]
fn settings(config: &Config) -> &Settings {
    match &first(config).activation {
        Activation::On(settings) => settings,
        other => panic!("not on: {other:?}\n{}", rendered(config)),
    }
}

#[track_caller]
fn off_reason(config: &Config) -> &str {
    match &first(config).activation {
        Activation::Off { reason, .. } => reason,
        other => panic!("not off: {other:?}\n{}", rendered(config)),
    }
}

/// All problems as a person sees them.
fn rendered(config: &Config) -> String {
    let problems: Vec<_> = config.problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}

/// Asserts what a person sees for one file `destinations/d.toml`. Leading line breaks of `expected` do not count.
#[track_caller]
fn sees(text: &str, expected: &str) {
    let config = one(text);
    assert_eq!(rendered(&config), expected.trim_start_matches('\n').trim_end(), "for the file:\n{text}");
}
