//! How long ingest waits, and for how many.

use std::time::Duration;

/// From the accepted connection to the end of the RTMP handshake (and, before it, of the TLS handshake). An encoder needs
/// one round trip.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// From the handshake to a publish, also after an unpublish on the same connection.
pub const PUBLISH: Duration = Duration::from_secs(10);

/// A publisher that sends no message for so long is gone: power loss and a moved address leave a connection that never ends.
pub const MEDIA_SILENCE: Duration = Duration::from_secs(30);

/// A live publisher that has sent nothing for so long is told of: the picture stands still everywhere.
pub const SILENCE_TOLD: Duration = Duration::from_secs(3);

/// How long a refused publisher has to read why: closing at once would reset the connection and lose the answer.
pub const REFUSAL: Duration = Duration::from_secs(1);

/// Connections that are served at the same time. Each one may cost the limits of the protocol layer in memory, and a
/// file descriptor of the usual 1,024.
pub const CONNECTIONS: usize = 512;

/// The pause after an accept that failed, so that a process without free file descriptors does not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
