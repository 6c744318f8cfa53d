//! Hand-made messages for tests: what encoders in reach do not send.

use bytes::Bytes;

use super::{FourCc, Kind};

/// A ManyTracks message of one codec; each track is an id and its data. `first_nibble` is 8 | frame type for
/// video, 9 for audio.
pub(crate) fn many_tracks(
    kind: Kind,
    first_nibble: u8,
    packet_type: u8,
    codec: FourCc,
    tracks: &[(u8, &[u8])],
) -> Bytes {
    let mut message = multitrack_start(kind, first_nibble, 1, packet_type);
    message.extend(codec.bytes());
    for (id, data) in tracks {
        push_track(&mut message, *id, data);
    }
    message.into()
}

/// A ManyTracksManyCodecs message; each track is a codec, an id and its data.
pub(crate) fn many_codecs(kind: Kind, first_nibble: u8, packet_type: u8, tracks: &[(FourCc, u8, &[u8])]) -> Bytes {
    let mut message = multitrack_start(kind, first_nibble, 2, packet_type);
    for (codec, id, data) in tracks {
        message.extend(codec.bytes());
        push_track(&mut message, *id, data);
    }
    message.into()
}

/// The same message behind a ModEx packet with a nanosecond offset.
pub(crate) fn with_mod_ex(message: &[u8]) -> Bytes {
    let first = message[0];
    let mod_ex = [first & 0xF0 | 7, 2, 0x01, 0x02, 0x03, first & 0x0F];
    [&mod_ex, &message[1..]].concat().into()
}

fn multitrack_start(kind: Kind, first_nibble: u8, multitrack_type: u8, packet_type: u8) -> Vec<u8> {
    let multitrack = if kind == Kind::Video { 6 } else { 5 };
    vec![first_nibble << 4 | multitrack, multitrack_type << 4 | packet_type]
}

fn push_track(message: &mut Vec<u8>, id: u8, data: &[u8]) {
    let size = u32::try_from(data.len()).unwrap();
    message.push(id);
    message.extend(&size.to_be_bytes()[1..]);
    message.extend(data);
}
