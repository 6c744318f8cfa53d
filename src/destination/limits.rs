//! How long a destination waits for its server.

use std::time::Duration;

/// The RTMP handshake: two round trips, on a loaded server.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// The answer to `connect` and to `createStream`.
pub const REPLY: Duration = Duration::from_secs(10);

/// The answer to `publish`: Facebook takes more than three seconds at times.
pub const PUBLISH_REPLY: Duration = Duration::from_secs(15);

/// How often it is looked whether what was sent arrives.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the policy is asked while the server takes nothing at all.
pub const ASK_EVERY: Duration = Duration::from_millis(250);

/// Something was sent and nothing of it acknowledged for so long: shown as stalling. Longer than any round trip.
pub const STALLING: Duration = Duration::from_secs(2);

/// The same for so long by the looks, which is up to a second more in truth: that is told, with what to do. Beyond what a radio link or
/// a packet that is lost again and again takes, and early enough that a person hears of it within five seconds.
pub const TELL_STALLED: Duration = Duration::from_millis(3250);

/// No answer to what was asked while connecting for so long: that is told, too.
pub const TELL_SILENT: Duration = Duration::from_secs(4);

/// How often it is looked whether anything arrives while nothing does.
pub const LOOK_WHILE_SILENT: Duration = Duration::from_millis(250);

/// Something to send and no byte taken for so long: the peer is dead. The same time as TCP_USER_TIMEOUT, which sees a peer
/// that is gone; this one sees a peer that is there and reads nothing.
pub const STALLED: Duration = Duration::from_secs(8);

/// After the last message was taken: the time to get it and the unpublish out.
pub const FLUSH: Duration = Duration::from_secs(5);

/// After the unpublish: the time that the server has to end the connection itself.
pub const CLOSE: Duration = Duration::from_secs(1);

/// What one read takes from a server, in bytes: the longest answer to `connect` fits, and what else it says is a few bytes at a
/// time. A thousand destinations hold a thousand such buffers.
pub const READ: usize = 4096;
