//! What a person needs to go live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an encoder and the first destination need, as the program also says at its start. There is no key in it.
#[derive(Clone, Debug, Default)]
pub struct Guide {
    /// The server URL of each listener. `HOST` stands for a name that only its reader knows.
    pub servers: Vec<String>,
    /// Where each stream's key is found, by the stream's name.
    pub keys: BTreeMap<String, KeyPlace>,
    /// What to do while no destination is on; `None` where one is.
    pub first_step: Option<String>,
}

/// Where a stream's key is found, never the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyPlace {
    /// In words, such as ``in the file state/stream-keys/live``.
    pub text: String,
    /// The file that holds it, where forkcast has made the key.
    pub file: Option<String>,
}
