//! Both sides of the handshake, against bytes computed by hand and against each other.

use std::collections::BTreeSet;

use bytes::Buf;
use sha2::{Digest, Sha256};

use super::*;
use crate::rtmp::error::NotRtmp;

const PLAYER_KEY: &[u8] = b"Genuine Adobe Flash Player 001";
const SERVER_KEY: &[u8] = b"Genuine Adobe Flash Media Server 001";
const TAIL: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D,
    0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

fn random(seed: u8) -> Random {
    std::array::from_fn(|index| (index as u8).wrapping_mul(31) ^ seed)
}

/// The bytes of a packet that another program made.
fn noise(seed: u8) -> [u8; 1536] {
    std::array::from_fn(|index| (index as u8).wrapping_mul(31) ^ (index >> 8) as u8 ^ seed)
}

/// HMAC-SHA256 as RFC 2104 defines it.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36), message].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5C)[..], &inner].concat()).into()
}

/// The digest's place, with `base` 8 or 772; the digest that stands there, and the one that should.
fn digest_at(packet: &[u8], base: usize, key: &[u8]) -> (usize, [u8; 32], [u8; 32]) {
    let sum: usize = packet[base..base + 4].iter().map(|byte| usize::from(*byte)).sum();
    let at = sum % 728 + base + 4;
    let without = [&packet[..at], &packet[at + 32..]].concat();
    (at, packet[at..at + 32].try_into().unwrap(), hmac(key, &without))
}

/// C0 and C1 as FFmpeg makes them: version 9.0.124.2, and a digest at `base`.
fn signed_c0c1(base: usize, seed: u8) -> Vec<u8> {
    let mut packet = noise(seed).to_vec();
    packet[..8].copy_from_slice(&[0, 0, 0, 0, 9, 0, 124, 2]);
    let (at, _, digest) = digest_at(&packet, base, PLAYER_KEY);
    packet[at..at + 32].copy_from_slice(&digest);
    [&[3], &packet[..]].concat()
}

fn sent(outbox: &mut Outbox) -> Vec<u8> {
    outbox.copy_to_bytes(outbox.remaining()).to_vec()
}

/// What a server answers to `c0c1`.
fn server_answer(c0c1: &[u8]) -> Vec<u8> {
    let mut outbox = Outbox::default();
    let mut server = Handshake::server(&random(9));
    assert_eq!(server.receive(&mut &c0c1[..], &mut outbox).unwrap(), Progress::Waiting);
    sent(&mut outbox)
}

#[test]
fn simple_form_answers_are_copies() {
    let c1 = [&[1, 2, 3, 4, 0, 0, 0, 0][..], &noise(1)[..1528]].concat();
    let answer = server_answer(&[&[3][..], &c1].concat());
    assert_eq!(answer.len(), 1 + 1536 + 1536);
    assert_eq!(answer[..9], [3, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(answer[1537..], c1);
    // Random bytes: no block of them is there twice, and those of another handshake are others.
    let blocks: BTreeSet<&[u8]> = answer[9..1537].chunks(32).collect();
    assert_eq!(blocks.len(), 1528_usize.div_ceil(32));
    let mut outbox = Outbox::default();
    Handshake::server(&random(10)).receive(&mut &[&[3][..], &c1].concat()[..], &mut outbox).unwrap();
    assert_ne!(sent(&mut outbox)[9..1537], answer[9..1537]);

    let mut outbox = Outbox::default();
    let mut client = Handshake::client(Form::Simple, &random(2), &mut outbox);
    let c0c1 = sent(&mut outbox);
    assert_eq!(c0c1[..9], [3, 0, 0, 0, 0, 0, 0, 0, 0]);
    // The answer to S1 goes out before S2 is there; a version in S1 alone makes no digest form.
    let s1 = [&[5, 6, 7, 8, 3, 5, 1, 1][..], &noise(3)[..1528]].concat();
    assert_eq!(client.receive(&mut &[&[3][..], &s1].concat()[..], &mut outbox).unwrap(), Progress::Waiting);
    assert_eq!(sent(&mut outbox), s1);
}

#[test]
fn a_signed_c1_is_answered_in_its_own_scheme() {
    for base in [8, 772] {
        for seed in 0..=255 {
            let c0c1 = signed_c0c1(base, seed);
            let answer = server_answer(&c0c1);
            let (_, found, right) = digest_at(&answer[1..1537], base, SERVER_KEY);
            assert_eq!(found, right, "S1, scheme at {base}");
            assert_ne!(answer[5..9], [0; 4]);

            let (_, received, _) = digest_at(&c0c1[1..], base, PLAYER_KEY);
            let key = hmac(&[SERVER_KEY, &TAIL].concat(), &received);
            let (filler, digest) = answer[1537..].split_at(1504);
            assert_eq!(digest, hmac(&key, filler), "S2, scheme at {base}");
        }
    }
}

#[test]
fn a_version_without_a_digest_is_the_simple_form() {
    let mut c0c1 = signed_c0c1(8, 1);
    c0c1[1536] ^= 1;
    assert_eq!(server_answer(&c0c1)[1537..], c0c1[1..]);
}

#[test]
fn a_signing_client_answers_a_signed_s1_and_copies_another() {
    for base in [8, 772] {
        let mut outbox = Outbox::default();
        let mut client = Handshake::client(Form::Digest, &random(4), &mut outbox);
        let c0c1 = sent(&mut outbox);
        let (_, found, right) = digest_at(&c0c1[1..], 8, PLAYER_KEY);
        assert_eq!(found, right);

        let mut s1 = noise(5).to_vec();
        let (at, _, digest) = digest_at(&s1, base, SERVER_KEY);
        s1[at..at + 32].copy_from_slice(&digest);
        assert_eq!(client.receive(&mut &[&[3][..], &s1].concat()[..], &mut outbox).unwrap(), Progress::Waiting);
        let c2 = sent(&mut outbox);
        let key = hmac(&[PLAYER_KEY, &TAIL].concat(), &digest);
        assert_eq!(c2[1504..], hmac(&key, &c2[..1504]));
    }
    let mut outbox = Outbox::default();
    let mut client = Handshake::client(Form::Digest, &random(4), &mut outbox);
    sent(&mut outbox);
    let s0s1 = [&[3][..], &noise(6)[..]].concat();
    assert_eq!(client.receive(&mut &s0s1[..], &mut outbox).unwrap(), Progress::Waiting);
    assert_eq!(sent(&mut outbox), s0s1[1..]);
}

#[test]
fn both_sides_end_together_and_leave_what_follows() {
    for form in [Form::Simple, Form::Digest] {
        for piece in [1, 7, 1536, 1537, 3072, 3073, 5000] {
            let mut to_server = Outbox::default();
            let mut to_client = Outbox::default();
            let mut client = Handshake::client(form, &random(1), &mut to_server);
            let mut server = Handshake::server(&random(2));
            let mut done = (Progress::Waiting, Progress::Waiting);
            let mut left = Vec::new();
            for _ in 0..2 {
                let mut bytes = sent(&mut to_server);
                // Right behind C2, in the same segment.
                bytes.extend_from_slice(if bytes.len() == 1536 { b"next" } else { b"" });
                for mut input in bytes.chunks(piece) {
                    if done.1 == Progress::Waiting {
                        done.1 = server.receive(&mut input, &mut to_client).unwrap();
                    }
                    left.extend_from_slice(input);
                }
                for mut input in sent(&mut to_client).chunks(piece) {
                    done.0 = client.receive(&mut input, &mut to_server).unwrap();
                    assert!(input.is_empty());
                }
            }
            assert_eq!(done, (Progress::Done, Progress::Done), "{form:?} in pieces of {piece}");
            assert_eq!(left, b"next");
        }
    }
}

#[test]
fn another_protocol_is_refused_at_its_first_bytes() {
    let table: &[(&[u8], NotRtmp)] = &[
        (b"\x06", NotRtmp::RtmpEncrypted { version: 6 }),
        (b"\x16", NotRtmp::TlsHello),
        (b"GET / HTTP/1.1\r\n", NotRtmp::HttpRequest),
        (b"PO", NotRtmp::HttpRequest),
    ];
    for (input, refusal) in table {
        let mut outbox = Outbox::default();
        let mut server = Handshake::server(&random(1));
        let refused = input.iter().find_map(|byte| server.receive(&mut &[*byte][..], &mut outbox).err());
        assert_eq!(refused, Some(Error::NotRtmp(*refusal)));
        assert!(outbox.is_empty());
    }
}
