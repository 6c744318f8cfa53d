//! What a destination can take: ingest keeps everything, each destination is sent its share.

use bytes::Bytes;

use super::{codecs::Codecs, settings::Settings};
use crate::{
    media::{self, Codec, FourCc, Kind, Plain, Slot, metadata},
    stream::Message,
};

/// The codecs that are video; the others of a list are audio.
const VIDEO: [FourCc; 6] = [FourCc::AVC, FourCc::HEVC, FourCc::AV1, FourCc::VP8, FourCc::VP9, FourCc::VVC];

/// The share of a stream that one destination is sent, from its platform row and its file.
#[derive(Clone, Debug)]
pub struct Filter {
    codecs: Codecs,
    tracks: Tracks,
    data_messages: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracks {
    /// Every track, byte for byte.
    All,
    /// The default audio and video track, in the plain form that a legacy receiver knows.
    Default,
}

impl Filter {
    /// The filter of a destination.
    pub fn new(settings: &Settings) -> Self {
        Self {
            codecs: settings.codecs.clone(),
            tracks: if settings.multitrack { Tracks::All } else { Tracks::Default },
            data_messages: settings.platform.data_messages.clone(),
        }
    }

    /// Why a stream with this codec on its default track of `kind` is not sent here, in a sentence; `None` where it is.
    pub fn refusal(&self, kind: Kind, codec: Codec) -> Option<String> {
        let Codecs::Only(taken) = &self.codecs else { return None };
        if self.codecs.takes(&codec) {
            return None;
        }
        let media = if kind == Kind::Video { "video" } else { "audio" };
        let taken: Vec<String> = taken
            .iter()
            .filter(|taken| VIDEO.contains(taken) == (kind == Kind::Video))
            .map(|taken| Codec::from(*taken).to_string())
            .collect();
        let taken = if taken.is_empty() { format!("no {media}") } else { taken.join(" or ") };
        Some(format!(
            "the {media} is {codec}, and this destination takes {taken}: set the encoder to that, or, if the server does take \
             {codec}, list it in `codecs` of the destination's file"
        ))
    }

    /// The payload to send for `message`; `None` where the destination is not sent it.
    pub fn message(&self, message: &Message) -> Option<Bytes> {
        match message.kind {
            // Enhanced RTMP has a meaning for an empty audio message, and some servers close on any empty one.
            _ if message.payload.is_empty() => None,
            Kind::Data => self.takes_data(&message.payload).then(|| message.payload.clone()),
            _ if message.description.codec.is_some_and(|codec| !self.codecs.takes(&codec)) => None,
            _ => match self.tracks {
                Tracks::All => Some(message.payload.clone()),
                Tracks::Default => match message.plain() {
                    Plain::Unchanged => Some(message.payload.clone()),
                    Plain::Rewritten(payload) => Some(payload.clone()),
                    Plain::Nothing => None,
                },
            },
        }
    }

    /// The payload that announces a slot of the epoch; `None` where the destination is not sent it.
    pub fn configuration(&self, slot: Slot, payload: &Bytes) -> Option<Bytes> {
        if slot.kind == Kind::Data {
            // Servers of the Adobe family take metadata in this wrapper only; all others know it too.
            return self.takes_data(payload).then(|| metadata::wrap(payload));
        }
        let description = media::Inspector::new().inspect(slot.kind, payload);
        if description.codec.is_some_and(|codec| !self.codecs.takes(&codec)) {
            return None;
        }
        if self.tracks == Tracks::All {
            return Some(payload.clone());
        }
        match media::plain_default_track(slot.kind, payload, &description) {
            Plain::Unchanged => Some(payload.clone()),
            Plain::Rewritten(payload) => Some(payload),
            Plain::Nothing => None,
        }
    }

    fn takes_data(&self, payload: &Bytes) -> bool {
        // What has no name cannot be a data message that any server knows.
        metadata::name(&metadata::unwrap(payload))
            .is_some_and(|name| self.data_messages.iter().any(|taken| taken == "*" || taken == name))
    }
}
