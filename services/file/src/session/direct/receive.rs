//! From a socket into a file.

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio_util::sync::CancellationToken;

use super::Direct;
use crate::ended::Ended;
use crate::session::upload::{Stopped, Upload};

/// What is hashed and written in one piece: much for one call, and small enough to stay in a processor's
/// own cache from the one to the other.
const PIECE: usize = 128 * 1024;

impl Direct {
    /// Takes in what is to come of an upload. A wish to give up is heard between two pieces, and
    /// [`stop_reading`] ends a wait for the next.
    ///
    /// # Errors
    /// Why there is less than was to come.
    pub(in crate::session) fn receive(
        mut self,
        upload: &mut Upload,
        give_up: &CancellationToken,
    ) -> Result<(), Stopped> {
        let mut piece = vec![0; PIECE];
        while upload.left != Some(0) {
            let wanted = upload.left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE).min(PIECE));
            let (filled, end) = self.fill(&mut piece[..wanted]);
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
    fn fill(&mut self, piece: &mut [u8]) -> (usize, Option<Result<(), Ended>>) {
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
                    if let Err(ended) = self.wait(PollFlags::IN) {
                        return (filled, Some(Err(ended)));
                    }
                }
                Err(_) => return (filled, Some(Err(Ended::Lost))),
            }
        }
        (filled, None)
    }
}

/// Ends the wait of a thread for what the peer may still send.
pub(in crate::session) fn stop_reading(socket: impl std::os::fd::AsFd) {
    // A socket that is gone wakes it as well.
    let _ = shutdown(socket, Shutdown::Read);
}
