//! What one user says. The pacer writes to the socket itself, so that no other thread's wake-up lies
//! between a due time and its send; what the socket will not take waits here, in order.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::desk::Desk;
use crate::recorder::Series;

/// A user's mouth.
#[derive(Debug)]
pub(super) struct Voice {
    user: u32,
    stream: TcpStream,
    outbox: Mutex<VecDeque<Waiting>>,
    gone: AtomicBool,
    /// When the last line was said.
    spoke: AtomicU64,
    desk: Arc<Desk>,
    runtime: Handle,
}

/// A message, or the rest of one, that the socket has not taken.
#[derive(Debug)]
struct Waiting {
    number: u32,
    rest: Vec<u8>,
    since: u64,
}

impl Voice {
    /// The mouth of a user whose connection lives on the current runtime.
    pub(super) fn new(user: u32, stream: TcpStream, desk: Arc<Desk>) -> Self {
        let runtime = Handle::current();
        let (gone, spoke) = (AtomicBool::new(false), AtomicU64::new(0));
        Voice { user, stream, outbox: Mutex::default(), gone, spoke, desk, runtime }
    }

    /// The connection, to read from it.
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Notes that the connection is over: nothing can be said any more.
    pub(super) fn hang_up(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Ends what this side says; the server then ends the rest.
    pub(super) fn say_no_more(&self) {
        // It may be closed already, which is as good.
        let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write);
    }

    /// Says a line that is operation `number`, woken for it at `woken`.
    pub(super) fn say(self: &Arc<Self>, number: u32, line: &[u8], woken: u64) {
        let sent = &self.desk.scene.sent;
        if self.gone.load(Ordering::Relaxed) {
            return sent.skipped();
        }
        self.spoke.store(woken, Ordering::Relaxed);
        let mut outbox = self.outbox();
        let written = if outbox.is_empty() {
            sent.attempt(number, self.desk.scene.clock.now());
            self.stream.try_write(line)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        };
        match written {
            Ok(all) if all == line.len() => self.taken(),
            Ok(some) => self.wait(&mut outbox, Waiting { number, rest: line[some..].to_vec(), since: woken }),
            Err(refused) if refused.kind() == io::ErrorKind::WouldBlock => {
                self.wait(&mut outbox, Waiting { number, rest: line.to_vec(), since: woken });
            }
            Err(_) => sent.skipped(),
        }
    }

    /// Says a line that is no operation, when nothing was said since `silent_since` and nothing waits.
    pub(super) fn stay(&self, line: &[u8], silent_since: u64, now: u64) {
        let outbox = self.outbox();
        if self.spoke.load(Ordering::Relaxed) > silent_since || !outbox.is_empty() {
            return;
        }
        self.spoke.store(now, Ordering::Relaxed);
        if self.stream.try_write(line).is_ok_and(|written| written < line.len()) {
            // Half a line is said and its rest has no place in the outbox; the connection can't go on.
            self.say_no_more();
        }
    }

    fn wait(self: &Arc<Self>, outbox: &mut VecDeque<Waiting>, waiting: Waiting) {
        self.desk.scene.sent.began_waiting();
        outbox.push_back(waiting);
        if outbox.len() == 1 {
            self.runtime.spawn(Arc::clone(self).flush());
        }
    }

    /// Sends what waits, as the socket takes it.
    async fn flush(self: Arc<Self>) {
        while self.stream.writable().await.is_ok() {
            match self.flush_some() {
                Ok(()) => return,
                Err(refused) if refused.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.give_up();
    }

    /// Sends until nothing waits or the socket takes no more.
    fn flush_some(&self) -> io::Result<()> {
        let Desk { scene, .. } = &*self.desk;
        let mut outbox = self.outbox();
        while let Some(waiting) = outbox.front_mut() {
            let now = scene.clock.now();
            scene.sent.attempt(waiting.number, now);
            let written = self.stream.try_write(&waiting.rest)?;
            waiting.rest.drain(..written);
            if waiting.rest.is_empty() {
                self.note_wait(waiting.number, now.saturating_sub(waiting.since));
                outbox.pop_front();
                scene.sent.ended_waiting();
                self.taken();
            }
        }
        Ok(())
    }

    fn note_wait(&self, number: u32, took: u64) {
        if self.desk.scene.schedule.counts(number) {
            self.desk.lock().tally.recorder.note(Series::Socket, took);
        }
    }

    fn give_up(&self) {
        self.hang_up();
        for _ in self.outbox().drain(..) {
            self.desk.scene.sent.ended_waiting();
            self.desk.scene.sent.skipped();
        }
    }

    fn taken(&self) {
        let scene = &self.desk.scene;
        scene.sent.message_taken(self.user, scene.roster.audience(self.user));
    }

    fn outbox(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.outbox.lock().expect("nothing panics while it holds an outbox")
    }
}
