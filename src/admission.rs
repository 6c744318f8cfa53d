//! Who may publish each stream: what its files say, or a key that forkcast makes.

use std::{path::Path, time::SystemTime};

use crate::{
    config::{Origin, StreamConfig},
    control::guide::KeyPlace,
    ingest::{
        access::{Access, PublisherKey},
        keys::{self, StreamKey},
    },
    relay::Stream,
};

/// Where a person finds a stream's key.
pub enum KeyNote {
    /// Made by forkcast and kept in a file: to be shown where the output is a terminal.
    Made(StreamKey),
    /// The operator's own: no need to repeat it, only to say what it is.
    Configured(String),
    /// Nobody may publish.
    Wrong(String),
    /// Nobody may publish: forkcast can neither read the key that it made nor make one.
    Failed(keys::Error),
}

impl KeyNote {
    /// The same for whoever reads it on the dashboard, without a key.
    #[must_use]
    pub fn place(&self) -> KeyPlace {
        match self {
            Self::Made(made) => {
                let file = made.file.display().to_string();
                KeyPlace { text: format!("in the file {file}"), file: Some(file) }
            }
            Self::Configured(text) => KeyPlace { text: text.clone(), file: None },
            Self::Wrong(problem) => KeyPlace::none(problem),
            Self::Failed(error) => KeyPlace::none(&error.to_string().replace('\n', "; ")),
        }
    }
}

/// A stream as it is to run. Where its files name no way in, its key is the one in the folder `state`, made where there is none.
/// Blocks for as long as the disk takes.
#[must_use]
pub fn admit(config: StreamConfig, state: &Path) -> (Stream, KeyNote) {
    let StreamConfig {
        name, mut access, ways, wrong, is_wrong, is_unlisted, takeover, coalescing, destinations, ..
    } = config;
    let unlisted = wrong.clone().filter(|_| is_unlisted);
    let note = match (wrong, ways.first()) {
        (Some(problem), _) => {
            access = Access::default();
            KeyNote::Wrong(problem)
        }
        (None, Some(way)) => KeyNote::Configured(match way.field {
            "signed" => format!("a signed one: `forkcast key sign --stream {name}` makes it ({})", way.origin),
            "webhook" => format!("the stream's webhook says which one ({})", way.origin),
            // It may have been made on the page, and whoever looks for it finds it there all the same.
            _ if matches!(way.origin, Origin::File { .. }) => format!("the one in {}", way.origin),
            _ => format!("the one that you gave ({})", way.origin),
        }),
        (None, None) => match StreamKey::load_or_make(state, &name) {
            Ok(made) => {
                access.keys.push(PublisherKey::unnamed(&made.key));
                access.keys.extend(StreamKey::previous(state, &name, SystemTime::now()));
                KeyNote::Made(made)
            }
            Err(error) => KeyNote::Failed(error),
        },
    };
    let is_wrong = is_wrong || matches!(note, KeyNote::Failed(_));
    let key = note.place();
    (Stream { name, access, key, takeover, coalescing, is_wrong, unlisted, destinations }, note)
}
