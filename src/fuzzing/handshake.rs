//! The handshake of both roles.

use bytes::Buf as _;

use super::choices::{Choices, Cuts};
use crate::rtmp::{
    connection::Connection,
    error::Error,
    handshake::{Form, RANDOM_LEN},
};

/// C1, C2, S1 and S2 each.
const PACKET: usize = 1536;

/// What one end makes of the peer's bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    error: Option<Error>,
    is_done: bool,
    sent: Vec<u8>,
}

/// The peer's bytes are answered by the same bytes however they are cut, one answer of the right length, and never
/// before packet 1 is whole; another protocol is told by its first bytes, and nothing else is refused.
pub fn handshake(data: &[u8]) {
    let mut choices = Choices::new(data);
    let role = choices.u8();
    let cuts = choices.cuts();
    // Beyond the handshake begins another target.
    let input = choices.take(1 + 2 * PACKET);
    let outcome = receive(role, cuts, input);
    assert_eq!(outcome, receive(role, Cuts::NONE, input), "cut in another way");

    let Outcome { error, is_done, sent } = outcome;
    let (first, answer) = if role.is_multiple_of(3) { (0, 1 + 2 * PACKET) } else { (1 + PACKET, PACKET) };
    let is_rtmp = input.first().is_none_or(|version| *version == 3);
    match error {
        None => assert!(is_rtmp || input.len() < 5, "a version other than 3 was taken"),
        Some(Error::NotRtmp(_)) => assert!(!is_rtmp),
        Some(error) => panic!("a handshake has no other error than that it is none: {error}"),
    }
    let is_answered = is_rtmp && input.len() > PACKET;
    assert_eq!(sent.len(), first + if is_answered { answer } else { 0 });
    assert_eq!(is_done, is_rtmp && input.len() == 1 + 2 * PACKET);
    // The simple form copies what it answers.
    if is_answered && role.is_multiple_of(3) && input[5..9] == [0; 4] {
        assert_eq!(sent[1 + PACKET..], input[1..=PACKET]);
    }
}

fn receive(role: u8, cuts: Cuts, input: &[u8]) -> Outcome {
    let random = [role; RANDOM_LEN];
    let mut connection = match role % 3 {
        0 => Connection::server(&random),
        1 => Connection::client_with_form(Form::Simple, &random),
        _ => Connection::client_with_form(Form::Digest, &random),
    };
    let mut error = None;
    for mut piece in cuts.pieces(input) {
        match connection.receive(&mut piece) {
            Ok(message) => assert_eq!((message, piece), (None, &[][..])),
            Err(refused) => {
                error = Some(refused);
                break;
            }
        }
    }
    let is_done = connection.is_handshake_done();
    let outbox = connection.transmit();
    let sent = outbox.copy_to_bytes(outbox.len()).to_vec();
    Outcome { error, is_done, sent }
}
