//! From a socket into a file, without a detour through this process' memory.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use engine::{Code, Refusal};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};
use tokio_util::sync::CancellationToken;

use super::Direct;
use super::low_water::set_low_water;
use super::pipe::Pipe;
use crate::ended::Ended;
use crate::session::upload::{Stopped, Upload};

/// Bytes that a thread is woken for, when so many are to come: what it costs to wake one is paid by whoever
/// has the processor, which on a busy machine is the transfer itself.
const MUCH: usize = 1024 * 1024;
/// How long what has come may wait for more.
const MOMENT: Duration = Duration::from_secs(1);

impl Direct {
    /// Takes in what is to come of an upload. A wish to give up is heard between two pieces, and
    /// [`stop_reading`] ends a wait for the next.
    ///
    /// # Errors
    /// Why there is less than was to come.
    pub(in crate::session) fn receive(
        &mut self,
        upload: &mut Upload,
        give_up: &CancellationToken,
    ) -> Result<(), Stopped> {
        let poured = self.pour(upload, give_up);
        self.wake_at(1);
        poured
    }

    fn pour(&mut self, upload: &mut Upload, give_up: &CancellationToken) -> Result<(), Stopped> {
        let pipe = Pipe::new().map_err(|_| Stopped::Refused(no_pipe()))?;
        while upload.left != Some(0) {
            let came = self.take(&pipe, upload.left.unwrap_or(u64::MAX));
            if let Ok(Some(bytes)) = came {
                upload.write_from(&pipe, bytes).map_err(Stopped::Refused)?;
            }
            match came {
                _ if give_up.is_cancelled() => return Err(Stopped::Ended(Ended::Superseded)),
                Ok(Some(0)) => return upload.at_end(),
                Ok(_) => {}
                Err(ended) => return Err(Stopped::Ended(ended)),
            }
        }
        Ok(())
    }

    /// Takes what has come into the pipe, or waits for it; says how much it was, 0 at the end.
    fn take(&mut self, pipe: &Pipe, to_come: u64) -> Result<Option<usize>, Ended> {
        match pipe.fill(&self.socket, usize::try_from(to_come).unwrap_or(usize::MAX)) {
            Ok(bytes) => {
                self.clock.moved(bytes);
                Ok(Some(bytes))
            }
            Err(Errno::INTR) => Ok(None),
            Err(Errno::AGAIN) => self.wait_for(to_come).map(|()| None),
            Err(_) => Err(Ended::Lost),
        }
    }
}

impl Direct {
    /// Waits until much of what is to come is there, or a moment is over: whoever is slow is not to have less
    /// on the disk for it.
    fn wait_for(&mut self, to_come: u64) -> Result<(), Ended> {
        if self.clock.left().is_zero() {
            return Err(Ended::Slow);
        }
        self.wake_at(usize::try_from(to_come).unwrap_or(MUCH).min(MUCH));
        self.wait_at_most(PollFlags::IN, MOMENT.min(self.clock.left()))?;
        Ok(())
    }

    /// How many bytes are to be there before a wait for them ends.
    fn wake_at(&mut self, bytes: usize) {
        if self.wakes_at != bytes && set_low_water(&self.socket, bytes).is_ok() {
            self.wakes_at = bytes;
        }
    }
}

fn no_pipe() -> Refusal {
    Refusal::new(Code::Unavailable, "the server has no descriptors left for it")
}

/// Ends the wait of a thread for what the peer may still send.
pub(in crate::session) fn stop_reading(socket: &Arc<TcpStream>) {
    // A socket that is gone wakes it as well.
    let _ = shutdown(socket, Shutdown::Read);
}
