//! How long ingest waits, for how many, and how much it tells. (What one peer may make us hold: `rtmp/limits.rs`.)

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

/// A key that opens nothing is refused so long after it came: whatever was looked up meanwhile, the time says nothing about it,
/// and guessing is slow.
pub const WRONG_KEY_PAUSE: Duration = Duration::from_secs(1);

/// Wrong keys that one address may try in a row. A person who mistypes needs two or three.
pub const WRONG_KEYS_AT_ONCE: u32 = 5;

/// When one more is allowed: 300 an hour, which find no key that is longer than three letters.
pub const WRONG_KEY_EVERY: Duration = Duration::from_secs(12);

/// Addresses whose wrong and right keys are remembered: about 2 MB. Past that those that matter least are forgotten.
pub const NETWORKS_WATCHED: usize = 16_384;

/// Connections that have not been accepted as publishers, in all. Each costs below 10 KiB of memory and a descriptor. When
/// there are more, the one that has waited longest goes: an encoder is done in a second, so that it is none.
pub const WAITING: usize = 12_288;

/// The least room for them, however few descriptors the system gives: else nobody could publish.
pub const WAITING_AT_LEAST: usize = 32;

/// Of those who had to go, how many may still hold their descriptor while more are accepted.
pub const LEAVING: usize = 16;

/// Connections that the kernel may hold until they are accepted, as far as it allows so many: thousands may come in one second.
pub const BACKLOG: u32 = 4096;

/// The same of one address (of 64 bits in IPv6): encoders behind one router seldom start in the same second.
pub const WAITING_OF_ONE: usize = 20;

/// What one read takes from a connection that has not been accepted, in bytes. The whole dialogue has below 8 KiB.
pub const READ_BEFORE: usize = 1024;

/// The pause after an accept that failed, so that a process without free file descriptors does not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often one address is told of, and how many addresses in a second: whoever knocks ten thousand times fills no disk.
pub const TOLD_OF_ONE: Duration = Duration::from_secs(1);

/// Lines about peers that did not become publishers, in a second.
pub const TOLD_IN_A_SECOND: u32 = 10;

/// Addresses of which is known when they were told of last. Past that all are told of less often.
pub const TOLD_ADDRESSES: usize = 4096;

/// Longest name that a signature or a webhook may give to a publisher, in characters: it stands in log lines.
pub const PUBLISHER_NAME: usize = 32;

/// Most of a webhook's answer that is read, in bytes: it is a sentence.
pub const WEBHOOK_ANSWER: u64 = 16 << 10;

/// Questions to webhooks that are on their way at the same time: each has a thread.
pub const WEBHOOK_QUESTIONS: usize = 16;

/// Answers of webhooks that are remembered. One is needed for each live publisher.
pub const WEBHOOK_ANSWERS: usize = 4096;

/// How often the files of certificates are looked at: a renewed one is in use within 5 s.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(2);
