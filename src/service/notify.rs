//! The notification protocol of systemd (`sd_notify(3)`): lines of `NAME=value` in a datagram to the socket that the environment
//! names. A page of code instead of a crate: the one that there is knows no abstract sockets.

/// Something that a service manager is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word<'a> {
    /// The service has started, or has read its configuration again.
    Ready,
    /// The configuration is being read again.
    Reloading,
    /// The service goes down.
    Stopping,
    /// How it is, in a line.
    Status(&'a str),
    /// A sign of life.
    Watchdog,
}

impl Word<'_> {
    fn line(self) -> String {
        match self {
            Self::Ready => "READY=1\n".to_owned(),
            Self::Reloading => format!("RELOADING=1\n{}", monotonic_time()),
            Self::Stopping => "STOPPING=1\n".to_owned(),
            Self::Status(text) => format!("STATUS={}\n", text.replace('\n', " ")),
            Self::Watchdog => "WATCHDOG=1\n".to_owned(),
        }
    }
}

/// When the reload began; `Type=notify-reload` wants to know.
#[cfg(unix)]
fn monotonic_time() -> String {
    use nix::time::{ClockId, clock_gettime};

    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or_else(
        |_| String::new(),
        |now| format!("MONOTONIC_USEC={}\n", std::time::Duration::from(now).as_micros()),
    )
}

#[cfg(not(unix))]
fn monotonic_time() -> String {
    String::new()
}

#[cfg(unix)]
pub(super) use self::socket::Notifier;

#[cfg(unix)]
mod socket {
    use std::{
        env,
        ffi::OsStr,
        io,
        os::unix::{ffi::OsStrExt as _, net::UnixDatagram},
    };

    use super::Word;

    /// A way to a service manager.
    #[derive(Debug)]
    pub(crate) struct Notifier(UnixDatagram);

    impl Notifier {
        /// To the manager that has started this process, where there is one that wants to hear.
        pub(crate) fn of_process() -> Option<Self> {
            let socket = env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())?;
            // A service that its manager does not hear is stopped by it, with a line in its journal: here is no better place to say it.
            Self::connect(&socket).ok()
        }

        pub(crate) fn connect(address: &OsStr) -> io::Result<Self> {
            let socket = UnixDatagram::unbound()?;
            match address.as_bytes() {
                #[cfg(target_os = "linux")]
                [b'@', name @ ..] => {
                    use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
                    socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?;
                }
                _ => socket.connect(address)?,
            }
            // A manager that does not read makes no stream wait.
            socket.set_nonblocking(true)?;
            Ok(Self(socket))
        }

        /// Says all of it at once. What the manager cannot take is not said again: the next word comes soon.
        pub(crate) fn say(&self, words: &[Word<'_>]) {
            let text: String = words.iter().map(|word| word.line()).collect();
            let _ = self.0.send(text.as_bytes());
        }
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
pub(super) enum Notifier {}

#[cfg(not(unix))]
impl Notifier {
    pub(super) fn of_process() -> Option<Self> {
        None
    }

    pub(super) fn say(&self, _: &[Word<'_>]) {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_a_line() {
        let words = [Word::Ready, Word::Stopping, Word::Status("1 of 2\nlive"), Word::Watchdog];
        let text: String = words.iter().map(|word| word.line()).collect();
        assert_eq!(text, "READY=1\nSTOPPING=1\nSTATUS=1 of 2 live\nWATCHDOG=1\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_reload_says_when_it_began() {
        let text = Word::Reloading.line();
        let time =
            text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|time| time.trim_end().parse::<u64>().ok());
        assert!(time.is_some_and(|time| time > 0), "{text}");
    }
}
