//! A system that gives few file descriptors, and strangers who want them all.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::relay::Relay;
use crate::support::wire::Sink;

/// 64 for the process, and some for publishers and destinations: what is left is for strangers.
const DESCRIPTORS: u32 = 160;
const STRANGERS: u32 = 400;
const RECOVERY: Duration = Duration::from_secs(10);

/// A connection from an address of its own.
fn stranger(number: u32, port: u16) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors");
    let from = Ipv4Addr::from(0x7F20_0001 + number);
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("loopback is a whole network");
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("it listens");
    socket
}

/// The processor time of a process so far, in ticks of 10 ms.
fn processor_time(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the kernel tells");
    let behind_name = stat.rsplit(") ").next().unwrap_or_default();
    // User and system time are the 14th and 15th field, the state behind the name the 3rd.
    behind_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn strangers_never_get_the_descriptors_that_the_show_needs() {
    let mut relay = Relay::new();
    relay.limit_descriptors(DESCRIPTORS);
    let bystanders = Bystanders::of(&mut relay);
    let lost = Sink::start();
    relay.destination("lost", &lost.url(), "");
    relay.start_quietly();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    bystanders.wait_for_media();
    relay.wait_for_state("lost", "delivering", RECOVERY);

    let ports = [relay.rtmp_port(), relay.http_port()];
    let strangers: Vec<Socket> =
        (0..STRANGERS).zip(ports.into_iter().cycle()).map(|(number, port)| stranger(number, port)).collect();
    // A destination that has to connect anew finds what it needs.
    lost.kill();
    relay.wait_for_state("lost", "waiting", RECOVERY);
    lost.revive();
    relay.wait_for_state("lost", "delivering", RECOVERY);
    let (began, before) = (Instant::now(), processor_time(relay.process_id()));
    bystanders.wait_for_more(3_000);
    let (elapsed, used) = (began.elapsed(), processor_time(relay.process_id()) - before);
    println!("with {STRANGERS} strangers: {used} ticks of processor time in {elapsed:?}");
    drop(strangers);
    bystanders.assert_undisturbed(&broadcast.stop());
    assert!(!relay.log().contains("cannot accept"), "the port always had a descriptor to accept with");
}

/// Where the system gives too few even for the show, that is said at the start, with what to do.
#[test]
fn too_few_descriptors_are_told_of_at_the_start() {
    let mut relay = Relay::new();
    relay.limit_descriptors(80);
    relay.start_quietly();
    let log = relay.log();
    assert!(log.contains("this process may open 80 files, and needs 114"), "{log}");
    assert!(log.contains("LimitNOFILE"), "{log}");
}
