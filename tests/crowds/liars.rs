//! Connections that declare what they never send: messages of 16 MiB on 65,599 chunk streams.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::support::relay::Relay;
use crate::support::wire::Publisher;

const CLIENTS: usize = 1_000;
const MEBIBYTE: u64 = 1 << 20;

/// The handshake in its simple form, with nothing but zeros.
fn shake_hands(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("it can be set");
    socket.write_all(&[&[3][..], &[0; 1536]].concat()).expect("it reads");
    let mut answer = [0; 1 + 2 * 1536];
    socket.read_exact(&mut answer).expect("it answers");
    socket.write_all(&answer[1..1537]).expect("it reads");
    socket
}

/// A first chunk on each of many chunk streams, each of a message of this length, of which one byte is there.
fn declarations(length: u32, chunk_streams: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for id in 3..3 + chunk_streams {
        match id {
            ..64 => bytes.push(u8::try_from(id).expect("below 64")),
            64..320 => bytes.extend([0, u8::try_from(id - 64).expect("below 256")]),
            _ => bytes.extend([1, (id - 64).to_le_bytes()[0], (id - 64).to_le_bytes()[1]]),
        }
        // Timestamp, length, type video, message stream 1.
        bytes.extend([0, 0, 0]);
        bytes.extend(&length.to_be_bytes()[1..]);
        bytes.extend([9, 1, 0, 0, 0]);
        // A chunk has 128 bytes, until somebody says otherwise.
        bytes.extend([7; 128]);
    }
    bytes
}

/// Whether the server has closed the connection; whatever it still says is read.
fn is_closed(mut socket: TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is a close too: what we sent was not all read.
    match socket.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn what_is_declared_costs_nothing() {
    let mut relay = Relay::new();
    relay.start_quietly();
    let before = relay.resident_memory();
    let one = shake_hands(relay.rtmp_port());
    let everything = declarations(0x00FF_FFFF, 65_597);
    let mut sender = one.try_clone().expect("a socket can be cloned");
    // The server closes in the middle of it.
    let sending = thread::spawn(move || sender.write_all(&everything));
    assert!(is_closed(one), "a stranger may not declare 16 MiB");
    let _ = sending.join();
    let of_one = relay.resident_memory().saturating_sub(before);

    // Declares what is allowed, on all chunk streams that are, and waits: as much as a stranger can make us hold.
    let within = declarations(64 * 1024, 8);
    let clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut client = shake_hands(relay.rtmp_port());
            client.write_all(&within).expect("it reads");
            client
        })
        .collect();
    let of_thousand = relay.resident_memory().saturating_sub(before);
    drop(clients);
    let liars: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut client = shake_hands(relay.rtmp_port());
            // It may be closed already.
            let _ = client.write_all(&declarations(0x00FF_FFFF, 100));
            client
        })
        .collect();
    assert!(liars.into_iter().all(is_closed));
    println!("one: {of_one} bytes more; a thousand that stay below the limits: {of_thousand} bytes more");
    assert!(of_one <= MEBIBYTE, "{of_one} bytes for one");
    assert!(of_thousand <= 150 * MEBIBYTE, "{of_thousand} bytes for a thousand");
}

/// The same from somebody whose key is right: more is allowed, and still it is what arrives that counts.
#[test]
fn what_a_publisher_declares_costs_what_it_sends() {
    let mut relay = Relay::new();
    relay.start_quietly();
    let mut publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
    let before = relay.resident_memory();
    // 10 MiB is the longest message of a publisher, 64 the most chunk streams; its chunks have 4096 bytes.
    let chunk = |id: u32| {
        let mut bytes = declarations(10 << 20, 1);
        bytes[0] = u8::try_from(id).expect("below 64");
        bytes.extend([7; 4096 - 128]);
        bytes
    };
    for id in 10..64 {
        publisher.send_raw(&chunk(id)).expect("it is allowed");
    }
    let held = relay.resident_memory().saturating_sub(before);
    // One byte more than the longest.
    let _ = publisher.send_raw(&declarations((10 << 20) + 1, 1));
    crate::support::wait::until("the publisher to be cut off", Duration::from_secs(10), || {
        publisher.is_over().then_some(())
    });
    println!("54 messages of 10 MiB declared, 4 KiB of each sent: {held} bytes more");
    assert!(held <= 2 * MEBIBYTE, "{held} bytes");
}
