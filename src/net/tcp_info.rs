//! What the kernel knows of a connection: how much of what was sent has arrived.
//!
//! "Connected" says nothing about a destination, and RTMP's acknowledgements are not to be trusted; TCP's are. Linux only:
//! elsewhere there is no answer, and nobody depends on one.

use std::time::Duration;

use tokio::net::TcpStream;

/// A connection's state as TCP sees it, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// Bytes that the peer has acknowledged, over the connection's life.
    pub acknowledged_bytes: u64,
    /// Bytes that were written and have not left this machine yet.
    pub unsent_bytes: u32,
    /// Segments that are on the way: sent and not acknowledged.
    pub in_flight_segments: u32,
    /// The smoothed round-trip time.
    pub round_trip: Duration,
    /// Segments that were sent again, over the connection's life.
    pub retransmits: u32,
}

impl TcpInfo {
    /// Of `stream`, where the system tells.
    pub fn of(stream: &TcpStream) -> Option<Self> {
        system::read(stream)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::sync::LazyLock;

    use nix::{
        getsockopt_impl, libc,
        sys::{
            socket::{getsockopt, sockopt::GetStruct},
            utsname::uname,
        },
    };

    use super::{Duration, TcpInfo, TcpStream};

    // Fields that nobody asks for hold the place of the others.
    #[allow(dead_code)]
    /// The beginning of the kernel's `struct tcp_info`, as far as Linux has had it since 4.9. A newer kernel fills no more
    /// than is asked for.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Raw {
        /// State, options and window scales.
        bytes: [u8; 8],
        rto_to_rcv_mss: [u32; 4],
        unacked: u32,
        sacked_to_rcv_ssthresh: [u32; 10],
        rtt_micros: u32,
        rttvar_to_rcv_space: [u32; 7],
        total_retrans: u32,
        pacing: [u64; 2],
        bytes_acked: u64,
        bytes_received: u64,
        segments: [u32; 2],
        notsent_bytes: u32,
        min_rtt: u32,
        data_segments: [u32; 2],
        delivery_rate: u64,
    }

    #[derive(Clone, Copy)]
    struct Query;

    getsockopt_impl!(Query, libc::IPPROTO_TCP, libc::TCP_INFO, Raw, GetStruct<Raw>);

    /// Whether the kernel has all of [`Raw`]: an older one fills less than is asked for, which the call below takes for a fault.
    static IS_KNOWN: LazyLock<bool> = LazyLock::new(|| {
        uname().is_ok_and(|name| name.release().to_str().and_then(version).is_some_and(|version| version >= (4, 9)))
    });

    /// `6.1` of `6.1.0-18-amd64`.
    fn version(release: &str) -> Option<(u32, u32)> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    pub(super) fn read(stream: &TcpStream) -> Option<TcpInfo> {
        if !*IS_KNOWN {
            return None;
        }
        let raw = getsockopt(stream, Query).ok()?;
        // Even the SYN counts: a system that says zero does not count.
        if raw.bytes_acked == 0 {
            return None;
        }
        Some(TcpInfo {
            // The SYN of whoever dialled counts as one; on an accepted connection this is one too few.
            acknowledged_bytes: raw.bytes_acked.saturating_sub(1),
            unsent_bytes: raw.notsent_bytes,
            in_flight_segments: raw.unacked,
            round_trip: Duration::from_micros(raw.rtt_micros.into()),
            retransmits: raw.total_retrans,
        })
    }

    #[test]
    fn versions() {
        let table = [
            ("6.1.0-18-amd64", Some((6, 1))),
            ("4.9.337+", Some((4, 9))),
            ("3.10.0-1160.el7.x86_64", Some((3, 10))),
            ("4.4", Some((4, 4))),
            ("odd", None),
        ];
        for (release, expected) in table {
            assert_eq!(version(release), expected, "{release}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{TcpInfo, TcpStream};

    pub(super) fn read(_: &TcpStream) -> Option<TcpInfo> {
        None
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::{sleep, timeout},
    };

    use super::*;
    use crate::net::Transport;

    async fn pair() -> (Transport, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Transport::plain(ours), listener.accept().await.unwrap().0)
    }

    fn info(ours: &Transport) -> TcpInfo {
        TcpInfo::of(ours.tcp()).expect("Linux tells")
    }

    /// An acknowledgement takes its time, if only microseconds: waits for one.
    async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(5), waiting).await.unwrap_or_else(|_| panic!("{what}"));
    }

    #[tokio::test]
    async fn what_arrived_is_what_was_written() {
        let (mut ours, mut theirs) = pair().await;
        assert_eq!(info(&ours).acknowledged_bytes, 0, "the SYN is no byte of ours");
        for _ in 0..100 {
            ours.write_all(&[7; 10_000]).await.unwrap();
            theirs.read_exact(&mut [0; 10_000]).await.unwrap();
        }
        assert_eq!(ours.written(), 1_000_000);
        wait_until("all of it is acknowledged", || info(&ours).acknowledged_bytes == 1_000_000).await;
        let info = info(&ours);
        assert_eq!((info.unsent_bytes, info.in_flight_segments), (0, 0), "{info:?}");
        assert!(info.round_trip > Duration::ZERO && info.round_trip < Duration::from_secs(1), "{info:?}");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_acknowledges_what_its_kernel_takes_and_no_more() {
        let (mut ours, mut theirs) = pair().await;
        let filling = async {
            loop {
                ours.write_all(&[7; 64 << 10]).await.unwrap();
            }
        };
        assert!(timeout(Duration::from_millis(500), filling).await.is_err(), "somewhere it is full");
        // What is on its way is acknowledged, and then nothing is.
        wait_until("its kernel has what it takes", || info(&ours).in_flight_segments == 0).await;
        let stuck = info(&ours);
        assert!(stuck.unsent_bytes > 0 && stuck.acknowledged_bytes < ours.written(), "{stuck:?}");
        assert_eq!(stuck.acknowledged_bytes + u64::from(stuck.unsent_bytes), ours.written(), "{stuck:?}");
        sleep(Duration::from_millis(300)).await;
        assert_eq!(info(&ours).acknowledged_bytes, stuck.acknowledged_bytes);

        let mut received = vec![0; 64 << 10];
        while info(&ours).unsent_bytes > 0 {
            assert!(theirs.read(&mut received).await.unwrap() > 0, "there is more to come");
        }
        assert!(info(&ours).acknowledged_bytes > stuck.acknowledged_bytes, "it reads again");
    }
}
