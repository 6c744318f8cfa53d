//! Protocol control messages (types 1 to 6): typed, both ways.
//!
//! They travel on chunk stream 2 and message stream 0; their numbers are big-endian (RTMP 1.0 §5.4, §6.2, §7.1.7).

use bytes::{BufMut, Bytes, BytesMut};

use super::message::{Message, MessageType};

/// The chunk stream that carries protocol control (RTMP 1.0 §5.4).
pub const CHUNK_STREAM_ID: u32 = 2;

/// A protocol control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// The sender's chunk size in bytes from the next chunk on. 1 to 0x7FFFFFFF is right; checked where it is obeyed.
    SetChunkSize(u32),
    /// The sender gives up the unfinished message on this chunk stream.
    Abort(u32),
    /// Bytes received in all, wrapping at 32 bits.
    Acknowledgement(u32),
    /// A stream event, ping or pong.
    UserControl(UserControl),
    /// The sender wants an acknowledgement after this many bytes.
    WindowAcknowledgementSize(u32),
    /// The receiver may have this many bytes unacknowledged.
    SetPeerBandwidth {
        /// The window in bytes.
        size: u32,
        /// How the window is meant.
        limit: BandwidthLimit,
    },
}

/// The limit type of [`Control::SetPeerBandwidth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandwidthLimit(pub u8);

impl BandwidthLimit {
    /// Exactly this window.
    pub const HARD: Self = Self(0);
    /// At most this window.
    pub const SOFT: Self = Self(1);
    /// Hard where the last one was hard, else to be ignored. Servers send this one.
    pub const DYNAMIC: Self = Self(2);
}

/// A user control event (RTMP 1.0 §6.2, §7.1.7): `u16` event, then its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserControl {
    /// Event 0: this message stream can be used now.
    StreamBegin(u32),
    /// Event 1: playback of this message stream is over.
    StreamEof(u32),
    /// Event 2: no more data on this message stream for now.
    StreamDry(u32),
    /// Event 3: a player's buffer.
    SetBufferLength {
        /// The message stream.
        message_stream_id: u32,
        /// The buffer's length in milliseconds.
        milliseconds: u32,
    },
    /// Event 4: this message stream is a recording.
    StreamIsRecorded(u32),
    /// Event 6: to be answered by a [`PingResponse`](Self::PingResponse) with the same number.
    PingRequest(u32),
    /// Event 7.
    PingResponse(u32),
    /// Any other event. Received and passed over; never sent, since some servers close on what they do not know.
    Other {
        /// The event number.
        event: u16,
        /// What follows it.
        data: Bytes,
    },
}

impl Control {
    /// Whether messages of this type are protocol control.
    #[must_use]
    pub fn is_control(message_type: MessageType) -> bool {
        (MessageType::SET_CHUNK_SIZE.0..=MessageType::SET_PEER_BANDWIDTH.0).contains(&message_type.0)
    }

    /// Reads the body of a control message. `None`: another type, or a body that is too short to say anything (real
    /// encoders have sent empty ones). Bytes after the fields are passed over.
    #[must_use]
    pub fn decode(message_type: MessageType, body: &[u8]) -> Option<Self> {
        if message_type == MessageType::USER_CONTROL {
            return UserControl::decode(body).map(Self::UserControl);
        }
        let (value, rest) = body.split_first_chunk()?;
        let value = u32::from_be_bytes(*value);
        match message_type {
            MessageType::SET_CHUNK_SIZE => Some(Self::SetChunkSize(value)),
            MessageType::ABORT => Some(Self::Abort(value)),
            MessageType::ACKNOWLEDGEMENT => Some(Self::Acknowledgement(value)),
            MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE => Some(Self::WindowAcknowledgementSize(value)),
            MessageType::SET_PEER_BANDWIDTH => Some(Self::SetPeerBandwidth {
                size: value,
                // Some peers leave the limit type out.
                limit: rest.first().map_or(BandwidthLimit::DYNAMIC, |&limit| BandwidthLimit(limit)),
            }),
            _ => None,
        }
    }

    /// The message that carries this: message stream 0, time 0.
    #[must_use]
    pub fn encode(&self) -> Message {
        let mut body = BytesMut::with_capacity(10);
        let message_type = match self {
            Self::SetChunkSize(size) => {
                body.put_u32(*size);
                MessageType::SET_CHUNK_SIZE
            }
            Self::Abort(chunk_stream_id) => {
                body.put_u32(*chunk_stream_id);
                MessageType::ABORT
            }
            Self::Acknowledgement(received) => {
                body.put_u32(*received);
                MessageType::ACKNOWLEDGEMENT
            }
            Self::UserControl(event) => {
                event.encode(&mut body);
                MessageType::USER_CONTROL
            }
            Self::WindowAcknowledgementSize(size) => {
                body.put_u32(*size);
                MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE
            }
            Self::SetPeerBandwidth { size, limit } => {
                body.put_u32(*size);
                body.put_u8(limit.0);
                MessageType::SET_PEER_BANDWIDTH
            }
        };
        Message { message_type, message_stream_id: 0, timestamp: 0, payload: body.freeze() }
    }
}

impl UserControl {
    fn decode(body: &[u8]) -> Option<Self> {
        let (event, data) = body.split_first_chunk()?;
        let event = u16::from_be_bytes(*event);
        let number = || data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        match event {
            0 => number().map(Self::StreamBegin),
            1 => number().map(Self::StreamEof),
            2 => number().map(Self::StreamDry),
            3 => {
                let (message_stream_id, data) = data.split_first_chunk()?;
                let (milliseconds, _) = data.split_first_chunk()?;
                Some(Self::SetBufferLength {
                    message_stream_id: u32::from_be_bytes(*message_stream_id),
                    milliseconds: u32::from_be_bytes(*milliseconds),
                })
            }
            4 => number().map(Self::StreamIsRecorded),
            6 => number().map(Self::PingRequest),
            7 => number().map(Self::PingResponse),
            _ => Some(Self::Other { event, data: Bytes::copy_from_slice(data) }),
        }
    }

    fn encode(&self, body: &mut BytesMut) {
        let (event, number) = match self {
            Self::StreamBegin(id) => (0, *id),
            Self::StreamEof(id) => (1, *id),
            Self::StreamDry(id) => (2, *id),
            Self::SetBufferLength { message_stream_id, .. } => (3, *message_stream_id),
            Self::StreamIsRecorded(id) => (4, *id),
            Self::PingRequest(time) => (6, *time),
            Self::PingResponse(time) => (7, *time),
            Self::Other { event, data } => {
                body.put_u16(*event);
                body.extend_from_slice(data);
                return;
            }
        };
        body.put_u16(event);
        body.put_u32(number);
        if let Self::SetBufferLength { milliseconds, .. } = self {
            body.put_u32(*milliseconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One table, both ways: what each body means, and what each meaning looks like.
    fn table() -> Vec<(u8, &'static [u8], Control)> {
        use Control::{Abort, Acknowledgement, SetChunkSize, SetPeerBandwidth, WindowAcknowledgementSize};
        use UserControl::{
            Other, PingRequest, PingResponse, SetBufferLength, StreamBegin, StreamDry, StreamEof, StreamIsRecorded,
        };
        let event = Control::UserControl;
        vec![
            (1, &[0, 0, 0x10, 0], SetChunkSize(4096)),
            (1, &[0x7F, 0xFF, 0xFF, 0xFF], SetChunkSize(0x7FFF_FFFF)),
            (2, &[0, 0, 0, 4], Abort(4)),
            (3, &[0xFF, 0, 0, 1], Acknowledgement(0xFF00_0001)),
            (4, &[0, 0, 0, 0, 0, 1], event(StreamBegin(1))),
            (4, &[0, 1, 0, 0, 0, 1], event(StreamEof(1))),
            (4, &[0, 2, 0, 0, 0, 1], event(StreamDry(1))),
            (
                4,
                &[0, 3, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8],
                event(SetBufferLength { message_stream_id: 1, milliseconds: 3000 }),
            ),
            (4, &[0, 4, 0, 0, 0, 1], event(StreamIsRecorded(1))),
            (4, &[0, 6, 1, 2, 3, 4], event(PingRequest(0x0102_0304))),
            (4, &[0, 7, 1, 2, 3, 4], event(PingResponse(0x0102_0304))),
            (4, &[0, 26], event(Other { event: 26, data: Bytes::new() })),
            (4, &[0, 31, 0, 0, 0, 1], event(Other { event: 31, data: Bytes::from_static(&[0, 0, 0, 1]) })),
            (5, &[0, 0x26, 0x25, 0xA0], WindowAcknowledgementSize(2_500_000)),
            (6, &[0, 0x26, 0x25, 0xA0, 2], SetPeerBandwidth { size: 2_500_000, limit: BandwidthLimit::DYNAMIC }),
            (6, &[0, 0, 0, 9, 0], SetPeerBandwidth { size: 9, limit: BandwidthLimit::HARD }),
            (6, &[0, 0, 0, 9, 77], SetPeerBandwidth { size: 9, limit: BandwidthLimit(77) }),
        ]
    }

    #[test]
    fn bodies_both_ways() {
        for (message_type, body, control) in table() {
            let message_type = MessageType(message_type);
            assert!(Control::is_control(message_type));
            assert_eq!(Control::decode(message_type, body).as_ref(), Some(&control));
            let message = control.encode();
            assert_eq!((message.message_type, &message.payload[..]), (message_type, body));
            assert_eq!((message.message_stream_id, message.timestamp), (0, 0));
        }
    }

    #[test]
    fn a_short_body_says_nothing() {
        for (message_type, body, _) in table() {
            // The limit type may be left out; an unknown event may be of any length.
            let optional = usize::from(message_type == 6);
            if message_type == 4 && body[1] > 7 {
                continue;
            }
            for len in 0..body.len() - optional {
                assert_eq!(Control::decode(MessageType(message_type), &body[..len]), None, "{message_type} {len}");
            }
        }
    }

    #[test]
    fn trailing_bytes_and_a_missing_limit_type_are_accepted() {
        assert_eq!(
            Control::decode(MessageType::SET_CHUNK_SIZE, &[0, 0, 0, 128, 9, 9]),
            Some(Control::SetChunkSize(128))
        );
        assert_eq!(
            Control::decode(MessageType::SET_PEER_BANDWIDTH, &[0, 0, 0, 9]),
            Some(Control::SetPeerBandwidth { size: 9, limit: BandwidthLimit::DYNAMIC })
        );
    }

    #[test]
    fn other_types_are_no_control() {
        for message_type in [0, 7, 8, 9, 18, 20, 22] {
            assert!(!Control::is_control(MessageType(message_type)));
            assert_eq!(Control::decode(MessageType(message_type), &[0; 8]), None);
        }
    }
}
