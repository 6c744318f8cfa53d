//! The server's side of the dialogue: a publisher connects, asks to publish, and sends media.
//!
//! Encoders differ in which calls they make, in which order, and in what they wait for. So every call is answered, in
//! the order that all of them can read, and only three things are insisted on: `connect` comes first, one publish at a
//! time, and no media before it is accepted.
//!
//! The calling rule is that of [the protocol](super): call [`Server::handle_input`] until it gives `None`, dealing with
//! each event, then write [`Server::transmit`]. After [`Event::PublishRequested`] nothing more is read until the caller
//! has decided; it then calls again with what is left of the input, even if that is nothing.

use secrecy::SecretString;

use self::streams::MessageStreams;
use super::amf0::Value;
use super::command::{self, Call, Capabilities, CapabilityFlags, Command, Connect, Reply, Status, StreamReference};
use super::connection::Connection;
use super::control::{BandwidthLimit, Control, UserControl};
use super::error::Error;
use super::handshake::Random;
use super::limits::{CALLS_BEFORE_PUBLISH, Limits, WAITING_ANSWERS};
use super::message::{Message, MessageType};
use super::outbox::Outbox;
use super::secret::SecretText;

mod streams;

/// The chunk stream of replies.
const CHUNK_STREAM_REPLY: u32 = 3;

/// The chunk stream of what is said about a publish.
const CHUNK_STREAM_STATUS: u32 = 5;

/// Window and bandwidth that are announced, in bytes: what most servers announce.
const WINDOW: u32 = 2_500_000;

/// The chunk size that is announced, in bytes. FFmpeg takes it for its own direction too and would else stay at 128.
const CHUNK_SIZE: u32 = 65_536;

/// One publisher's connection, seen from the server.
#[derive(Debug)]
pub struct Server {
    connection: Connection,
    state: State,
    streams: MessageStreams,
    /// Calls since the connection began or the last publish ended.
    idle_calls: u32,
    /// The publisher has said that it follows a request to reconnect.
    follows_reconnect: bool,
}

/// ```text
///            connect               read on              publish         accept_publish
/// Connecting -------> Introduced ---------> Connected ----------> Asked --------------> Publishing
///                         |                     ^                   | refuse_publish       |  |
///                         | refuse_connect      |                   v                      |  |
///                         +---------------------|----------------> Over <----- close ------+  |  (from others too)
///                                               +--- FCUnpublish, deleteStream, closeStream --+
/// ```
#[derive(Debug, Clone, Copy)]
enum State {
    /// The handshake, then the call that must come first.
    Connecting,
    /// `connect` came with that transaction. It is accepted by reading on.
    Introduced { transaction: f64 },
    /// Nothing is published.
    Connected,
    /// The caller has to accept or refuse a publish; nothing is read meanwhile.
    Asked { message_stream_id: u32 },
    /// The publish is accepted: media is passed on.
    Publishing { message_stream_id: u32 },
    /// Refused or closed. What still comes is thrown away, so that the refusal can be read before the connection ends.
    Over,
}

/// What the caller of [`Server::handle_input`] has to know.
#[derive(Debug)]
pub enum Event {
    /// The publisher has said who it is. Whoever reads on accepts the connection; [`Server::refuse_connect`] before that
    /// refuses it.
    Connected(Connected),
    /// To be answered with [`Server::accept_publish`] or [`Server::refuse_publish`] before anything more is read.
    PublishRequested(PublishRequest),
    /// Audio (type 8), video (9) or data (18) of the accepted publish, in the publisher's order. The payload is as it
    /// came, but for data of type 15, which is turned into type 18.
    Media(Message),
    /// The publisher has ended its publish. It may begin another on this connection.
    Unpublished,
    /// The publisher has ended the connection in order, and with it its publish.
    Closed,
}

/// What a publisher says about itself. People put stream keys into app and URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The path of the server URL, with its query. Any app is taken.
    pub app: SecretText,
    /// The server URL as it was typed into the encoder.
    pub tc_url: SecretText,
    /// The encoder's name, in its own words.
    pub flash_ver: String,
    /// What it can do with Enhanced RTMP; most say nothing.
    pub capabilities: Capabilities,
    /// The ids of the relays that its stream has passed, itself last; empty for an encoder.
    pub relay_hops: Vec<String>,
}

/// Somebody wants to publish. `Debug` hides the key.
#[derive(Debug, Clone)]
pub struct PublishRequest {
    /// The stream key as it came; empty for encoders that only probe.
    pub stream_key: SecretString,
    /// `live` in practice.
    pub publish_type: String,
}

/// Why a connection or a publish is refused, as the publisher will be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// [`Refusal::DENIED`] or [`Refusal::BAD_NAME`]; for a connection [`Refusal::REJECTED`].
    pub code: &'static str,
    /// For the person at the encoder: OBS and FFmpeg show it. No key in it.
    pub description: String,
}

impl Refusal {
    /// The key is wrong. OBS shows it and stops trying.
    pub const DENIED: &'static str = "NetStream.Publish.Denied";
    /// The stream is taken. OBS shows it and stops trying.
    pub const BAD_NAME: &'static str = "NetStream.Publish.BadName";
    /// The connection is not wanted.
    pub const REJECTED: &'static str = "NetConnection.Connect.Rejected";
}

impl Server {
    /// A server at the start of a connection.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        Self {
            connection: Connection::server(random),
            state: State::Connecting,
            streams: MessageStreams::default(),
            idle_calls: 0,
            follows_reconnect: false,
        }
    }

    /// Takes bytes from the front of `input` up to the next event. `None`: all of `input` is taken, or a publish waits to
    /// be accepted or refused.
    ///
    /// # Errors
    /// What the peer sent ends the connection: write what [`transmit`](Self::transmit) still holds, then close.
    pub fn handle_input(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Error> {
        loop {
            match self.state {
                State::Asked { .. } => return Ok(None),
                State::Over => {
                    *input = &[];
                    return Ok(None);
                }
                State::Introduced { transaction } => self.accept_connect(transaction),
                State::Connecting | State::Connected | State::Publishing { .. } => {}
            }
            let Some(message) = self.connection.receive(input)? else { return Ok(None) };
            if let Some(event) = self.handle_message(message)? {
                return Ok(Some(event));
            }
        }
    }

    /// Refuses the connection of the [`Event::Connected`] that was the last event; does nothing after any other. To be ended
    /// as after [`refuse_publish`](Self::refuse_publish).
    pub fn refuse_connect(&mut self, refusal: Refusal) {
        let State::Introduced { transaction } = self.state else { return };
        let reply = Reply::error(&Status::error(refusal.code, refusal.description));
        self.send(CHUNK_STREAM_REPLY, 0, &Command::new(transaction, Call::Error(reply)));
        self.state = State::Over;
    }

    /// Accepts the publish that was asked for. Does nothing where none was.
    pub fn accept_publish(&mut self) {
        let State::Asked { message_stream_id } = self.state else { return };
        self.send_status(message_stream_id, Status::success(Status::PUBLISH_START, "publishing"));
        self.connection.set_limits(Limits::AFTER_AUTHORISATION);
        self.state = State::Publishing { message_stream_id };
    }

    /// Refuses the publish that was asked for; does nothing where none was. The caller writes
    /// [`transmit`](Self::transmit), ends its direction, goes on reading for about a second, and only then closes: else
    /// the reset that follows unread bytes can overtake the refusal.
    pub fn refuse_publish(&mut self, refusal: Refusal) {
        let State::Asked { message_stream_id } = self.state else { return };
        self.send_status(message_stream_id, Status::error(refusal.code, refusal.description));
        self.state = State::Over;
    }

    /// Asks a publisher that said it can (`capsEx`) to connect anew, to the same server URL (Enhanced RTMP v2, "Reconnect Request").
    /// Says whether it was asked.
    pub fn request_reconnect(&mut self, description: &str) -> bool {
        let is_asked = self.follows_reconnect && matches!(self.state, State::Publishing { .. });
        if is_asked {
            let status = Status::success(Status::RECONNECT_REQUEST, description);
            self.send(CHUNK_STREAM_REPLY, 0, &Command::notify(Call::OnStatus(status)));
        }
        is_asked
    }

    /// The bytes to send.
    pub fn transmit(&mut self) -> &mut Outbox {
        self.connection.transmit()
    }

    fn handle_message(&mut self, message: Message) -> Result<Option<Event>, Error> {
        let is_publishing = matches!(self.state, State::Publishing { .. });
        match message.message_type {
            MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 if is_publishing => {
                // A broadcast is not ended over a call that nobody can read.
                let Ok(command) = Command::decode(&message) else { return Ok(None) };
                self.handle_command(message.message_stream_id, command)
            }
            MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 => {
                self.idle_calls += 1;
                if self.idle_calls > CALLS_BEFORE_PUBLISH {
                    let limit = u64::from(CALLS_BEFORE_PUBLISH);
                    return Err(Error::Limit { what: "calls before a publish", limit });
                }
                self.handle_command(message.message_stream_id, Command::decode(&message)?)
            }
            MessageType::AUDIO | MessageType::VIDEO | MessageType::DATA_AMF0 if is_publishing => {
                Ok(Some(Event::Media(message)))
            }
            MessageType::DATA_AMF3 if is_publishing => Ok(Some(Event::Media(as_amf0(message)))),
            // Media that nobody accepted, shared objects, and what is unknown.
            _ => Ok(None),
        }
    }

    fn handle_command(&mut self, message_stream_id: u32, command: Command) -> Result<Option<Event>, Error> {
        let Command { transaction, call } = command;
        match call {
            Call::Connect(connect) => return self.connect(transaction, *connect).map(Some),
            Call::Close => {
                self.state = State::Over;
                return Ok(Some(Event::Closed));
            }
            Call::CheckBandwidth | Call::Unknown { .. } => self.answer(transaction, Reply::null()),
            // Replies and news come from servers; a client that sends them wants nothing.
            Call::Result(_)
            | Call::Error(_)
            | Call::OnBandwidthDone
            | Call::OnFcPublish(_)
            | Call::OnFcUnpublish(_)
            | Call::OnStatus(_) => {}
            _ if matches!(self.state, State::Connecting) => {
                return Err(Error::OutOfOrder("a call that needs a connection came before `connect`"));
            }
            Call::ReleaseStream(_) => self.answer(transaction, Reply::undefined()),
            Call::FcPublish(_) => {
                self.answer(transaction, Reply::undefined());
                self.announce(Call::OnFcPublish(Status::success(Status::PUBLISH_START, "publish may begin")));
            }
            Call::CreateStream => {
                let created = self.streams.create()?;
                self.answer(transaction, Reply::stream(created));
            }
            Call::Publish { stream_key, publish_type } => {
                return Ok(self.publish(message_stream_id, PublishRequest { stream_key, publish_type }));
            }
            Call::FcUnpublish(_) => return Ok(self.fc_unpublish(transaction)),
            Call::DeleteStream(reference) => return Ok(self.delete_stream(&reference)),
            Call::CloseStream => return Ok(self.close_stream(message_stream_id)),
        }
        Ok(None)
    }

    fn connect(&mut self, transaction: f64, connect: Connect) -> Result<Event, Error> {
        if !matches!(self.state, State::Connecting) {
            return Err(Error::OutOfOrder("`connect` came twice"));
        }
        self.state = State::Introduced { transaction };
        let Connect { app, tc_url, flash_ver, capabilities, relay_hops, .. } = connect;
        self.follows_reconnect = capabilities.flags.contains(CapabilityFlags::RECONNECT);
        Ok(Event::Connected(Connected { app, tc_url, flash_ver, capabilities, relay_hops }))
    }

    fn accept_connect(&mut self, transaction: f64) {
        self.state = State::Connected;
        let controls = [
            Control::WindowAcknowledgementSize(WINDOW),
            Control::SetPeerBandwidth { size: WINDOW, limit: BandwidthLimit::DYNAMIC },
            Control::UserControl(UserControl::StreamBegin(0)),
            Control::SetChunkSize(CHUNK_SIZE),
        ];
        for control in controls {
            self.connection.send_control(control);
        }
        self.answer(transaction, Reply::connected(&Capabilities::relay()));
    }

    fn publish(&mut self, message_stream_id: u32, request: PublishRequest) -> Option<Event> {
        if matches!(self.state, State::Publishing { .. }) {
            let refusal = Status::error(Refusal::BAD_NAME, "this connection publishes already");
            self.send_status(message_stream_id, refusal);
            return None;
        }
        self.state = State::Asked { message_stream_id };
        Some(Event::PublishRequested(request))
    }

    /// Ends the publish whatever key is named: there is only one, and encoders shorten the key here.
    fn fc_unpublish(&mut self, transaction: f64) -> Option<Event> {
        let ended = Status::success(Status::UNPUBLISH_SUCCESS, "publish ended");
        self.announce(Call::OnFcUnpublish(ended));
        self.answer(transaction, Reply::undefined());
        self.unpublish(|_| true)
    }

    fn delete_stream(&mut self, reference: &StreamReference) -> Option<Event> {
        match reference {
            StreamReference::Number(number) => {
                // The cast takes what is no stream's number to one that is not in use.
                let deleted = *number as u32;
                self.streams.delete(deleted);
                self.unpublish(|publishing| publishing == deleted)
            }
            StreamReference::Key(_) | StreamReference::Missing => {
                self.streams.delete_newest();
                self.unpublish(|_| true)
            }
        }
    }

    fn close_stream(&mut self, message_stream_id: u32) -> Option<Event> {
        // Message stream 0 is the connection: some encoders send all calls there.
        self.unpublish(|publishing| message_stream_id == publishing || message_stream_id == 0)
    }

    /// Ends the publish if there is one and it is meant.
    fn unpublish(&mut self, is_meant: impl FnOnce(u32) -> bool) -> Option<Event> {
        let State::Publishing { message_stream_id } = self.state else { return None };
        if !is_meant(message_stream_id) {
            return None;
        }
        self.send_status(message_stream_id, Status::success(Status::UNPUBLISH_SUCCESS, "publish ended"));
        self.state = State::Connected;
        self.idle_calls = 0;
        Some(Event::Unpublished)
    }

    fn answer(&mut self, transaction: f64, reply: Reply) {
        if transaction != 0.0 {
            self.send(CHUNK_STREAM_REPLY, 0, &Command::new(transaction, Call::Result(reply)));
        }
    }

    fn announce(&mut self, call: Call) {
        self.send(CHUNK_STREAM_REPLY, 0, &Command::notify(call));
    }

    /// On the message stream of the publish: GStreamer takes no notice of it elsewhere.
    fn send_status(&mut self, message_stream_id: u32, status: Status) {
        self.send(CHUNK_STREAM_STATUS, message_stream_id, &Command::notify(Call::OnStatus(status)));
    }

    fn send(&mut self, chunk_stream_id: u32, message_stream_id: u32, command: &Command) {
        if self.connection.transmit().len() < WAITING_ANSWERS {
            self.connection.send(chunk_stream_id, command.message(message_stream_id));
        }
    }
}

/// Data of type 15 as type 18, with values in AMF3 turned into AMF0: a destination may know only that. Data that cannot
/// be read loses its format byte alone.
fn as_amf0(message: Message) -> Message {
    let body = command::amf0_body(&message);
    let payload = Value::decode_all(&body).map_or(body, |values| {
        let mut out = Vec::new();
        values.iter().for_each(|value| value.encode(&mut out));
        out.into()
    });
    Message { message_type: MessageType::DATA_AMF0, payload, ..message }
}

#[cfg(test)]
mod tests;
