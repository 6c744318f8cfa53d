//! A stream is a log, everything downstream is a cursor.
//!
//! ```text
//!   ingest --Publish::append--> Demuxer -Demuxed-> Log [ m m K m m m K m m ]
//!                                 |                      ^       ^
//!                        Epoch, Timeline              Cursor   Cursor   (one for each destination)
//! ```
//!
//! Pure: [`message`], [`epoch`], [`timeline`], [`log`], [`demuxer`], [`broadcast`]; for people [`facts`]
//! and [`meter`]. The thin shell that shares one stream
//! between tasks is [`feed`]. Knows no network.

pub mod bell;
pub mod broadcast;
pub mod coalescing;
pub mod demuxer;
pub mod epoch;
pub mod facts;
pub mod feed;
pub mod log;
pub mod message;
pub mod meter;
#[cfg(test)]
pub(crate) mod testing;
pub mod timeline;

pub use bell::Listener;
pub use broadcast::{Broadcast, Phase};
pub use coalescing::{Coalescing, Load};
pub use demuxer::Demuxer;
pub use epoch::Epoch;
pub use facts::{Facts, Formats};
pub use feed::{
    Displaced, Feed, FeedStatus, NotBegun, Publish, Publisher, SHUT, StreamSettings, Takeover, Totals, TransportUse,
};
pub use log::{Batch, Cursor, Lag, Log, Read, Window};
pub use message::Message;
pub use meter::{KeyframeInterval, Meter, Rates};
pub use timeline::Timeline;
