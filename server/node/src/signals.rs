//! What the system tells a running program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A file has reached the size the system allows (`ulimit -f`); the same number on Linux and the BSDs.
const FILE_TOO_LARGE: i32 = 25;

/// Lets a write that the system does not allow be refused like one on a full disk. Unless somebody listens, the signal
/// ends the process.
///
/// # Errors
/// When the system refuses.
pub fn survive_files_too_large() -> io::Result<()> {
    // Once listened to it stays so.
    drop(signal(SignalKind::from_raw(FILE_TOO_LARGE))?);
    Ok(())
}

/// The signals to stop, taken over from the system: as long as this stands they end nothing by themselves.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over. Before the first file is opened, so that nothing is broken off half-way.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn taken() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for Ctrl-C or SIGTERM.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
