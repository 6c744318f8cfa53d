//! How much is posted, how often it is tried, and how long anything waits.

use std::time::Duration;

/// Endpoints that a relay may have. Each has a task, and a thread while it is posted to.
pub const ENDPOINTS: usize = 16;

/// Posts that wait for one endpoint. Of more the oldest go: the newest say how things are.
pub const QUEUE: usize = 100;

/// Over how long posts are counted for folding.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Posts about one destination, or one stream, in a window: it may fail, come back, and do both again, before the rest of the
/// minute is told as one.
pub const OF_ONE: u32 = 4;

/// Posts to one endpoint in a window. Chat systems take about thirty a minute.
pub const OF_ALL: u32 = 20;

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
