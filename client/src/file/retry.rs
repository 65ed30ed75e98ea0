//! When a transfer goes on that was cut off.

use tokio::time::sleep;

use super::progress::Bars;
use crate::backoff::Backoff;
use crate::errors::{Failure, Outcome};

/// How often a connection may be lost in a row without a byte more at the other side.
const TRIES: u32 = 8;

/// The attempts in a row that brought nothing.
#[derive(Default)]
pub(super) struct Retry {
    backoff: Backoff,
    tries: u32,
}

impl Retry {
    /// Waits before the next attempt. `moved` says whether the last one brought a byte over: then the person is
    /// told, and the count begins anew.
    ///
    /// # Errors
    /// The failure, when it is one too many.
    pub(super) async fn wait(&mut self, failure: Failure, moved: bool, bars: &Bars) -> Outcome {
        if moved {
            *self = Retry::default();
            bars.note(&format!("-- {failure}; going on from there as soon as it can be reached"));
        }
        self.tries += 1;
        if self.tries > TRIES {
            return Err(failure);
        }
        sleep(self.backoff.next(rand::random())).await;
        Ok(())
    }
}

/// Whether trying again may help.
pub(super) fn is_passing(failure: &Failure) -> bool {
    let busy = matches!(failure, Failure::Refused { code, .. } if code == "busy" || code == "unavailable");
    busy || matches!(failure.exit(), 3 | 4)
}
