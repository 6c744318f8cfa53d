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
