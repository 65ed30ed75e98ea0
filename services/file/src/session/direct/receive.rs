//! From a socket into a file.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio_util::sync::CancellationToken;

use super::Direct;
use super::low_water::set_low_water;
use crate::ended::Ended;
use crate::session::upload::{Stopped, Upload};

/// What is hashed and written in one piece: much for one call, and small enough to stay in a processor's
/// own cache from the one to the other.
const PIECE: usize = 256 * 1024;
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
        let mut piece = vec![0; PIECE];
        while upload.left != Some(0) {
            let wanted = upload.left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE).min(PIECE));
            let (filled, end) = self.fill(&mut piece[..wanted], upload.left.unwrap_or(u64::MAX));
            upload.write(&piece[..filled]).map_err(Stopped::Refused)?;
            match end {
                _ if give_up.is_cancelled() => return Err(Stopped::Ended(Ended::Superseded)),
                Some(Ok(())) => return upload.at_end(),
                Some(Err(ended)) => return Err(Stopped::Ended(ended)),
                None => {}
            }
        }
        Ok(())
    }

    /// Fills a piece; says how much is in it, and when nothing more is to come.
    fn fill(&mut self, piece: &mut [u8], to_come: u64) -> (usize, Option<Result<(), Ended>>) {
        let mut filled = 0;
        while filled < piece.len() {
            match recv(&self.socket, &mut piece[filled..], RecvFlags::empty()) {
                Ok((_, 0)) => return (filled, Some(Ok(()))),
                Ok((_, bytes)) => {
                    self.clock.moved(bytes);
                    filled += bytes;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if let Err(ended) = self.wait_for(to_come - filled as u64) {
                        return (filled, Some(Err(ended)));
                    }
                }
                Err(_) => return (filled, Some(Err(Ended::Lost))),
            }
        }
        (filled, None)
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

/// Ends the wait of a thread for what the peer may still send.
pub(in crate::session) fn stop_reading(socket: &Arc<TcpStream>) {
    // A socket that is gone wakes it as well.
    let _ = shutdown(socket, Shutdown::Read);
}
