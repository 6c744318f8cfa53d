//! How much time a preflight has, and how near an end it warns of.

use std::time::Duration;

/// For all servers together: who waits for the answer has a show to begin.
pub const TOTAL: Duration = Duration::from_secs(10);

/// For one step at one server. Lost SYNs are repeated after 1, 3 and 7 s, and a resolver asks again after 5 s: who lives has
/// answered by then, and who does not is told as that, with the usual words, before [`TOTAL`] is over.
pub const STEP: Duration = Duration::from_secs(8);

/// After our end of the connection: the time that the server has for its own.
pub const CLOSE: Duration = Duration::from_millis(500);

/// What one read takes at most: the answers to a handshake and to `connect` are shorter.
pub const READ_BYTES: usize = 4 << 10;

/// A certificate with fewer days is warned of. Machines renew a month before the end, or ten days before it where certificates
/// are short: that one was forgotten, or is about to be renewed, is for a person to say.
pub const DAYS_LEFT: i64 = 14;

/// The width of the table: two terminals side by side.
pub const COLUMNS: usize = 100;
