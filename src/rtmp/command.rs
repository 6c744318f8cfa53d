//! Commands: the remote calls by which a publisher and a server agree on a publish (RTMP 1.0 §7.2), as types.
//!
//! A command message is a name, a transaction number and arguments, all AMF values. A call with a transaction number
//! other than 0 is answered by `_result` or `_error` with the same number; what such a reply means depends on the call.
//!
//! Both roles read and write the same types. Reading forgives what real encoders get wrong: arguments that are missing,
//! of another type or too many. A name that nobody here knows becomes [`Call::Unknown`].

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use super::amf0::{Decoder, Value};
use super::error::Error;
use super::message::{Message, MessageType};

pub mod hops;

mod arguments;
mod capabilities;
mod connect;
mod reply;
mod status;

use arguments::Arguments;
pub use capabilities::{Capabilities, CapabilityFlags, CodecAbility};
pub use connect::Connect;
pub use reply::Reply;
pub use status::Status;

/// A call or a reply.
#[derive(Debug, Clone)]
pub struct Command {
    /// Links a reply to its call. 0: no reply is wanted. A double on the wire; echoed as it came.
    pub transaction: f64,
    /// What is called, with its arguments.
    pub call: Call,
}

/// What a command says. The names in quotes are those of the wire.
#[derive(Debug, Clone)]
pub enum Call {
    /// `connect`, the first call of a connection.
    Connect(Box<Connect>),
    /// `releaseStream`: end an older publish under this stream key.
    ReleaseStream(SecretString),
    /// `FCPublish`: a publish under this stream key will follow.
    FcPublish(SecretString),
    /// `createStream`: the reply gives the number of a new message stream.
    CreateStream,
    /// `publish`, on the message stream that is to carry the media.
    Publish {
        /// The stream key.
        stream_key: SecretString,
        /// `live`, in practice.
        publish_type: String,
    },
    /// `FCUnpublish`: the publish under this stream key ends.
    FcUnpublish(SecretString),
    /// `deleteStream`.
    DeleteStream(StreamReference),
    /// `closeStream`, or `publish(false)`: the publish on the message's own stream ends.
    CloseStream,
    /// `_checkbw`: a bandwidth check, which nobody does any more but some wait for.
    CheckBandwidth,
    /// `onBWDone`: the server's bandwidth check is over.
    OnBandwidthDone,
    /// `onFCPublish`.
    OnFcPublish(Status),
    /// `onFCUnpublish`.
    OnFcUnpublish(Status),
    /// `onStatus`: news of the connection or of a message stream.
    OnStatus(Status),
    /// `_result`.
    Result(Reply),
    /// `_error`.
    Error(Reply),
    /// `close`: the connection ends.
    Close,
    /// Any other name. The arguments are not read.
    Unknown {
        /// The name as it came: a peer's text, so not for people's eyes as it is.
        name: String,
    },
}

/// What `deleteStream` says about the stream to delete.
#[derive(Debug, Clone)]
pub enum StreamReference {
    /// The number of the message stream, which is the form of the specification.
    Number(f64),
    /// The stream key (GStreamer).
    Key(SecretString),
    /// Nothing: the only one there is.
    Missing,
}

impl Command {
    /// A call or reply with that transaction number.
    pub fn new(transaction: f64, call: Call) -> Self {
        Self { transaction, call }
    }

    /// A call that wants no reply: transaction 0.
    pub fn notify(call: Call) -> Self {
        Self { transaction: 0.0, call }
    }

    /// Whether messages of this type are commands.
    pub fn is_command(message_type: MessageType) -> bool {
        matches!(message_type, MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3)
    }

    /// Reads the payload of a command message, type 20 or 17.
    ///
    /// # Errors
    /// As [`Value::decode_all`]; malformed too where the first value is not a name.
    pub fn decode(message: &Message) -> Result<Self, Error> {
        let body = amf0_body(message);
        let mut values = Decoder::new(&body);
        let Some(Value::String(name)) = values.next()? else {
            return Err(Error::Malformed("a command does not begin with its name"));
        };
        let transaction = values.next()?.as_ref().and_then(Value::as_number).unwrap_or(0.0);
        let Some(read) = Call::reader(&name) else {
            return Ok(Self { transaction, call: Call::Unknown { name } });
        };
        let mut arguments = Vec::new();
        while let Some(argument) = values.next()? {
            arguments.push(argument);
        }
        Ok(Self { transaction, call: read(&Arguments::new(arguments)) })
    }

    /// The payload of a command message of type 20.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        Value::from(self.call.name()).encode(&mut out);
        Value::Number(self.transaction).encode(&mut out);
        for argument in self.call.arguments() {
            argument.encode(&mut out);
        }
        Bytes::from(out)
    }

    /// The whole message, on that message stream, at time 0.
    pub fn message(&self, message_stream_id: u32) -> Message {
        Message { message_type: MessageType::COMMAND_AMF0, message_stream_id, timestamp: 0, payload: self.encode() }
    }
}

impl Call {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Connect(_) => "connect",
            Self::ReleaseStream(_) => "releaseStream",
            Self::FcPublish(_) => "FCPublish",
            Self::CreateStream => "createStream",
            Self::Publish { .. } => "publish",
            Self::FcUnpublish(_) => "FCUnpublish",
            Self::DeleteStream(_) => "deleteStream",
            Self::CloseStream => "closeStream",
            Self::CheckBandwidth => "_checkbw",
            Self::OnBandwidthDone => "onBWDone",
            Self::OnFcPublish(_) => "onFCPublish",
            Self::OnFcUnpublish(_) => "onFCUnpublish",
            Self::OnStatus(_) => "onStatus",
            Self::Result(_) => "_result",
            Self::Error(_) => "_error",
            Self::Close => "close",
            Self::Unknown { name } => name,
        }
    }

    /// How the arguments of the call with that name are read. None: an unknown name.
    fn reader(name: &str) -> Option<fn(&Arguments) -> Self> {
        Some(match name {
            "connect" => |arguments| Self::Connect(Box::new(Connect::read(arguments.at(0)))),
            "releaseStream" => |arguments| Self::ReleaseStream(arguments.key()),
            "FCPublish" => |arguments| Self::FcPublish(arguments.key()),
            "createStream" => |_| Self::CreateStream,
            "publish" => Self::read_publish,
            "FCUnpublish" => |arguments| Self::FcUnpublish(arguments.key()),
            "deleteStream" => |arguments| Self::DeleteStream(arguments.stream()),
            "closeStream" => |_| Self::CloseStream,
            "_checkbw" => |_| Self::CheckBandwidth,
            "onBWDone" => |_| Self::OnBandwidthDone,
            "onFCPublish" => |arguments| Self::OnFcPublish(arguments.status()),
            "onFCUnpublish" => |arguments| Self::OnFcUnpublish(arguments.status()),
            "onStatus" => |arguments| Self::OnStatus(arguments.status()),
            "_result" => |arguments| Self::Result(arguments.reply()),
            "_error" => |arguments| Self::Error(arguments.reply()),
            "close" => |_| Self::Close,
            _ => return None,
        })
    }

    /// `publish(false)` is how Flash ends a publish.
    fn read_publish(arguments: &Arguments) -> Self {
        if matches!(arguments.at(1), Value::Boolean(false)) {
            return Self::CloseStream;
        }
        let publish_type = arguments.at(2).as_str().unwrap_or("live").to_owned();
        Self::Publish { stream_key: arguments.key(), publish_type }
    }

    /// The values after the transaction number. Most calls have a null where an object could stand.
    fn arguments(&self) -> Vec<Value> {
        match self {
            Self::Connect(connect) => vec![connect.write()],
            Self::ReleaseStream(key) | Self::FcPublish(key) | Self::FcUnpublish(key) => {
                vec![Value::Null, Value::from(key.expose_secret())]
            }
            Self::Publish { stream_key, publish_type } => {
                vec![Value::Null, Value::from(stream_key.expose_secret()), Value::from(publish_type.as_str())]
            }
            Self::DeleteStream(StreamReference::Number(number)) => vec![Value::Null, Value::Number(*number)],
            Self::DeleteStream(StreamReference::Key(key)) => vec![Value::Null, Value::from(key.expose_secret())],
            Self::OnFcPublish(status) | Self::OnFcUnpublish(status) | Self::OnStatus(status) => {
                vec![Value::Null, status.write()]
            }
            Self::Result(reply) | Self::Error(reply) => vec![reply.properties.clone(), reply.information.clone()],
            Self::CreateStream
            | Self::DeleteStream(StreamReference::Missing)
            | Self::CloseStream
            | Self::CheckBandwidth
            | Self::OnBandwidthDone
            | Self::Close
            | Self::Unknown { .. } => vec![Value::Null],
        }
    }
}

/// The AMF0 values of a command or data message. The types that are AMF3 by name (15, 17) have a format byte in front,
/// always 0 in practice, and AMF0 behind it; a name's marker is never 0, so a sender that leaves the byte out is
/// understood too.
pub(super) fn amf0_body(message: &Message) -> Bytes {
    let is_amf3 = matches!(message.message_type, MessageType::COMMAND_AMF3 | MessageType::DATA_AMF3);
    match message.payload.first() {
        Some(0) if is_amf3 => message.payload.slice(1..),
        _ => message.payload.clone(),
    }
}

#[cfg(test)]
mod tests;
