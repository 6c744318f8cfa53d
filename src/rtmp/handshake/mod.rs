//! The handshake: two packets each way, after which the chunk stream begins (RTMP 1.0 §5.2).
//!
//! ```text
//! client                                    server
//!   C0 version, C1 (1536 bytes)  ----------->
//!   <-----------  S0 version, S1 (1536 bytes), S2 (its answer to C1), in one write
//!   C2 (its answer to S1)        ----------->
//! ```
//!
//! An answer is a copy in the simple form, and a digest in the [digest form](Form::Digest). Neither side checks the
//! other's answer: real peers send wrong ones, and nothing depends on it.

mod digest;
mod version;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use self::digest::{FILLER_LEN, Scheme, Signer};
use self::version::Spoken;
use super::error::Error;
use super::outbox::Outbox;

/// How many random bytes a handshake takes. What it sends of them is made from these when it is sent: a connection that waits for
/// its peer's first packet costs little.
pub const RANDOM_LEN: usize = 32;

/// The random bytes of one handshake. They need not be secret, only different for each connection.
pub type Random = [u8; RANDOM_LEN];

/// Length of C1, C2, S1 and S2 in bytes.
const PACKET_LEN: usize = 1536;

type Packet = [u8; PACKET_LEN];

/// The form that a client uses. A server needs no choice: it answers in the form it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Packets are random, answers are copies. Every known server takes it: it is what OBS sends.
    #[default]
    Simple,
    /// The client signs as a Flash player does. For servers that insist on it.
    Digest,
}

/// One side of a handshake, under way.
#[derive(Debug)]
pub(super) struct Handshake {
    role: Role,
    random: Random,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Server,
    Client(Form),
}

#[derive(Debug)]
enum Step {
    /// The peer's version byte and packet 1 are coming; these bytes are here.
    First(Vec<u8>),
    /// The peer's packet 2 is coming: this many bytes are missing. What they are does not matter.
    Second(usize),
}

/// Whether the handshake is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// All input is used, more is needed.
    Waiting,
    /// Whatever is left of the input belongs to the chunk stream.
    Done,
}

impl Handshake {
    /// The server's side: sends nothing before C1 is there.
    pub(super) fn server(random: &Random) -> Self {
        Self { role: Role::Server, random: *random, step: Step::First(Vec::new()) }
    }

    /// The client's side; puts C0 and C1 into `out`.
    pub(super) fn client(form: Form, random: &Random, out: &mut Outbox) -> Self {
        let mut c1 = unsigned_packet(random);
        if form == Form::Digest {
            // What the version is matters to nobody, but zero would say "simple form".
            c1[4..8].copy_from_slice(&[9, 0, 124, 2]);
            Scheme::DigestFirst.sign(&mut c1, Signer::Client);
        }
        out.push_bytes(Bytes::from([&[version::RTMP][..], &c1].concat()));
        Self { role: Role::Client(form), random: *random, step: Step::First(Vec::new()) }
    }

    /// Takes bytes from the front of `input`, and puts the answer into `out` as soon as the peer's packet 1 is there.
    ///
    /// # Errors
    /// [`Error::NotRtmp`] at the first byte that tells so.
    pub(super) fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Progress, Error> {
        if let Step::First(received) = &mut self.step {
            let (bytes, rest) = input.split_at(input.len().min(1 + PACKET_LEN - received.len()));
            received.extend_from_slice(bytes);
            *input = rest;
            if let Spoken::Other(other) = version::recognise(received) {
                return Err(other.into());
            }
            let Some(packet) = received.split_first().and_then(|(_, packet)| packet.first_chunk()) else {
                return Ok(Progress::Waiting);
            };
            out.push_bytes(match self.role {
                Role::Server => answer_to_client(packet, &self.random),
                Role::Client(form) => answer_to_server(packet, form, &self.random),
            });
            self.step = Step::Second(PACKET_LEN);
        }
        if let Step::Second(missing) = &mut self.step {
            let (bytes, rest) = input.split_at(input.len().min(*missing));
            *missing -= bytes.len();
            *input = rest;
            if *missing == 0 {
                return Ok(Progress::Done);
            }
        }
        Ok(Progress::Waiting)
    }
}

/// S0, S1 and S2. In one piece, and before C2: common clients read all three before they send C2.
fn answer_to_client(c1: &Packet, random: &Random) -> Bytes {
    let mut s1 = unsigned_packet(random);
    // A version of zero is the simple form. Any other may be either: only the digest itself tells.
    let signed = if c1[4..8] == [0; 4] { None } else { Scheme::find(c1, Signer::Client) };
    let s2 = match signed {
        Some((scheme, received)) => {
            s1[4..8].copy_from_slice(&[3, 5, 7, 1]);
            scheme.sign(&mut s1, Signer::Server);
            digest::answer(Signer::Server, &received, &filler(random))
        }
        // To the byte: some clients compare, and close when even the second time field differs.
        None => *c1,
    };
    Bytes::from([&[version::RTMP][..], &s1, &s2].concat())
}

/// C2.
fn answer_to_server(s1: &Packet, form: Form, random: &Random) -> Bytes {
    let signed = match form {
        Form::Simple => None,
        Form::Digest => Scheme::find(s1, Signer::Server),
    };
    Bytes::copy_from_slice(&match signed {
        Some((_, received)) => digest::answer(Signer::Client, &received, &filler(random)),
        None => *s1,
    })
}

/// Packet 1 in the simple form: time 0, four zero bytes, random bytes.
fn unsigned_packet(random: &Random) -> Packet {
    let mut packet = [0; PACKET_LEN];
    expand(random, 1, &mut packet[8..]);
    packet
}

/// The random bytes of a signed packet 2: others than those of packet 1.
fn filler(random: &Random) -> [u8; FILLER_LEN] {
    let mut filler = [0; FILLER_LEN];
    expand(random, 2, &mut filler);
    filler
}

/// Fills `out` with bytes that depend on all of `random`, others for each packet: SHA-256 of it, the packet and a counter.
fn expand(random: &Random, packet: u8, out: &mut [u8]) {
    for (counter, block) in (0_u8..).zip(out.chunks_mut(32)) {
        let digest = Sha256::new().chain_update(random).chain_update([packet, counter]).finalize();
        block.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
    }
}
