//! A thread with a runtime of its own, on which some of a run's sockets live.
//!
//! One thread and one lock for many users: nothing is handed from thread to thread on the way from a
//! socket to the tally.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::heartbeat::Heartbeat;
use crate::recorder::{Recorder, Series};

/// The beginning of every shard's thread name, by which its CPU time is found.
pub const THREAD: &str = "lg-shard-";

/// A running shard; dropping it ends its tasks.
#[derive(Debug)]
pub struct Shard {
    handle: Handle,
    /// Where somebody wants to know how late it is.
    heartbeat: Option<Heartbeat>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Shard {
    /// Starts the thread of shard `number`, whose lateness belongs to the series `reads`.
    ///
    /// # Errors
    /// When the system gives no thread, or no descriptor or timer for it.
    pub fn start(number: usize, reads: Vec<Series>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let heartbeat = if reads.is_empty() {
            None
        } else {
            let _on_shard = runtime.enter();
            Some(Heartbeat::start(reads)?)
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let body = move || {
            // Ends when the sender is dropped; what is sent does not matter.
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name(format!("{THREAD}{number}")).spawn(body)?;
        Ok(Shard { handle, heartbeat, stop: Some(stop), thread: Some(thread) })
    }

    /// The runtime of the shard, to put tasks and sockets on.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Notes as late what it should have seen by now and has not.
    pub fn settle(&self) {
        self.heartbeat.iter().for_each(Heartbeat::see);
    }

    /// Takes away what was recorded of its lateness since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        self.heartbeat.iter().for_each(|heartbeat| heartbeat.collect(into));
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
