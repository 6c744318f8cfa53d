//! What a client tells its caller.

use super::{Stage, Status};
use crate::rtmp::secret::SecretText;

/// What the caller of [`Client::handle_input`](super::Client::handle_input) has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server has accepted `connect`. Nothing to be done: the next calls are queued. Whoever wanted to know no more than
    /// that closes, and sends none of them.
    Connected,
    /// The server has accepted the publish: [`send_media`](super::Client::send_media) from now on.
    Publishing,
    /// The server has refused to connect or to publish. Nothing more will come.
    Refused(Refused),
    /// News that changes nothing.
    Status(Status),
    /// The server wants the client to connect anew, there or to the same URL, and takes media until then (Enhanced RTMP
    /// v2). The URL may be relative to the one that is in use.
    ReconnectRequested(ReconnectRequest),
    /// The server has ended the publish. Nothing more will come.
    Ended(Status),
}

/// A refusal. The key and the app are masked in its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was refused.
    pub stage: Stage,
    /// The server's code, as `NetStream.Publish.BadName`; `close` where it only said that it closes.
    pub code: String,
    /// The server's words for people; may be empty.
    pub description: String,
    /// The tcUrl to connect to instead (code 302), where the server gives one.
    pub redirect: Option<SecretText>,
}

/// A request to connect anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectRequest {
    /// Where, absolute or relative; none: the same URL.
    pub tc_url: Option<SecretText>,
}
