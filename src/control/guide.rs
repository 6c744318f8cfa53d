//! What a person needs to go live.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a stream's key is found, never the key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyPlace {
    /// In words, such as ``in the file state/stream-keys/live``.
    pub text: String,
    /// The file that holds it, where forkcast has made the key.
    pub file: Option<String>,
}

/// How the words begin where there is no key.
const NONE: &str = "none: nobody can publish, because ";

impl KeyPlace {
    /// Of a stream that nobody can publish.
    #[must_use]
    pub fn none(reason: &str) -> Self {
        Self { text: format!("{NONE}{reason}"), file: None }
    }

    /// Why nobody can publish, where nobody can.
    #[must_use]
    pub fn reason_for_none(&self) -> Option<&str> {
        self.text.strip_prefix(NONE)
    }
}
