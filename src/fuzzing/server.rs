//! The whole session of a publisher, from the first byte to its log.

use bytes::{Buf as _, Bytes};

use super::{
    choices::{Choices, Cuts},
    media::Stream,
};
use crate::{
    media::Kind,
    rtmp::{
        error::Error,
        handshake::RANDOM_LEN,
        limits::WAITING_ANSWERS,
        message::MessageType,
        server::{Event, Refusal, Server},
    },
};

/// Sent at most before the peer reads: answers up to their limit, the one that goes over it, handshake and control.
const WAITING: usize = WAITING_ANSWERS + 8 * 1024;

/// `connect`, `createStream` and `publish` as they are sent most often, each in one chunk.
const CONNECT: &[u8] = b"\x03\0\0\0\0\0\x3A\x14\0\0\0\0\x02\0\x07connect\0\x3F\xF0\0\0\0\0\0\0\x03\
    \0\x03app\x02\0\x04live\0\x05tcUrl\x02\0\x0Dr://host/live\0\0\x09";
const PUBLISH: &[u8] = b"\x04\0\0\0\0\0\x22\x14\x01\0\0\0\x02\0\x07publish\0\x40\x14\0\0\0\0\0\0\x05\
    \x02\0\x04abcd\x02\0\x04live";

/// What the caller of a session sees.
#[derive(Debug, PartialEq)]
enum Seen {
    Connected,
    Asked,
    Media(MessageType, u32, Bytes),
    Unpublished,
    Closed,
}

/// A publisher that sends anything at all: no media passes that nobody accepted, nothing is read while a decision is due,
/// what waits to be sent has a bound, and the events are the same however the bytes are cut.
pub fn server_session(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (flags, decisions) = (choices.u8(), choices.u8());
    let cuts = choices.cuts();
    // Fuzzers seldom find their way through a whole dialogue: it is given to them in parts.
    let handshake = [&[3][..], &[0; 2 * 1536]].concat();
    let start: &[&[u8]] = match flags % 4 {
        0 => &[],
        1 => &[&handshake],
        2 => &[&handshake, CONNECT],
        _ => &[&handshake, CONNECT, PUBLISH],
    };
    let wire = [&start.concat(), choices.rest()].concat();
    let caller = Caller { refuses_connect: flags & 0x40 != 0, decisions, reads: flags & 0x80 != 0 };
    let (events, error) = serve(&wire, cuts, caller);
    let (at_once, error_at_once) = serve(&wire, Cuts::NONE, caller);
    // The memory that may be held depends on what is at hand, so that a limit may be reached sooner or later.
    if is_limit(error) || is_limit(error_at_once) {
        let common = events.len().min(at_once.len());
        assert_eq!(events[..common], at_once[..common], "cut in another way");
    } else {
        assert_eq!((events, error), (at_once, error_at_once), "cut in another way");
    }
}

fn is_limit(error: Option<Error>) -> bool {
    matches!(error, Some(Error::Limit { .. }))
}

/// What is decided, and what the publisher does meanwhile.
#[derive(Clone, Copy)]
struct Caller {
    refuses_connect: bool,
    /// Each bit refuses a publish or accepts it, beginning with the lowest.
    decisions: u8,
    /// The publisher takes what is sent to it; else all of it waits.
    reads: bool,
}

/// The events, and the error that ends them.
fn serve(wire: &[u8], cuts: Cuts, mut caller: Caller) -> (Vec<Seen>, Option<Error>) {
    let mut server = Server::new(&[7; RANDOM_LEN]);
    let mut stream = Stream::default();
    let mut events = Vec::new();
    let mut is_accepted = false;
    let mut is_over = false;
    for mut piece in cuts.pieces(wire) {
        loop {
            let event = match server.handle_input(&mut piece) {
                Ok(Some(event)) => event,
                Ok(None) => break assert!(piece.is_empty()),
                Err(error) => return (events, Some(error)),
            };
            assert!(!is_over, "an event after the end");
            events.push(match event {
                Event::Connected(_) => {
                    assert!(events.is_empty(), "connected is the first event, and comes once");
                    if caller.refuses_connect {
                        server.refuse_connect(Refusal { code: Refusal::REJECTED, description: "no".to_owned() });
                        is_over = true;
                    }
                    Seen::Connected
                }
                Event::PublishRequested(request) => {
                    assert!(!is_accepted && events.first() == Some(&Seen::Connected));
                    assert!(!format!("{request:?}").contains("abcd"), "a key is shown");
                    let before = piece.len();
                    assert!(matches!(server.handle_input(&mut piece), Ok(None)) && piece.len() == before);
                    is_accepted = caller.decisions & 1 == 0;
                    is_over = !is_accepted;
                    caller.decisions = caller.decisions.rotate_right(1);
                    if is_accepted {
                        server.accept_publish();
                    } else {
                        server.refuse_publish(Refusal { code: Refusal::DENIED, description: "no".to_owned() });
                    }
                    Seen::Asked
                }
                Event::Media(message) => {
                    assert!(is_accepted, "media that nobody accepted");
                    let kind = Kind::of_tag_type(message.message_type.0);
                    let Some(kind) = kind else { panic!("{message:?} is no media") };
                    stream.append_at(kind, message.timestamp, message.payload.clone());
                    Seen::Media(message.message_type, message.timestamp, message.payload)
                }
                Event::Unpublished => {
                    assert!(std::mem::take(&mut is_accepted), "the end of nothing");
                    Seen::Unpublished
                }
                Event::Closed => {
                    is_over = true;
                    Seen::Closed
                }
            });
        }
        let waiting = server.transmit();
        assert!(waiting.len() <= WAITING, "{} bytes wait", waiting.len());
        if caller.reads {
            waiting.advance(waiting.len());
        }
    }
    (events, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_dialogue_lead_to_media() {
        let handshake = [&[3][..], &[0; 2 * 1536]].concat();
        let media = b"\x04\0\0\x05\0\0\x02\x08\x01\0\0\0\xAF\x01";
        let wire = [&handshake, CONNECT, PUBLISH, media].concat();
        let audio = Seen::Media(MessageType::AUDIO, 5, Bytes::from_static(b"\xAF\x01"));
        let caller = Caller { refuses_connect: false, decisions: 0, reads: true };
        assert_eq!(serve(&wire, Cuts::NONE, caller), (vec![Seen::Connected, Seen::Asked, audio], None));
        let refuses = Caller { decisions: 1, ..caller };
        assert_eq!(serve(&wire, Cuts::NONE, refuses), (vec![Seen::Connected, Seen::Asked], None));
        let refuses = Caller { refuses_connect: true, ..caller };
        assert_eq!(serve(&wire, Cuts::NONE, refuses), (vec![Seen::Connected], None));
    }
}
