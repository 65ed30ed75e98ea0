//! A thread with a runtime of its own, on which some of a run's sockets live.
//!
//! One thread and one lock for many users: nothing is handed from thread to thread on the way from a
//! socket to the tally.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The beginning of every shard's thread name, by which its CPU time is found.
pub const THREAD: &str = "lg-shard-";

/// A running shard; dropping it ends its tasks.
#[derive(Debug)]
pub struct Shard {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Shard {
    /// Starts the thread of shard `number`.
    ///
    /// # Errors
    /// When the system gives no thread or no descriptor for it.
    pub fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let body = move || {
            // Ends when the sender is dropped; what is sent does not matter.
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name(format!("{THREAD}{number}")).spawn(body)?;
        Ok(Shard { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// The runtime of the shard, to put tasks and sockets on.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of a task has been printed already; there is nothing to add to it.
            let _ = thread.join();
        }
    }
}
