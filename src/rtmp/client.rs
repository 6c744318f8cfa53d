//! The client's side of the dialogue: connect to a server, publish, send media.
//!
//! What is sent, and in which order, is the form that OBS and FFmpeg send, since that is what every server has been
//! tested with. The calling rule is that of [the protocol](super): call [`Client::handle_input`] until it gives `None`,
//! then write [`Client::transmit`]. There is something to send from the start.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use self::mask::Mask;
pub use self::{
    event::{Event, ReconnectRequest, Refused},
    mask::secrets,
};
use super::command::{Call, Capabilities, CapabilityFlags, Command, Connect, Reply, Status, StreamReference};
use super::connection::Connection;
use super::control::Control;
use super::error::Error;
use super::handshake::{Form, Random};
use super::limits::WAITING_ANSWERS;
use super::message::{Message, MessageType};
use super::outbox::Outbox;
use super::secret::SecretText;

mod event;
mod mask;

/// What the client says it is, in `flashVer`. It begins as OBS's and FFmpeg's do: as Flash Media Live Encoder's did.
const FLASH_VER: &str = concat!("FMLE/3.0 (compatible; forkcast/", env!("CARGO_PKG_VERSION"), ")");

/// The third argument of `publish`. Some servers never answer where it is anything else.
const PUBLISH_TYPE: &str = "live";

/// Each kind of message keeps to one chunk stream, so that its headers stay short. All are below 32, which is the most
/// that some servers know.
mod chunk_stream {
    pub(super) const COMMAND: u32 = 3;
    pub(super) const AUDIO: u32 = 4;
    pub(super) const DATA: u32 = 5;
    pub(super) const VIDEO: u32 = 6;
    pub(super) const PUBLISH: u32 = 8;
}

/// Transaction numbers: replies are told apart by them.
mod transaction {
    pub(super) const CONNECT: f64 = 1.0;
    pub(super) const RELEASE_STREAM: f64 = 2.0;
    pub(super) const FC_PUBLISH: f64 = 3.0;
    pub(super) const CREATE_STREAM: f64 = 4.0;
    pub(super) const PUBLISH: f64 = 5.0;
    pub(super) const FC_UNPUBLISH: f64 = 6.0;
    pub(super) const DELETE_STREAM: f64 = 7.0;
    pub(super) const CHECK_BANDWIDTH: f64 = 8.0;
}

/// Where to publish, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// `app` of `connect`: [`ServerUrl::expose_app`](super::url::ServerUrl::expose_app).
    pub app: SecretText,
    /// `tcUrl` of `connect`: [`ServerUrl::expose_tc_url`](super::url::ServerUrl::expose_tc_url).
    pub tc_url: SecretText,
    /// The stream key, sent to the letter but for white space around it. Empty where the platform has none.
    pub stream_key: SecretString,
    /// Bytes in a chunk, announced before `connect`. 4096 is OBS's, and so known to work everywhere.
    pub chunk_size: u32,
    /// Whether to say in `connect` that Enhanced RTMP may come. Without it the call is as OBS makes it.
    pub enhanced: bool,
    /// The relays that the stream has passed, this one last; empty for a server that cannot be a relay.
    pub relay_hops: Vec<String>,
    /// [`Form::Simple`], the default form, is taken by every known server.
    pub handshake: Form,
}

/// One connection to a destination, seen from the client.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    state: State,
    stream_key: SecretString,
    mask: Mask,
}

/// ```text
///            _result of connect            _result of createStream         Publish.Start
/// Connecting ------------------> Creating ------------------------> Asked --------------> Publishing
///     |                             |                                 |                     |     |
///     +-----------------------------+------ refused, closed ----------+---------------------+     | unpublish
///                                   v                                                             v
///                                 Over <---------------------------------------------------- Unpublished
/// ```
#[derive(Debug, Clone, Copy)]
enum State {
    /// The handshake, and `connect`, which waits behind it.
    Connecting,
    /// `releaseStream`, `FCPublish` and `createStream` are sent; the last must be answered.
    Creating,
    /// `publish` is sent.
    Asked { message_stream_id: u32 },
    /// Media flows.
    Publishing { message_stream_id: u32 },
    /// The publish was ended from here. News of that is no failure.
    Unpublished,
    /// The server has ended it at that stage. What still comes is thrown away.
    Over(Stage),
}

/// How far the dialogue is: what a failure or a time limit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The handshake is under way.
    Handshake,
    /// `connect` is sent.
    Connect,
    /// `createStream` is sent.
    CreateStream,
    /// `publish` is sent.
    Publish,
    /// The publish is accepted, or was and has ended.
    Publishing,
}

impl Client {
    /// A client at the start of a connection.
    #[must_use]
    pub fn new(config: Config, random: &Random) -> Self {
        let Config { app, tc_url, stream_key, chunk_size, enhanced, relay_hops, handshake } = config;
        let stream_key = SecretString::from(stream_key.expose_secret().trim());
        let mut connection = Connection::client_with_form(handshake, random);
        connection.send_control(Control::SetChunkSize(chunk_size));
        let mut client = Self {
            mask: Mask::new(&stream_key, app.expose_secret()),
            connection,
            state: State::Connecting,
            stream_key,
        };
        let connect = Connect {
            app,
            connection_type: "nonprivate".to_owned(),
            flash_ver: FLASH_VER.to_owned(),
            swf_url: tc_url.clone(),
            tc_url,
            object_encoding: None,
            capabilities: if enhanced { capabilities() } else { Capabilities::default() },
            relay_hops,
        };
        client.call(transaction::CONNECT, Call::Connect(Box::new(connect)));
        client
    }

    /// Takes bytes from the front of `input` up to the next event. `None`: all of `input` is taken.
    ///
    /// # Errors
    /// What the server sent ends the connection.
    pub fn handle_input(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Error> {
        loop {
            if matches!(self.state, State::Over(_)) {
                *input = &[];
                return Ok(None);
            }
            let Some(message) = self.connection.receive(input)? else { return Ok(None) };
            if Command::is_command(message.message_type)
                && let Some(event) = self.handle_command(&message)?
            {
                return Ok(Some(event));
            }
        }
    }

    /// How far the dialogue is, or was when the server ended it.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Connecting if !self.connection.is_handshake_done() => Stage::Handshake,
            State::Connecting => Stage::Connect,
            State::Creating => Stage::CreateStream,
            State::Asked { .. } => Stage::Publish,
            State::Publishing { .. } | State::Unpublished => Stage::Publishing,
            State::Over(stage) => stage,
        }
    }

    /// Queues audio (type 8), video (9) or data (18), with its time in milliseconds. Does nothing unless the publish is
    /// accepted and not ended.
    pub fn send_media(&mut self, message_type: MessageType, timestamp: u32, payload: Bytes) {
        let State::Publishing { message_stream_id } = self.state else { return };
        let chunk_stream_id = match message_type {
            MessageType::AUDIO => chunk_stream::AUDIO,
            MessageType::VIDEO => chunk_stream::VIDEO,
            _ => chunk_stream::DATA,
        };
        self.connection.send(chunk_stream_id, Message { message_type, message_stream_id, timestamp, payload });
    }

    /// Ends the publish: on many platforms, the broadcast. Queues the two calls for that; the caller writes them, waits a
    /// moment and closes. To go on later on another connection, drop this one without.
    pub fn unpublish(&mut self) {
        let (State::Asked { message_stream_id } | State::Publishing { message_stream_id }) = self.state else { return };
        let stream = StreamReference::Number(f64::from(message_stream_id));
        self.call(transaction::FC_UNPUBLISH, Call::FcUnpublish(self.stream_key.clone()));
        self.call(transaction::DELETE_STREAM, Call::DeleteStream(stream));
        self.state = State::Unpublished;
    }

    /// The bytes to send.
    pub fn transmit(&mut self) -> &mut Outbox {
        self.connection.transmit()
    }

    /// The number in the server's last acknowledgement. A sign of life; servers count in several ways.
    #[must_use]
    pub fn acknowledged(&self) -> Option<u32> {
        self.connection.acknowledged()
    }

    fn handle_command(&mut self, message: &Message) -> Result<Option<Event>, Error> {
        let Command { transaction, call } = match Command::decode(message) {
            Ok(command) => command,
            // A broadcast is not ended over words that nobody can read.
            Err(_) if self.stage() == Stage::Publishing => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(match call {
            Call::Result(reply) => return self.handle_result(transaction, &reply),
            Call::Error(reply) => self.handle_error(transaction, &reply),
            Call::OnStatus(status) => self.handle_status(status),
            Call::OnBandwidthDone if self.connection.transmit().len() < WAITING_ANSWERS => {
                self.call(transaction::CHECK_BANDWIDTH, Call::CheckBandwidth);
                None
            }
            Call::OnFcUnpublish(status) => self.handle_unpublish(status),
            Call::Unknown { name } if name == "onFCUnsubscribe" => self.handle_unpublish(Status::success(&name, "")),
            Call::Close => self.handle_end(Status::success("close", "")),
            _ => None,
        })
    }

    fn handle_result(&mut self, transaction: f64, reply: &Reply) -> Result<Option<Event>, Error> {
        match self.state {
            State::Connecting if transaction == transaction::CONNECT => {
                let status = reply.status();
                if status.is_error() {
                    return Ok(Some(self.refused(status)));
                }
                self.create_stream();
                Ok(Some(Event::Connected))
            }
            State::Creating if transaction == transaction::CREATE_STREAM => {
                let created = reply.stream_id();
                let id = created.ok_or(Error::Malformed("the reply to `createStream` has no stream number"))?;
                self.publish(id);
                Ok(None)
            }
            // Some servers give this in place of a status.
            State::Asked { message_stream_id } if transaction == transaction::PUBLISH => {
                Ok(Some(self.started(message_stream_id)))
            }
            _ => Ok(None),
        }
    }

    /// Only the calls that the publish depends on count: many servers refuse the others.
    fn handle_error(&mut self, transaction: f64, reply: &Reply) -> Option<Event> {
        let awaited = match self.state {
            State::Connecting => transaction::CONNECT,
            State::Creating => transaction::CREATE_STREAM,
            State::Asked { .. } => transaction::PUBLISH,
            State::Publishing { .. } | State::Unpublished | State::Over(_) => return None,
        };
        (transaction == awaited).then(|| self.refused(reply.status()))
    }

    fn handle_status(&mut self, status: Status) -> Option<Event> {
        if status.code == Status::RECONNECT_REQUEST {
            return Some(Event::ReconnectRequested(ReconnectRequest { tc_url: status.tc_url }));
        }
        if status.is_error() || is_end(&status.code) {
            return self.handle_end(status);
        }
        match self.state {
            State::Publishing { .. } if status.code == Status::UNPUBLISH_SUCCESS => self.handle_end(status),
            State::Unpublished => None,
            State::Asked { message_stream_id } if status.code == Status::PUBLISH_START => {
                Some(self.started(message_stream_id))
            }
            _ => Some(Event::Status(self.mask.status(status))),
        }
    }

    /// A publish was ended: ours, unless ours has not begun. Servers say so of an older one that makes room for it too.
    fn handle_unpublish(&mut self, status: Status) -> Option<Event> {
        match self.state {
            State::Publishing { .. } => self.handle_end(status),
            _ => None,
        }
    }

    /// The server will have no more of it: a refusal until media flows, the end of the publish after that, and no news
    /// where the publish was ended from here.
    fn handle_end(&mut self, status: Status) -> Option<Event> {
        match self.state {
            State::Connecting | State::Creating | State::Asked { .. } => Some(self.refused(status)),
            State::Publishing { .. } => {
                self.state = State::Over(Stage::Publishing);
                Some(Event::Ended(self.mask.status(status)))
            }
            State::Unpublished | State::Over(_) => None,
        }
    }

    fn create_stream(&mut self) {
        self.call(transaction::RELEASE_STREAM, Call::ReleaseStream(self.stream_key.clone()));
        self.call(transaction::FC_PUBLISH, Call::FcPublish(self.stream_key.clone()));
        self.call(transaction::CREATE_STREAM, Call::CreateStream);
        self.state = State::Creating;
    }

    fn publish(&mut self, message_stream_id: u32) {
        let call = Call::Publish { stream_key: self.stream_key.clone(), publish_type: PUBLISH_TYPE.to_owned() };
        let command = Command::new(transaction::PUBLISH, call);
        self.connection.send(chunk_stream::PUBLISH, command.message(message_stream_id));
        self.state = State::Asked { message_stream_id };
    }

    fn started(&mut self, message_stream_id: u32) -> Event {
        self.state = State::Publishing { message_stream_id };
        Event::Publishing
    }

    fn refused(&mut self, status: Status) -> Event {
        let stage = self.stage();
        self.state = State::Over(stage);
        let Status { code, description, redirect, .. } = self.mask.status(status);
        Event::Refused(Refused { stage, code, description, redirect })
    }

    fn call(&mut self, transaction: f64, call: Call) {
        self.connection.send(chunk_stream::COMMAND, Command::new(transaction, call).message(0));
    }
}

/// Codes that end a connection without being errors.
fn is_end(code: &str) -> bool {
    matches!(code, "NetConnection.Connect.Closed" | "NetConnection.Connect.AppShutdown")
}

/// What a relay can do, and that it follows a [`ReconnectRequest`].
fn capabilities() -> Capabilities {
    let relay = Capabilities::relay();
    Capabilities { flags: relay.flags.with(CapabilityFlags::RECONNECT), ..relay }
}

#[cfg(test)]
mod tests;
