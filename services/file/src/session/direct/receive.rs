//! From a socket into a file.

use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::low_water::set_low_water;
use super::{Direct, Interrupt};
use crate::ended::Ended;
use crate::session::pour::{Stopped, Upload};

/// What is hashed and written in one piece: much for one call, and small enough to stay in a processor's
/// own cache from the one to the other.
const PIECE: usize = 256 * 1024;
/// Bytes that a thread is woken for, when so many are to come: what it costs to wake one is paid by whoever
/// has the processor, which on a busy machine is the transfer itself.
const MUCH: usize = 1024 * 1024;
/// How long what has come may wait for more.
const MOMENT: Duration = Duration::from_secs(1);

impl Direct {
    /// Takes in what is to come of an upload. An interrupt is heard between two pieces and in a wait for the
    /// next; of what has come by then a piece is taken in, and the peer sends the rest again.
    ///
    /// # Errors
    /// Why there is less than was to come.
    pub(in crate::session) fn receive(
        &mut self,
        upload: &mut Upload,
        interrupt: &Interrupt,
    ) -> Result<(), Stopped> {
        let poured = self.pour(upload, interrupt);
        self.wake_at(1);
        poured
    }

    fn pour(&mut self, upload: &mut Upload, interrupt: &Interrupt) -> Result<(), Stopped> {
        let mut piece = vec![0; PIECE];
        while upload.left != Some(0) {
            let wanted = upload.left.map_or(PIECE, |left| usize::try_from(left).unwrap_or(PIECE).min(PIECE));
            let to_come = upload.left.unwrap_or(u64::MAX);
            let (filled, end) = self.fill(&mut piece[..wanted], to_come, interrupt);
            upload.write(&piece[..filled]).map_err(Stopped::Refused)?;
            match end {
                _ if interrupt.is_raised() => return Err(Stopped::GivenUp),
                Some(Ok(())) => return upload.at_end(),
                Some(Err(ended)) => return Err(Stopped::Ended(ended)),
                None => {}
            }
        }
        Ok(())
    }

    /// Fills a piece; says how much is in it, and when nothing more is to come.
    fn fill(
        &mut self,
        piece: &mut [u8],
        to_come: u64,
        interrupt: &Interrupt,
    ) -> (usize, Option<Result<(), Ended>>) {
        let mut filled = 0;
        while filled < piece.len() {
            match recv(&self.socket, &mut piece[filled..], RecvFlags::empty()) {
                Ok((_, 0)) => return (filled, Some(Ok(()))),
                Ok((_, bytes)) => {
                    self.clock.moved(bytes);
                    filled += bytes;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if interrupt.is_raised() => break,
                Err(Errno::AGAIN) => {
                    if let Err(ended) = self.wait_for(to_come - filled as u64, interrupt) {
                        return (filled, Some(Err(ended)));
                    }
                }
                Err(_) => return (filled, Some(Err(Ended::Lost))),
            }
        }
        (filled, None)
    }

    /// Waits until much of what is to come is there, or a moment is over: whoever is slow is not to have less
    /// on the disk for it.
    fn wait_for(&mut self, to_come: u64, interrupt: &Interrupt) -> Result<(), Ended> {
        if self.clock.left().is_zero() {
            return Err(Ended::Slow);
        }
        self.wake_at(usize::try_from(to_come).unwrap_or(MUCH).min(MUCH));
        self.wait_to_read(interrupt, MOMENT.min(self.clock.left()))
    }

    /// How many bytes are to be there before a wait for them ends.
    fn wake_at(&mut self, bytes: usize) {
        if self.wakes_at != bytes && set_low_water(&self.socket, bytes).is_ok() {
            self.wakes_at = bytes;
        }
    }
}
