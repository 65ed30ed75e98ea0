//! How a thread is called away from a socket that it waits for.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};
use tokio_util::sync::CancellationToken;

/// A wish that a thread gives up what it waits for. Clones are the same wish.
///
/// To end the reading side of the socket would wake the thread too. But then the kernel answers whatever the
/// peer still sends with a reset once our side ends (RFC 9293, 3.6.1), and the reset may overtake the words
/// that say why.
#[derive(Debug, Clone)]
pub(in crate::session) struct Interrupt {
    wish: CancellationToken,
    /// What `poll` sees beside the socket; without it, where no descriptor is left, the wish is heard when a
    /// wait is over by itself.
    bell: Option<Arc<OwnedFd>>,
}

impl Interrupt {
    /// Tells a thread of a wish.
    pub(in crate::session) fn on(wish: CancellationToken) -> Self {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok();
        Interrupt { wish, bell: bell.map(Arc::new) }
    }

    /// Waits for the wish, and wakes the thread.
    pub(in crate::session) async fn raised(&self) {
        self.wish.cancelled().await;
        if let Some(bell) = &self.bell {
            // It is never so full that it can't be rung once.
            let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
        }
    }

    /// Whether the thread is to give up.
    pub(super) fn is_raised(&self) -> bool {
        self.wish.is_cancelled()
    }

    /// What can be read once the wish is there.
    pub(super) fn bell(&self) -> Option<BorrowedFd<'_>> {
        self.bell.as_deref().map(AsFd::as_fd)
    }
}
