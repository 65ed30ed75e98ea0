//! The threads that walk the rooms.
//!
//! A walk is a thousand system calls in a row. On the threads that also serve the sessions it would be moved
//! from one to the other in the middle, and whoever speaks would wait for it; on its own it stays where its
//! caches are, and the next messages are read and committed beside it.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use chassis::{Drain, Failure};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads that walk the rooms; a room stays with one of them. They end when this is dropped.
pub(crate) struct Threads {
    handles: Vec<Handle>,
    opened: AtomicUsize,
    drain: Drain,
    /// Dropping these is what ends the threads.
    _ends: Vec<oneshot::Sender<()>>,
}

impl Threads {
    /// Starts so many, for a service that ends with this drain.
    ///
    /// # Errors
    /// No threads to be had.
    pub(crate) fn start(count: usize, drain: Drain) -> Result<Self, Failure> {
        let started: io::Result<Vec<_>> = (0..count.max(1)).map(start_one).collect();
        let started = started.map_err(|error| Failure::fatal(format!("no thread for the rooms: {error}")))?;
        let (handles, ends) = started.into_iter().unzip();
        Ok(Threads { handles, opened: AtomicUsize::new(0), drain, _ends: ends })
    }

    /// The runtime of the caller instead, so that a test has one clock.
    #[cfg(test)]
    pub(crate) fn of_caller() -> Self {
        Self::on(Handle::current())
    }

    /// Rooms that do nothing until they are [let go](Late::go).
    #[cfg(test)]
    pub(crate) fn late() -> (Self, Late) {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime for a test");
        (Self::on(runtime.handle().clone()), Late(runtime))
    }

    #[cfg(test)]
    fn on(handle: Handle) -> Self {
        let (handles, opened) = (vec![handle], AtomicUsize::new(0));
        Threads { handles, opened, drain: Drain::default(), _ends: Vec::new() }
    }

    /// Serves one more room. A bug that ends it ends the service: its members would wait for ever.
    pub(super) fn serve(&self, room: impl Future<Output = ()> + Send + 'static) {
        let turn = self.opened.fetch_add(1, Ordering::Relaxed);
        self.handles[turn % self.handles.len()].spawn(self.drain.vital("room", room));
    }
}

/// A thread of rooms that gets no time.
#[cfg(test)]
pub(crate) struct Late(tokio::runtime::Runtime);

#[cfg(test)]
impl Late {
    /// Serves the rooms from now on, until the test has ended.
    pub(crate) fn go(self) {
        std::thread::spawn(move || self.0.block_on(std::future::pending::<()>()));
    }

    /// Ends the rooms, as a bug in them would.
    pub(crate) fn fail(self) {
        self.0.shutdown_background();
    }
}

fn start_one(number: usize) -> io::Result<(Handle, oneshot::Sender<()>)> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new().name(format!("chat-rooms-{number}")).spawn(move || {
        // The other end is never used, only dropped.
        let _ = runtime.block_on(ended);
    })?;
    Ok((handle, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bug_in_a_room_ends_the_service() {
        let drain = Drain::default();
        let threads = Threads::start(1, drain.clone()).unwrap();
        threads.serve(async { panic!("a bug") });
        drain.signaled().await;
    }
}
