//! What is inside an audio, video or data message of an RTMP publish: the body of an FLV tag, legacy form or
//! Enhanced RTMP v1 and v2. Knows neither RTMP nor sockets: bytes in, descriptions and bytes out.
//!
//! ```text
//!   payload ──> Inspector::inspect ──> Description { class, codec, packaging }      one per publish, at ingest
//!   payload + description ──> configurations()       the slots of an epoch that a configuration message fills
//!   payload + description ──> plain_default_track()  the form for a destination that takes one plain track
//!   a configuration message ──> PictureFormat, SoundFormat   what it says of the track, for people
//! ```
//!
//! In reading order: `fourcc`, `description` (the words); [`enhanced`] (the grammar of Enhanced RTMP, both ways);
//! `part`, `video`, `audio`, `nal` (what one track's bytes are); `inspector`, `configuration`, `plain` (the three
//! questions above); `format`; [`metadata`]; [`flv`] (files).
//!
//! Two rules hold throughout. What is not understood is [`Class::Other`] and is forwarded as it is: a relay must not
//! close on a codec or a packet type that is younger than itself. And every length that a peer wrote is checked
//! against the bytes that are there: any bytes at all give an answer, none gives a panic.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod audio;
mod bytes_reader;
mod configuration;
mod description;
pub mod enhanced;
pub mod flv;
mod format;
mod fourcc;
mod inspector;
pub mod limits;
pub mod metadata;
mod nal;
mod part;
mod plain;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod video;

pub use configuration::{Slot, configurations};
pub use description::{Class, ConfigurationKind, Description, Kind, Packaging};
pub use format::{Origin, PictureFormat, Size, SoundFormat};
pub use fourcc::{Codec, FourCc};
pub use inspector::Inspector;
pub use plain::{Plain, plain_default_track};
