//! What one user says. The pacer writes to the socket itself, so that no other thread's wake-up lies
//! between a due time and its send; what the socket will not take waits here, in order.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::desk::Desk;
use super::frame::Frame;
use crate::recorder::Series;

/// A user's mouth. It outlives its connections.
#[derive(Debug)]
pub(super) struct Voice {
    user: u32,
    mouth: Mutex<Mouth>,
    /// When the last line was said.
    spoke: AtomicU64,
    desk: Arc<Desk>,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Mouth {
    /// `None` between two connections, and behind the last one.
    stream: Option<Arc<TcpStream>>,
    /// What the run wants of the user.
    will: Will,
    waiting: VecDeque<Waiting>,
    /// How many messages a socket has taken whole.
    said: u32,
    /// How many were answered, as far as the mouth was told.
    answered: u32,
    flushing: bool,
}

/// What the run wants of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Will {
    /// To be there.
    #[default]
    Stay,
    /// To leave, and to come back as somebody who was never there.
    Return,
    /// To leave for good.
    End,
}

/// A message, or the rest of one, that the socket has not taken.
#[derive(Debug)]
struct Waiting {
    number: u32,
    sequence: u32,
    rest: Vec<u8>,
    /// When it was to be said; `None` when it has been said before, on a connection that broke.
    since: Option<u64>,
}

impl Voice {
    /// The mouth of a user who is not connected yet, on the current runtime.
    pub(super) fn new(user: u32, desk: Arc<Desk>) -> Self {
        Voice { user, mouth: Mutex::default(), spoke: AtomicU64::new(0), desk, runtime: Handle::current() }
    }

    /// Goes on with a connection: says again what was said and not answered, then what waits.
    pub(super) fn resume(self: &Arc<Self>, stream: Arc<TcpStream>, answered: u32) {
        let mut mouth = self.mouth();
        let frame = self.desk.frame_of(self.user);
        let again = (answered..mouth.said).filter_map(|sequence| self.again(frame, sequence));
        let again: VecDeque<Waiting> = again.collect();
        for waiting in &mut mouth.waiting {
            waiting.rest = self.line(frame, waiting.number, waiting.sequence);
        }
        mouth.waiting.retain(|waiting| waiting.since.is_some());
        for waiting in again.into_iter().rev() {
            mouth.waiting.push_front(waiting);
        }
        mouth.answered = answered;
        if mouth.will == Will::Return {
            mouth.will = Will::Stay;
        }
        mouth.stream = Some(stream);
        self.start_flushing(&mut mouth);
    }

    fn again(&self, frame: &Frame, sequence: u32) -> Option<Waiting> {
        let number = self.desk.scene.schedule.message(self.user, sequence)?;
        Some(Waiting { number, sequence, rest: self.line(frame, number, sequence), since: None })
    }

    fn line(&self, frame: &Frame, number: u32, sequence: u32) -> Vec<u8> {
        frame.clone().stamp(&self.desk.scene.header(number, self.user, sequence)).to_vec()
    }

    /// Notes that the connection is gone, and says what the run wants now. `forever` ends it for good.
    pub(super) fn hang_up(&self, forever: bool) -> Will {
        let mut mouth = self.mouth();
        mouth.stream = None;
        if forever {
            mouth.will = Will::End;
            self.give_up(&mut mouth);
        }
        mouth.will
    }

    /// Says nothing more of what waits; it was due, and nobody will hear it.
    pub(super) fn fall_silent(&self) {
        self.give_up(&mut self.mouth());
    }

    fn give_up(&self, mouth: &mut Mouth) {
        // What was said before is no new message, and was never counted as waiting.
        for _ in mouth.waiting.drain(..).filter(|waiting| waiting.since.is_some()) {
            self.desk.scene.sent.ended_waiting();
            self.desk.scene.sent.unsaid();
        }
    }

    /// Ends what this side says; the server then ends the rest.
    pub(super) fn leave(&self, will: Will) {
        let mut mouth = self.mouth();
        mouth.will = will;
        if let Some(stream) = &mouth.stream {
            // It may be closed already, which is as good.
            let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Write);
        }
    }

    /// What the run wants of the user.
    pub(super) fn will(&self) -> Will {
        self.mouth().will
    }

    /// Hears that so many messages were answered, for which a closed loop waits.
    pub(super) fn answered(self: &Arc<Self>, answered: u32) {
        let mut mouth = self.mouth();
        mouth.answered = answered;
        self.start_flushing(&mut mouth);
    }

    /// Says a line that is operation `number`, woken for it at `woken`; whether the socket took it at once.
    pub(super) fn say(self: &Arc<Self>, number: u32, sequence: u32, line: &[u8], woken: u64) -> bool {
        let sent = &self.desk.scene.sent;
        let mut mouth = self.mouth();
        if mouth.will == Will::End {
            sent.unsaid();
            return false;
        }
        self.spoke.store(woken, Ordering::Relaxed);
        let written = match mouth.ready(self.desk.scene.closed) {
            Some(stream) if mouth.waiting.is_empty() => {
                sent.attempt(number, self.desk.scene.clock.now());
                stream.try_write(line)
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        };
        if written.as_ref().is_ok_and(|written| *written == line.len()) {
            self.taken(&mut mouth);
            return true;
        }
        // An error that is no refusal is the end of the connection, and its reader's to see.
        let rest = line[written.unwrap_or(0)..].to_vec();
        sent.began_waiting();
        mouth.waiting.push_back(Waiting { number, sequence, rest, since: Some(woken) });
        self.start_flushing(&mut mouth);
        false
    }

    /// Says a line that is no operation, when nothing was said since `silent_since` and nothing waits.
    pub(super) fn stay(&self, line: &[u8], silent_since: u64, now: u64) {
        let mouth = self.mouth();
        if self.spoke.load(Ordering::Relaxed) > silent_since || !mouth.waiting.is_empty() {
            return;
        }
        let Some(stream) = &mouth.stream else { return };
        self.spoke.store(now, Ordering::Relaxed);
        if stream.try_write(line).is_ok_and(|written| written < line.len()) {
            // Half a line is said and its rest has no place in the queue; the connection can't go on.
            let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Write);
        }
    }

    fn start_flushing(self: &Arc<Self>, mouth: &mut Mouth) {
        let can = !mouth.waiting.is_empty() && mouth.ready(self.desk.scene.closed).is_some();
        if can && !mouth.flushing {
            mouth.flushing = true;
            self.runtime.spawn(Arc::clone(self).flush());
        }
    }

    /// Sends what waits, as the socket takes it; whoever makes it possible to go on starts it again.
    async fn flush(self: Arc<Self>) {
        while let Some(stream) = self.flush_some() {
            if stream.writable().await.is_err() && self.is_at(&stream) {
                self.mouth().flushing = false;
                return;
            }
        }
    }

    /// Whether this is still the connection; a new one may have come meanwhile.
    fn is_at(&self, stream: &Arc<TcpStream>) -> bool {
        self.mouth().stream.as_ref().is_none_or(|current| Arc::ptr_eq(current, stream))
    }

    /// Sends until nothing waits, nothing may be said, or the socket, which is then given back, is full.
    fn flush_some(&self) -> Option<Arc<TcpStream>> {
        let scene = &self.desk.scene;
        let mut mouth = self.mouth();
        while let Some(stream) = mouth.ready(scene.closed) {
            let Some(waiting) = mouth.waiting.front_mut() else { break };
            let now = scene.clock.now();
            if waiting.since.is_some() {
                scene.sent.attempt(waiting.number, now);
            }
            match stream.try_write(&waiting.rest) {
                Ok(written) => drop(waiting.rest.drain(..written)),
                Err(full) if full.kind() == io::ErrorKind::WouldBlock => return Some(stream),
                Err(_) => break,
            }
            if waiting.rest.is_empty() {
                self.sent_late(&mut mouth, now);
            }
        }
        mouth.flushing = false;
        None
    }

    /// Takes the first of what waits for said.
    fn sent_late(&self, mouth: &mut Mouth, now: u64) {
        let Some(Waiting { number, since, .. }) = mouth.waiting.pop_front() else { return };
        let scene = &self.desk.scene;
        let Some(since) = since else { return };
        scene.sent.ended_waiting();
        if scene.schedule.counts(number) {
            self.desk.lock().tally.recorder.note(Series::ChatSocket, now.saturating_sub(since));
        }
        self.taken(mouth);
    }

    fn taken(&self, mouth: &mut Mouth) {
        mouth.said += 1;
        let scene = &self.desk.scene;
        scene.sent.message_taken(self.user, scene.roster.audience(self.user));
    }

    fn mouth(&self) -> MutexGuard<'_, Mouth> {
        self.mouth.lock().expect("nothing panics while it holds a mouth")
    }
}

impl Mouth {
    /// The socket, when something may be said: in a closed loop only behind an answer, or once more what a
    /// broken connection left without one.
    fn ready(&self, closed: bool) -> Option<Arc<TcpStream>> {
        let again = self.waiting.front().is_some_and(|first| first.since.is_none());
        let may = !closed || again || self.said <= self.answered;
        self.stream.clone().filter(|_| may)
    }
}
