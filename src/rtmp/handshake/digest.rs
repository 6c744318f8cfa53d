//! The digest form of the handshake: each side proves that it is a Flash player or a Flash media server.
//!
//! The digest stands inside packet 1 (C1, S1) at a place that four bytes of the same packet tell; where those four
//! bytes are is one of two schemes. Packet 2 is answered with a digest keyed by the one that was received. None of this
//! is secret or secure; some peers insist on it.
//!
//! ```text
//! DigestFirst   time, version, [offset  … digest …  764 bytes], [… key …   764 bytes]
//! KeyFirst      time, version, [… key …             764 bytes], [offset … digest …  ]
//! ```

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{PACKET_LEN, Packet};

/// Length of a digest in bytes: HMAC-SHA256.
pub(super) const LEN: usize = 32;

/// What packet 2 holds before its digest, in bytes.
pub(super) const FILLER_LEN: usize = PACKET_LEN - LEN;

/// A side's key. The short form signs packet 1, the long one (with a constant behind it) packet 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    Client,
    Server,
}

const CLIENT_KEY: &[u8] = b"Genuine Adobe Flash Player 001";
const SERVER_KEY: &[u8] = b"Genuine Adobe Flash Media Server 001";
const KEY_TAIL: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D,
    0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

impl Signer {
    fn key(self) -> &'static [u8] {
        match self {
            Self::Client => CLIENT_KEY,
            Self::Server => SERVER_KEY,
        }
    }
}

/// Where in packet 1 the digest is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The digest's part begins at byte 8. Clients begin with this one.
    DigestFirst,
    /// The digest's part begins at byte 772.
    KeyFirst,
}

impl Scheme {
    /// The scheme by which `packet` carries the digest of `signer`, and that digest. `None`: by neither.
    pub(super) fn find(packet: &Packet, signer: Signer) -> Option<(Self, [u8; LEN])> {
        [Self::DigestFirst, Self::KeyFirst].into_iter().find_map(|scheme| {
            let (before, found, after) = scheme.split(packet);
            let digest = hmac(signer.key(), &[before, after]);
            (found == digest).then_some((scheme, digest))
        })
    }

    /// Puts the digest of `signer` into `packet`, in place of what stands there.
    pub(super) fn sign(self, packet: &mut Packet, signer: Signer) {
        let (before, _, after) = self.split(packet);
        let digest = hmac(signer.key(), &[before, after]);
        let position = self.position(packet);
        for (byte, digest) in packet.iter_mut().skip(position).zip(digest) {
            *byte = digest;
        }
    }

    /// What stands before the digest, the digest, and what stands behind it.
    fn split(self, packet: &Packet) -> (&[u8], &[u8], &[u8]) {
        // In bounds: the position is at most 776 + 727, and 32 bytes follow it (1,535 of 1,536).
        let (before, rest) = packet.split_at(self.position(packet));
        let (digest, after) = rest.split_at(LEN);
        (before, digest, after)
    }

    fn position(self, packet: &Packet) -> usize {
        let (offset, base) = match self {
            Self::DigestFirst => ([packet[8], packet[9], packet[10], packet[11]], 12),
            Self::KeyFirst => ([packet[772], packet[773], packet[774], packet[775]], 776),
        };
        base + offset.into_iter().map(usize::from).sum::<usize>() % 728
    }
}

/// Packet 2 as the answer to the digest that came in the peer's packet 1: random bytes, and their digest.
pub(super) fn answer(signer: Signer, received: &[u8; LEN], filler: &[u8; FILLER_LEN]) -> Packet {
    let key = hmac(&[signer.key(), &KEY_TAIL].concat(), &[received]);
    let mut packet = [0; PACKET_LEN];
    packet[..FILLER_LEN].copy_from_slice(filler);
    packet[FILLER_LEN..].copy_from_slice(&hmac(&key, &[filler]));
    packet
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; LEN] {
    #[expect(clippy::expect_used, reason = "HMAC is defined for a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
