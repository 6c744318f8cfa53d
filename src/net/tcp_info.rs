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
    use nix::{
        getsockopt_impl, libc,
        sys::socket::{getsockopt, sockopt::GetStruct},
    };

    use super::{Duration, TcpInfo, TcpStream};

    // Fields that nobody asks for hold the place of the others.
    #[allow(dead_code)]
    /// The beginning of the kernel's `struct tcp_info`, as far as Linux has had it since 4.9. The kernel fills what is asked
    /// for and no more, so that an older or newer one gives the same.
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

    pub(super) fn read(stream: &TcpStream) -> Option<TcpInfo> {
        let raw = getsockopt(stream, Query).ok()?;
        Some(TcpInfo {
            // The SYN counts as one.
            acknowledged_bytes: raw.bytes_acked.saturating_sub(1),
            unsent_bytes: raw.notsent_bytes,
            in_flight_segments: raw.unacked,
            round_trip: Duration::from_micros(raw.rtt_micros.into()),
            retransmits: raw.total_retrans,
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{TcpInfo, TcpStream};

    pub(super) fn read(_: &TcpStream) -> Option<TcpInfo> {
        None
    }
}
