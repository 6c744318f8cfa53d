//! A second, independent reading of RTMP: just enough of it, written from Adobe's specification, to publish and to receive
//! in ways that no real peer can be asked for. It shares no line with the engine under test.

mod amf;
mod behaviour;
mod chunks;
mod publisher;
mod sink;

pub(crate) use behaviour::{Answer, Behaviour};
pub(crate) use publisher::Publisher;
pub(crate) use sink::{Session, Sink};
