//! The signals that end the demo early. They are caught, so that its folder is removed on the way out.

use std::io;

/// The signals, caught from the start on.
pub struct Interruption {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Interruption {
    /// Catches Ctrl-C and SIGTERM from now on.
    ///
    /// # Errors
    /// Where the system does not let them be caught.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Catches Ctrl-C.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "catching can fail on Unix")]
    pub fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the first signal, and gives the exit code that a shell would report: 128 and the number of the signal.
    #[cfg(unix)]
    pub async fn exit_code(mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }

    /// Waits for Ctrl-C, and gives the exit code.
    #[cfg(not(unix))]
    pub async fn exit_code(self) -> u8 {
        // Without a console to interrupt from, nothing can be asked.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
