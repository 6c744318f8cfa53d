//! Telling RTMP from what else arrives on its port, by the first bytes.

use crate::rtmp::error::NotRtmp;

/// The version of RTMP, and the first byte of each direction.
pub(super) const RTMP: u8 = 3;

/// What the first bytes of a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    /// Too few bytes to tell.
    Unclear,
    /// Version 3.
    Rtmp,
    /// Something else.
    Other(NotRtmp),
}

/// Looks at the first bytes of a connection. Versions from 32 on are kept free by the specification so that text is
/// recognised (RTMP 1.0 §5.2.2).
pub(super) fn recognise(first: &[u8]) -> Spoken {
    const PROXY: &[u8] = b"PROXY";
    Spoken::Other(match *first {
        [] => return Spoken::Unclear,
        [RTMP, ..] => return Spoken::Rtmp,
        [version @ (6 | 8 | 9), ..] => NotRtmp::RtmpEncrypted { version },
        [0x16, ..] => NotRtmp::TlsHello,
        [0x15, ..] => NotRtmp::TlsAlert,
        // The two forms of the PROXY protocol; POST and PUT begin alike.
        [0x0D, ..] => NotRtmp::ProxyHeader,
        _ if first.starts_with(PROXY) => NotRtmp::ProxyHeader,
        _ if PROXY.starts_with(first) => return Spoken::Unclear,
        // HTTP/1.1 or HEAD.
        [b'H'] => return Spoken::Unclear,
        // The status line, or the bare page that servers give to what they take for HTTP/0.9.
        [b'H', b'T', ..] | [b'<', ..] => NotRtmp::HttpResponse,
        // CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE.
        [b'C' | b'D' | b'G' | b'H' | b'O' | b'P' | b'T', ..] => NotRtmp::HttpRequest,
        [first, ..] => NotRtmp::Unknown { first },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        let encrypted = |version| Spoken::Other(NotRtmp::RtmpEncrypted { version });
        let table: &[(&[u8], Spoken)] = &[
            (b"", Spoken::Unclear),
            (b"\x03", Spoken::Rtmp),
            (b"\x03GET", Spoken::Rtmp),
            (b"\x06", encrypted(6)),
            (b"\x08", encrypted(8)),
            (b"\x09", encrypted(9)),
            (b"\x16\x03\x01", Spoken::Other(NotRtmp::TlsHello)),
            (b"\x15\x03\x01", Spoken::Other(NotRtmp::TlsAlert)),
            (b"G", Spoken::Other(NotRtmp::HttpRequest)),
            (b"DELETE / HTTP/1.1", Spoken::Other(NotRtmp::HttpRequest)),
            (b"OPTIONS * HTTP/1.1", Spoken::Other(NotRtmp::HttpRequest)),
            (b"P", Spoken::Unclear),
            (b"PO", Spoken::Other(NotRtmp::HttpRequest)),
            (b"PRI * HTTP/2.0", Spoken::Other(NotRtmp::HttpRequest)),
            (b"PROX", Spoken::Unclear),
            (b"PROXY TCP4", Spoken::Other(NotRtmp::ProxyHeader)),
            (b"\r\n\r\n\0\r\nQUIT\n", Spoken::Other(NotRtmp::ProxyHeader)),
            (b"H", Spoken::Unclear),
            (b"HEAD / HTTP/1.1", Spoken::Other(NotRtmp::HttpRequest)),
            (b"HTTP/1.1 400 Bad Request", Spoken::Other(NotRtmp::HttpResponse)),
            (b"<html>", Spoken::Other(NotRtmp::HttpResponse)),
            (b"\x00", Spoken::Other(NotRtmp::Unknown { first: 0 })),
            (b"SSH-2.0", Spoken::Other(NotRtmp::Unknown { first: b'S' })),
            (b"0", Spoken::Other(NotRtmp::Unknown { first: 0x30 })),
        ];
        for (first, spoken) in table {
            assert_eq!(recognise(first), *spoken, "{first:?}");
        }
    }

    #[test]
    fn each_refusal_names_the_right_form_of_the_url() {
        for first in [&b"\x06"[..], b"\x16", b"\x15", b"GET", b"HTTP", b"PROXY", b"SSH"] {
            let Spoken::Other(refusal) = recognise(first) else { panic!("{first:?}") };
            assert!(refusal.to_string().contains("rtmp://HOST/live"), "{refusal}");
        }
    }
}
