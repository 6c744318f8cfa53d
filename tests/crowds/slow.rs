//! Ten thousand sockets that send one byte a second into the handshake.

use std::env;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use crate::support::certificates::{Authority, Flaw};
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::wait;
use crate::support::wire::Publisher;

const PROCESSES: usize = 4;
const SOCKETS_OF_EACH: usize = 2_500;
const SOCKETS: usize = PROCESSES * SOCKETS_OF_EACH;

/// How long the crowd is watched, and how long a worker lives at the most.
const WATCHED: Duration = Duration::from_secs(15);
const WORKER: Duration = Duration::from_secs(90);

/// What one such connection may cost, and how soon a publisher is to be accepted.
const MEMORY_OF_ONE: u64 = 10 * 1024;
const ACCEPTED: Duration = Duration::from_millis(200);

/// The variable by which a copy of this program knows that it is a worker: ports and number.
const WORKER_VARIABLE: &str = "FORKCAST_TEST_CROWD";

#[test]
fn ten_thousand_slow_sockets_keep_nobody_out() {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    relay.serve_rtmps(authority.identity("relay", Flaw::None));
    relay.start_quietly();
    let publish = || {
        let asked = Instant::now();
        let publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
        let taken = asked.elapsed();
        publisher.unpublish().expect("it can say good-bye");
        taken
    };
    let alone = publish();
    let before = relay.resident_memory();

    let ports = format!("{} {}", relay.rtmp_port(), relay.rtmps_port());
    let folder = relay.folder().to_owned();
    let workers: Vec<Process> =
        (0..PROCESSES).map(|number| worker_process(&folder, &format!("{ports} {number}"))).collect();
    let open = || open_sockets(relay.process_id());
    wait::until("the crowd", Duration::from_secs(60), || (open() > SOCKETS * 9 / 10).then_some(()));
    let began = Instant::now();
    let (mut taken, mut most, mut memory) = (Vec::new(), 0, 0);
    while began.elapsed() < WATCHED {
        taken.push(publish());
        let (sockets, resident) = (open(), relay.resident_memory());
        if sockets > most {
            (most, memory) = (sockets, resident);
        }
        thread::sleep(Duration::from_millis(100));
    }
    drop(workers);
    taken.sort_unstable();
    let slowest = *taken.last().expect("it published");
    let of_one = memory.saturating_sub(before) / most as u64;
    println!(
        "{most} sockets at once: {} publishes, median {:?}, slowest {slowest:?}, alone {alone:?}; {of_one} bytes of memory for each",
        taken.len(),
        taken[taken.len() / 2]
    );
    assert!(most > SOCKETS * 9 / 10, "only {most} at once");
    assert!(slowest <= ACCEPTED, "{taken:?}");
    assert!(of_one <= MEMORY_OF_ONE, "{of_one} bytes for each");
    wait::until("the crowd to be gone", Duration::from_secs(30), || (open() < 100).then_some(()));
    publish();
}

/// Sockets of a process, listeners and all.
fn open_sockets(process: u32) -> usize {
    let files = fs::read_dir(format!("/proc/{process}/fd")).expect("the kernel tells");
    files
        .filter(|file| {
            fs::read_link(file.as_ref().expect("it is listed").path())
                .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
        })
        .count()
}

fn worker_process(folder: &Path, what: &str) -> Process {
    // A real crowd does not use the processors of the machine that it comes to.
    let mut command = Command::new("nice");
    command.args(["-n", "10"]).arg(env::current_exe().expect("it runs"));
    command.args(["slow::worker", "--exact", "--ignored", "--nocapture"]).env(WORKER_VARIABLE, what);
    Process::start("worker", folder, &mut command)
}

/// A part of the crowd, in a process of its own. It is killed by whoever started it.
#[test]
#[ignore = "a part of the test above, which starts it"]
fn worker() {
    let Ok(what) = env::var(WORKER_VARIABLE) else { return };
    let numbers: Vec<u16> = what.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [rtmp, rtmps, number] = numbers[..] else { panic!("{what}: three numbers") };
    Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
        for socket in 0..SOCKETS_OF_EACH {
            // An address for each, in 127.0.0.0/8, and one in four begins TLS.
            let from =
                Ipv4Addr::from(0x7F10_0000 + u32::from(number) * 0x1_0000 + u32::try_from(socket).expect("few") + 1);
            let is_tls = socket % 4 == 0;
            tokio::spawn(stranger(from, if is_tls { rtmps } else { rtmp }, is_tls));
            // Nine seconds for all: who comes at once is thrown out at once, and would come back at once for ever.
            if socket % 25 == 0 {
                tokio::time::sleep(Duration::from_millis(90)).await;
            }
        }
        tokio::time::sleep(WORKER).await;
    });
    std::io::stdout().flush().expect("it is a file");
}

/// Connects, sends one byte a second, and comes back a second after it was thrown out.
async fn stranger(from: Ipv4Addr, port: u16, is_tls: bool) {
    let begin: &[u8] = if is_tls { &[22, 3, 1, 2, 0, 1, 0] } else { &[3, 0, 0, 0, 0, 0, 0] };
    loop {
        let socket = TcpSocket::new_v4().expect("there are descriptors");
        socket.set_reuseaddr(true).expect("it can be set");
        socket.bind(SocketAddr::from((from, 0))).expect("loopback is a whole network");
        if let Ok(mut stream) = socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await {
            let bytes = begin.iter().chain(std::iter::repeat(&7));
            for byte in bytes {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
