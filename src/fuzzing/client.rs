//! The whole session with a destination's server, which may be anybody's.

use bytes::{Buf as _, Bytes};
use secrecy::SecretString;

use super::choices::{Choices, Cuts};
use crate::rtmp::{
    client::{Client, Config, Event},
    error::Error,
    handshake::{Form, RANDOM_LEN},
    limits::WAITING_ANSWERS,
    message::MessageType,
};

/// What is never to be seen in what a server says. The corpus holds servers that say it.
const KEY: &str = "abcd-1234-efgh";

/// Sent at most before the peer reads: answers up to their limit, the one that goes over it, handshake and control.
const WAITING: usize = WAITING_ANSWERS + 8 * 1024;

/// The results of `connect` and `createStream`, and the start of the publish, each in one chunk.
const CONNECTED: &[u8] = b"\x03\0\0\0\0\0\x15\x14\0\0\0\0\x02\0\x07_result\0\x3F\xF0\0\0\0\0\0\0\x05\x05";
const CREATED: &[u8] =
    b"\x03\0\0\0\0\0\x1D\x14\0\0\0\0\x02\0\x07_result\0\x40\x10\0\0\0\0\0\0\x05\0\x3F\xF0\0\0\0\0\0\0";
const STARTED: &[u8] = b"\x03\0\0\0\0\0\x15\x14\0\0\0\0\x02\0\x07_result\0\x40\x14\0\0\0\0\0\0\x05\x05";

/// A server that sends anything at all: events come in their order and end where it ends, nobody sees the key in them,
/// no media is sent that it has not asked for, what waits to be sent has a bound, and the cuts do not matter.
pub fn client_session(data: &[u8]) {
    let mut choices = Choices::new(data);
    let flags = choices.u8();
    let cuts = choices.cuts();
    let handshake = [&[3][..], &[0; 2 * 1536]].concat();
    let start: &[&[u8]] = match flags % 5 {
        0 => &[],
        1 => &[&handshake],
        2 => &[&handshake, CONNECTED],
        3 => &[&handshake, CONNECTED, CREATED],
        _ => &[&handshake, CONNECTED, CREATED, STARTED],
    };
    let wire = [&start.concat(), choices.rest()].concat();
    let (events, error) = converse(&wire, cuts, flags);
    let (at_once, error_at_once) = converse(&wire, Cuts::NONE, flags);
    // The memory that may be held depends on what is at hand, so that a limit may be reached sooner or later.
    if matches!((error, error_at_once), (Some(Error::Limit { .. }), _) | (_, Some(Error::Limit { .. }))) {
        let common = events.len().min(at_once.len());
        assert_eq!(events[..common], at_once[..common], "cut in another way");
    } else {
        assert_eq!((events, error), (at_once, error_at_once), "cut in another way");
    }
}

/// The events, and the error that ends them.
fn converse(wire: &[u8], cuts: Cuts, flags: u8) -> (Vec<Event>, Option<Error>) {
    let reads = flags & 0x80 != 0;
    let mut client = Client::new(
        Config {
            app: "live/secret-app-5678".into(),
            tc_url: "rtmp://host/live/secret-app-5678".into(),
            relay_hops: vec!["0123456789abcdef".to_owned()],
            stream_key: SecretString::from(KEY),
            chunk_size: 4096,
            enhanced: flags & 0x40 != 0,
            handshake: if flags & 0x20 == 0 { Form::Simple } else { Form::Digest },
        },
        &[7; RANDOM_LEN],
    );
    let mut events = Vec::new();
    let mut is_over = false;
    for mut piece in cuts.pieces(wire) {
        loop {
            let event = match client.handle_input(&mut piece) {
                Ok(Some(event)) => event,
                Ok(None) => break assert!(piece.is_empty()),
                Err(error) => return (events, Some(error)),
            };
            assert!(!is_over, "an event after the end");
            let shown = format!("{event:?}");
            assert!(!shown.contains(KEY) && !shown.contains("secret-app-5678"), "{shown}");
            let is_connected = events.contains(&Event::Connected);
            let is_publishing = events.contains(&Event::Publishing);
            match &event {
                Event::Connected => assert!(!is_connected),
                Event::Publishing => assert!(is_connected && !is_publishing),
                Event::Refused(_) => {
                    assert!(!is_publishing);
                    is_over = true;
                }
                Event::Ended(_) => {
                    assert!(is_publishing);
                    is_over = true;
                }
                Event::Status(_) | Event::ReconnectRequested(_) => {}
            }
            events.push(event);
            send_media(&mut client, !is_over && events.contains(&Event::Publishing));
        }
        send_media(&mut client, !is_over && events.contains(&Event::Publishing));
        let waiting = client.transmit();
        assert!(waiting.len() <= WAITING, "{} bytes wait", waiting.len());
        if reads {
            waiting.advance(waiting.len());
        }
    }
    (events, None)
}

/// Media is queued exactly while the publish is accepted. One that is, is taken back, since its sender would not send more
/// than the server takes.
fn send_media(client: &mut Client, is_publishing: bool) {
    let before = client.transmit().len();
    client.send_media(MessageType::AUDIO, 0, Bytes::from_static(b"\xAF\x01"));
    let after = client.transmit().len();
    assert_eq!(after > before, is_publishing);
    if is_publishing {
        let waiting = client.transmit();
        waiting.advance(waiting.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_dialogue_lead_to_a_publish() {
        let handshake = [&[3][..], &[0; 2 * 1536]].concat();
        let wire = [&handshake, CONNECTED, CREATED, STARTED].concat();
        assert_eq!(converse(&wire, Cuts::NONE, 0), (vec![Event::Connected, Event::Publishing], None));
    }
}
