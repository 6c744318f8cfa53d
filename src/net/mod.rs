//! Dialling, TLS, and the sentence that says why it failed.
//!
//! ```text
//! Target --resolve--> addresses --race--> TcpStream --socket::tune, TlsClient--> Transport
//!             |                    |                               |
//!             +--------------------+-------------------------------+--> Error { endpoint, cause }: message() and hint()
//! ```
//!
//! Reading order: [`limits`], [`mod@dial`], [`last_good`] and [`race`] (pure), [`socket`], [`descriptors`], [`tcp`], [`tcp_info`], [`tls`], [`io`], [`duplex`] (both directions at
//! once), [`error`], [`peer_text`], [`web`] (HTTP). Nothing here knows RTMP, except that a port which answers in it is named.

pub mod descriptors;
pub mod dial;
pub mod duplex;
pub mod error;
pub mod io;
pub mod last_good;
pub mod limits;
pub mod peer_text;
pub mod race;
pub mod socket;
pub mod tcp;
pub mod tcp_info;
pub mod tls;
pub mod web;

pub use self::{
    dial::{Ends, Steps, Target, Timeouts, dial, dial_timed},
    error::{Cause, Endpoint, Error},
    io::Transport,
    last_good::LastGood,
    tcp_info::TcpInfo,
    tls::{TlsClient, TlsServer},
};
