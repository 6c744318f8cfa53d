//! Every number of the network layer, with its reason.

use std::time::Duration;

/// How long one name may take to resolve. Resolvers retry on their own after 5 s; a second retry has never helped a show.
pub const RESOLVE: Duration = Duration::from_secs(10);

/// How long a name may take to resolve whose server has been reached before. Long enough for a second question to DNS where the
/// first was lost on the way to a near resolver; a show that was cut has no time for more.
pub const RESOLVE_KNOWN: Duration = Duration::from_secs(3);

/// For how many servers of a destination the last good address is kept: primary, backup, and one that each sends us to.
pub const LAST_GOOD: usize = 4;

/// How long all addresses of one name together may take to accept: lost SYNs are repeated after 1, 3 and 7 s.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How long the TLS handshake may take, for either side.
pub const TLS: Duration = Duration::from_secs(10);

/// How long one address is tried alone before the next joins: the "Connection Attempt Delay" of RFC 8305, section 8.
pub const STAGGER: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried. A name with more is a large pool in which the rest is no better.
pub const ADDRESSES: usize = 8;

/// Unsent bytes that the kernel may hold per socket: about 170 ms at 6 Mbit/s, so that lag shows in the log, where a policy
/// can act, and not in a send buffer of megabytes.
pub const NOT_SENT_LOW_WATER: u32 = 128 * 1024;

/// How long sent bytes may stay unacknowledged: with the attempt that follows, a dead peer is seen within 10 s.
pub const USER_TIMEOUT: Duration = Duration::from_secs(8);

/// Silence before the first keepalive probe. With two probes 2 s apart an idle dead peer is seen in 8 s, like a busy one.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(4);

/// The time between keepalive probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// How many probes may stay unanswered.
pub const KEEPALIVE_PROBES: u32 = 2;

/// How much text of a peer (a name in its certificate, a description) is shown, in characters.
pub const PEER_TEXT: usize = 120;

/// How many names of a certificate are listed; some have hundreds.
pub const CERTIFICATE_NAMES: usize = 5;
