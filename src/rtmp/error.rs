//! Why a session cannot go on, and whose fault that is.

/// An error of the protocol layer. Each one is caused by what the peer sent, and each one ends the connection: after it
/// the position in the byte stream is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The peer speaks another protocol. The text names the right form of the URL.
    #[error(transparent)]
    NotRtmp(#[from] NotRtmp),
    /// Bytes that have no meaning in the place where they stand. The text says which.
    #[error("malformed RTMP: {0}")]
    Malformed(&'static str),
    /// Well-formed, but not in this state of the dialogue. The text says what came when.
    #[error("RTMP out of order: {0}")]
    OutOfOrder(&'static str),
    /// More than [`Limits`](super::limits::Limits) or an AMF limit allows.
    #[error("over the limit: {what} (at most {limit})")]
    Limit {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// The most that is allowed.
        limit: u64,
    },
}

/// A peer that does not speak RTMP, told by its first bytes. The texts are for the person who typed the URL, and hold inside
/// TLS as well as outside: the engine does not know where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRtmp {
    /// The encrypted form of RTMP (RTMPE), which is obsolete and broken: version 6, 8 or 9.
    #[error(
        "the peer speaks RTMPE (version {version}), which is not supported: use rtmp://HOST/live, or rtmps://HOST/live for encryption"
    )]
    RtmpEncrypted {
        /// The version byte.
        version: u8,
    },
    /// A method of HTTP: `http://` was typed, or the encoder tunnels RTMP through HTTP (RTMPT).
    #[error(
        "an HTTP request came in place of RTMP: the server URL must begin with rtmp:// or, for a port with TLS, with rtmps://, as in rtmp://HOST/live or rtmps://HOST/live (not http://, https:// or rtmpt://)"
    )]
    HttpRequest,
    /// `HTTP/…` or `<html>`: the server that was dialled is a web server.
    #[error(
        "the server answered in HTTP: this is a web server's port; check host and port of rtmp://HOST/live (default port 1935) or rtmps://HOST/live (443)"
    )]
    HttpResponse,
    /// A TLS handshake on the plain port.
    #[error(
        "a TLS connection came to the plain RTMP port: use rtmp://HOST/live here, or rtmps://HOST/live with the port where RTMPS listens"
    )]
    TlsHello,
    /// A TLS alert as the answer to plain RTMP.
    #[error("the server speaks TLS on this port: use rtmps://HOST/live in place of rtmp://HOST/live")]
    TlsAlert,
    /// A load balancer's PROXY line.
    #[error(
        "a PROXY protocol header came before RTMP: switch it off in the load balancer; the URL stays rtmp://HOST/live or rtmps://HOST/live"
    )]
    ProxyHeader,
    /// None of these.
    #[error(
        "the peer does not speak RTMP (first byte 0x{first:02x}, must be 0x03): the URL form is rtmp://HOST/live or rtmps://HOST/live"
    )]
    Unknown {
        /// The first byte.
        first: u8,
    },
}
