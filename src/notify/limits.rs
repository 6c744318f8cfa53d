//! How much is posted, how often it is tried, and how long anything waits.

use std::time::Duration;

/// Endpoints that a relay may have. Each has a task, and a thread while it is posted to.
pub const ENDPOINTS: usize = 16;

/// Posts that wait for one endpoint. Of more the oldest go: the newest say how things are.
pub const QUEUE: usize = 100;

/// Over how long posts about the same are counted for folding.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Posts about one destination, or one stream, in a window: it may fail, come back, and do both again, before the rest of the
/// minute is told as one. Remarks about it, such as that the stream exceeds a limit, have as many of their own.
pub const OF_ONE: u32 = 4;

/// What is bad and was so for this long is told, however much was told before: whoever fails is told of within five seconds.
pub const SETTLED: Duration = Duration::from_secs(4);

/// Posts that one endpoint is sent at once, whatever they are about.
pub const AT_ONCE: u32 = 6;

/// What is beyond that goes together into one post in so long. With [`AT_ONCE`] that is 26 posts in the busiest minute: chat systems
/// take about thirty.
pub const EVERY: Duration = Duration::from_secs(3);

/// Where it begins to be too much, what happens within so long goes together.
pub const GATHER: Duration = Duration::from_secs(1);

/// Other events that a post names; of more it says how many there are.
pub const NAMED: usize = 100;

/// The waits before further tries: seven tries in two minutes, which is how long a service takes to be restarted.
pub const WAITS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// The longest wait that an endpoint may ask for (`Retry-After`).
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How often an endpoint that goes on taking nothing is told of.
pub const TELL_EVERY: Duration = Duration::from_secs(60);

/// How long the relay's end waits for what is left to be posted, once for each.
pub const FLUSH: Duration = Duration::from_secs(2);

/// What a task needs at the most to end once it is asked to.
pub const MOMENT: Duration = Duration::from_secs(1);

/// Records that are taken from the history at a time.
pub const BATCH: usize = 64;

/// Longest text for a chat, in characters: Discord takes 2,000.
pub const TEXT: usize = 1900;
