//! One engine for both ends of a connection: handshake, chunk layer, protocol control.
//!
//! What it deals with itself: chunk sizes of both directions, abort, acknowledgements and windows, ping and pong,
//! aggregates. What it passes on: commands, data, audio, video, and every type that it does not know.

use super::aggregate::Aggregate;
use super::chunk::{Decoder, Encoder};
use super::control::{self, Control, UserControl};
use super::error::Error;
use super::handshake::{Form, Handshake, Progress, Random};
use super::limits::{ACKNOWLEDGEMENT_INTERVAL, Limits, WAITING_REPLIES};
use super::message::{Message, MessageType};
use super::outbox::Outbox;

/// The window for a peer that announces none, in bytes: what most servers announce.
const DEFAULT_WINDOW: u32 = 2_500_000;

/// One end of an RTMP connection. The calling rule is that of [the protocol](super).
#[derive(Debug)]
pub struct Connection {
    stage: Stage,
    limits: Limits,
    decoder: Decoder,
    encoder: Encoder,
    outbox: Outbox,
    /// The aggregate that is being split.
    aggregate: Option<Aggregate>,
    acknowledgements: Acknowledgements,
    /// The last window acknowledgement size that was sent to the peer.
    announced_window: Option<u32>,
    replies: Replies,
}

#[derive(Debug)]
enum Stage {
    /// What is sent now waits for the end of the handshake.
    Handshake {
        handshake: Handshake,
        waiting: Outbox,
    },
    Open,
}

/// Both directions of counting bytes. Being acknowledged is remembered and means nothing: peers count in several ways.
#[derive(Debug)]
struct Acknowledgements {
    /// Bytes received after the handshake.
    received: u64,
    /// What `received` was at the last acknowledgement.
    reported: u64,
    /// The peer wants one at least once in this many bytes.
    window: u32,
    /// The number in the peer's last acknowledgement.
    by_peer: Option<u32>,
}

/// Control replies that the peer has not taken yet.
#[derive(Debug, Default)]
struct Replies {
    waiting: usize,
    /// [`Outbox::drained`] when the first of them was queued.
    since: u64,
}

impl Connection {
    /// The end that was dialled: a publisher's server.
    #[must_use]
    pub fn server(random: &Random) -> Self {
        Self::new(Handshake::server(random), Outbox::default(), Limits::BEFORE_AUTHORISATION)
    }

    /// The end that dials: a destination's client, with the simple form of the handshake.
    #[must_use]
    pub fn client(random: &Random) -> Self {
        Self::client_with_form(Form::Simple, random)
    }

    /// The end that dials, with a choice of the handshake's form.
    #[must_use]
    pub fn client_with_form(form: Form, random: &Random) -> Self {
        let mut outbox = Outbox::default();
        let handshake = Handshake::client(form, random, &mut outbox);
        Self::new(handshake, outbox, Limits::DESTINATION)
    }

    fn new(handshake: Handshake, outbox: Outbox, limits: Limits) -> Self {
        Self {
            stage: Stage::Handshake { handshake, waiting: Outbox::default() },
            limits,
            decoder: Decoder::new(limits),
            encoder: Encoder::new(),
            outbox,
            aggregate: None,
            acknowledgements: Acknowledgements { received: 0, reported: 0, window: DEFAULT_WINDOW, by_peer: None },
            announced_window: None,
            replies: Replies::default(),
        }
    }

    /// Takes bytes from the front of `input` up to the next message that is not protocol control, and gives that
    /// message. `None`: all of `input` is taken. What protocol control calls for is done and answered on the way.
    ///
    /// # Errors
    /// [`Error::NotRtmp`] in the handshake; [`Error::Malformed`]; [`Error::Limit`]. The connection is over then.
    pub fn receive(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        if let Stage::Handshake { handshake, waiting } = &mut self.stage {
            if handshake.receive(input, &mut self.outbox)? == Progress::Waiting {
                return Ok(None);
            }
            self.outbox.append(waiting);
            self.stage = Stage::Open;
        }
        loop {
            if let Some(part) = self.aggregate.as_mut().and_then(Iterator::next) {
                return Ok(Some(part));
            }
            self.aggregate = None;
            let before = input.len();
            let message = self.decoder.decode(input)?;
            self.count((before - input.len()) as u64)?;
            match message {
                None => return Ok(None),
                Some(message) if Control::is_control(message.message_type) => self.obey(&message)?,
                Some(message) if message.message_type == MessageType::AGGREGATE => {
                    self.aggregate = Some(Aggregate::new(message));
                }
                Some(message) => return Ok(Some(message)),
            }
        }
    }

    /// Queues a message on a chunk stream (3 to 8; see [`Encoder::encode`]). Before the end of the handshake it waits.
    pub fn send(&mut self, chunk_stream_id: u32, message: Message) {
        let out = match &mut self.stage {
            Stage::Handshake { waiting, .. } => waiting,
            Stage::Open => &mut self.outbox,
        };
        self.encoder.encode(chunk_stream_id, message, out);
    }

    /// Queues a protocol control message. [`Control::SetChunkSize`] also sets the size of all chunks behind it;
    /// announce it before media flows, since OBS stops listening once it publishes.
    pub fn send_control(&mut self, control: Control) {
        self.send(control::CHUNK_STREAM_ID, control.encode());
        match control {
            Control::SetChunkSize(size) => self.encoder.set_chunk_size(size),
            Control::WindowAcknowledgementSize(size) => self.announced_window = Some(size),
            _ => {}
        }
    }

    /// Sets other limits, as when the publisher's key turns out right.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.decoder.set_limits(limits);
    }

    /// Whether the handshake is over, seen from here: the peer's packets have all come.
    #[must_use]
    pub fn is_handshake_done(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Bytes received after the handshake. (Those of the handshake are left out: a peer that leaves them out of what it
    /// has sent would find more acknowledged than that.)
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.acknowledgements.received
    }

    /// The number in the peer's last acknowledgement: total bytes modulo 2^32 by the specification, an increment or
    /// nothing at all by some servers. Nothing but a sign of life can be read from it.
    #[must_use]
    pub fn acknowledged(&self) -> Option<u32> {
        self.acknowledgements.by_peer
    }

    /// The bytes to send.
    pub fn transmit(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Counts bytes received, and acknowledges them when it is time.
    fn count(&mut self, bytes: u64) -> Result<(), Error> {
        self.acknowledgements.received += bytes;
        if self.acknowledgements.received > self.limits.received {
            return Err(Error::Limit { what: "bytes before the publish is accepted", limit: self.limits.received });
        }
        if let Some(total) = self.acknowledgements.due()
            && self.reply(Control::Acknowledgement(total))
        {
            self.acknowledgements.reported = self.acknowledgements.received;
        }
        Ok(())
    }

    /// Does what a protocol control message says. One that is too short says nothing.
    fn obey(&mut self, message: &Message) -> Result<(), Error> {
        match Control::decode(message.message_type, &message.payload) {
            Some(Control::SetChunkSize(size)) => {
                if size == 0 || size > i32::MAX as u32 {
                    return Err(Error::Malformed("a chunk size of 0 or with the top bit set"));
                }
                self.decoder.set_chunk_size(size);
            }
            Some(Control::Abort(chunk_stream_id)) => self.decoder.abort(chunk_stream_id),
            Some(Control::Acknowledgement(total)) => self.acknowledgements.by_peer = Some(total),
            Some(Control::WindowAcknowledgementSize(window)) => self.acknowledgements.window = window,
            Some(Control::SetPeerBandwidth { size, .. }) if self.announced_window != Some(size) => {
                self.reply(Control::WindowAcknowledgementSize(size));
            }
            Some(Control::UserControl(UserControl::PingRequest(time))) => {
                self.reply(Control::UserControl(UserControl::PingResponse(time)));
            }
            Some(Control::SetPeerBandwidth { .. } | Control::UserControl(_)) | None => {}
        }
        Ok(())
    }

    /// Answers the peer, unless it asks without reading: then the answer is left out, and `false` returned.
    fn reply(&mut self, control: Control) -> bool {
        let drained = self.outbox.drained();
        if self.replies.since != drained {
            self.replies = Replies { waiting: 0, since: drained };
        }
        if self.replies.waiting >= WAITING_REPLIES {
            return false;
        }
        self.replies.waiting += 1;
        self.send_control(control);
        true
    }
}

impl Acknowledgements {
    /// The number to send, if it is time: at half the window, so that the peer never comes to its end.
    fn due(&self) -> Option<u32> {
        let interval = (self.window / 2).max(ACKNOWLEDGEMENT_INTERVAL);
        let due = self.received - self.reported >= u64::from(interval);
        // The count on the wire wraps at 32 bits.
        due.then_some(self.received as u32)
    }
}

#[cfg(test)]
mod tests;
