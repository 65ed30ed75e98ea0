//! One member's way out: what is for them alone goes first, the rooms' logs follow.
//!
//! The contract of a [`Member`]:
//! 1. Bytes leave in the order in which they were put in; a line is never torn by another.
//! 2. Putting in never waits. Whoever has more than `--behind` bytes of others' waiting for them, and a socket
//!    that takes nothing, is cut off.
//! 3. Any task may write; only the member's own session waits for the socket to take more.
//! 4. A room that could not write leaves its name in `behind` and is told when the socket takes more.

use std::future::poll_fn;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use atomic_waker::AtomicWaker;
use engine::chat::{Dialect, Event, MemberId, Reader, Ref, Told};
use tokio::time::Instant;

use super::bounds::Bounds;
use super::room::Room;
use super::socket::Socket;
use crate::ended::Ended;
use crate::metrics::Metrics;

/// What somebody has to take of an answer within `--slow`, in bytes. Whoever does is not stalled, however long the
/// rest of it takes.
const PIECE: usize = 16 * 1024;

/// The rest of a line that is worth waiting for, in bytes, so that last words can go behind it.
const LONGEST_REST: usize = 64 * 1024;

/// One connection that has said its name.
pub(crate) struct Member {
    /// Who it is in the hub.
    pub id: MemberId,
    /// How it is spoken to.
    pub dialect: Dialect,
    /// Whether it wants its own messages back.
    pub echo: bool,
    socket: Arc<dyn Socket>,
    /// What may wait for it before it counts as too slow.
    bounds: Bounds,
    out: Mutex<Out>,
    /// Messages handed to the store and not yet answered.
    uncommitted: AtomicU32,
    /// Whether the session has something to look at: bytes to flush, a commit, or the end. Not a
    /// [`tokio::sync::Notify`]: waiting for that takes ten times the place in every idle session.
    is_woken: AtomicBool,
    session: AtomicWaker,
    metrics: Metrics,
}

#[derive(Default)]
struct Out {
    /// What goes before anything else: private lines, and the rest of a line that was cut in two.
    first: Vec<u8>,
    /// How much of it others have told, at its end.
    told: u32,
    /// Whether the socket took nothing at the last try.
    full: bool,
    /// How long something has been waiting for the socket. On the heap: an idle member has no use for it.
    delay: Option<Box<Delay>>,
    /// Rooms that have more for this member than the socket took.
    behind: Vec<Arc<Room>>,
    ended: Option<Ended>,
}

/// For how long something has been waiting for a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay {
    /// Since when.
    pub began: Instant,
    /// Since when the piece of an answer that is next has.
    pub piece_began: Instant,
    /// Bytes taken of that piece.
    taken: usize,
}

impl Out {
    /// The socket has taken so much of what goes first. Where that was all of it, the next piece is another
    /// answer's: the rests of torn lines do not add up to one.
    fn took(&mut self, bytes: usize) {
        let Some(delay) = &mut self.delay else { return };
        delay.taken = if self.first.is_empty() { 0 } else { delay.taken + bytes };
        if delay.taken >= PIECE {
            (delay.piece_began, delay.taken) = (Instant::now(), 0);
        }
    }

    /// Bytes of memory that are kept for want of a socket that takes them.
    fn waiting(&self) -> usize {
        if self.full { self.first.capacity() } else { 0 }
    }
}

/// The way out, held. What has come to wait in it meanwhile, or waits no more, is counted in the end.
struct Held<'a> {
    out: MutexGuard<'a, Out>,
    waited: usize,
    bounds: &'a Bounds,
}

impl Deref for Held<'_> {
    type Target = Out;

    fn deref(&self) -> &Out {
        &self.out
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Out {
        &mut self.out
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.bounds.changed(self.waited, self.out.waiting());
    }
}

/// How a write to a member went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// All of it.
    All,
    /// So many whole lines of a room's, and then the socket was full.
    Lines(u64),
    /// The member is gone.
    Gone,
}

impl Member {
    /// A member with nothing waiting.
    pub(crate) fn new(
        id: MemberId,
        dialect: Dialect,
        echo: bool,
        socket: Arc<dyn Socket>,
        bounds: Bounds,
        metrics: Metrics,
    ) -> Arc<Self> {
        Arc::new(Member {
            id,
            dialect,
            echo,
            socket,
            bounds,
            out: Mutex::default(),
            uncommitted: AtomicU32::new(0),
            is_woken: AtomicBool::new(false),
            session: AtomicWaker::new(),
            metrics,
        })
    }

    /// The same connection as another kind of member; what waits for it goes on waiting.
    pub(crate) fn becoming(&self, dialect: Dialect, echo: bool) -> Arc<Self> {
        let waiting = std::mem::take(&mut *self.lock());
        let (socket, bounds, metrics) = (self.socket.clone(), self.bounds.clone(), self.metrics.clone());
        let member = Member::new(self.id, dialect, echo, socket, bounds, metrics);
        *member.lock() = waiting;
        member
    }

    /// What the member is to a room's log.
    pub(crate) fn reader(&self) -> Reader {
        Reader { member: self.id, dialect: self.dialect }
    }

    /// Tells this member alone, as the answer to `reference`. Only puts it in: the session flushes. What
    /// can be asked for is bounded by not reading further requests while answers wait.
    pub(crate) fn answer(&self, reference: Option<Ref>, event: Event) {
        self.put(|out| self.encode(Told { reference, event }, out));
    }

    fn encode(&self, told: Told, out: &mut Vec<u8>) {
        match self.dialect {
            Dialect::Text => wire::chat::text::encode(&told.event, out),
            Dialect::Json => wire::chat::json::encode_event(&told, out),
        }
    }

    /// Tells this member alone what somebody else has to say.
    pub(crate) fn tell(&self, event: Event) {
        let mut out = self.lock();
        let before = out.first.len();
        self.encode(Told { reference: None, event }, &mut out.first);
        out.told = out.told.saturating_add((out.first.len() - before) as u32);
        // It may be the session that is late, and not the peer.
        if out.told as usize > self.bounds.each() && !self.write_again(&mut out) {
            out.ended.get_or_insert(Ended::Slow);
        }
        self.wake();
    }

    /// Puts in bytes for this member alone.
    pub(crate) fn put(&self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.lock().first);
    }

    /// Waits until the socket may take more; for the session alone.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.socket.poll_write_ready(cx)).await?;
        self.lock().full = false;
        Ok(())
    }

    /// Whether the socket takes more right now, which nobody may have heard yet; for the session alone.
    pub(crate) async fn may_write(&self) -> bool {
        let may_write = poll_fn(|cx| Poll::Ready(self.socket.poll_write_ready(cx).is_ready())).await;
        if may_write {
            self.lock().full = false;
        }
        may_write
    }

    /// Wakes the session, which flushes.
    pub(crate) fn wake(&self) {
        self.is_woken.store(true, Ordering::Release);
        self.session.wake();
    }

    /// Waits for [`Member::wake`]; for the session alone.
    pub(crate) fn woken(&self) -> impl Future<Output = ()> {
        poll_fn(|cx| {
            // First registered, then asked: a wake between the two is not missed.
            self.session.register(cx.waker());
            if self.is_woken.swap(false, Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// Says to the peer that nothing more will come.
    pub(crate) fn finish(&self) {
        self.socket.shutdown();
    }

    /// Ends the member from outside its session.
    pub(crate) fn end(&self, ended: Ended) {
        self.lock().ended.get_or_insert(ended);
        self.wake();
    }

    /// Ends the member for what is kept for it. All of that goes but the rest of a line that may be torn,
    /// behind which it is told why; where that is long, it is told nothing more.
    pub(crate) fn part(&self) {
        let mut out = self.lock();
        out.ended.get_or_insert(Ended::Slow);
        let rest = memchr::memchr(b'\n', &out.first).map_or(out.first.len(), |end| end + 1);
        if rest > LONGEST_REST {
            out.first = Vec::new();
            self.socket.shutdown();
        } else {
            out.first.truncate(rest);
            out.first.shrink_to_fit();
        }
        self.wake();
    }

    /// Bytes that are kept for this member alone; what is kept for whoever has been ended is gone soon.
    pub(crate) fn waiting(&self) -> usize {
        let out = self.lock();
        if out.ended.is_some() { 0 } else { out.waiting() }
    }

    /// Why the member is to end, once it is.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.lock().ended
    }

    /// Writes what waits for this member alone, and tells the rooms behind it when all of it is out.
    /// The answer is for how long something has been waiting, as long as the socket takes nothing.
    pub(crate) fn flush(&self) -> Option<Delay> {
        let mut out = self.lock();
        self.write_first(&mut out);
        if out.full {
            return out.delay.as_deref().copied();
        }
        // The rooms go on now; each that still can't write everything comes back here.
        let behind = std::mem::take(&mut out.behind);
        if behind.is_empty() {
            self.caught_up(&mut out);
        }
        drop(out);
        behind.iter().for_each(|room| room.resume(self.id));
        None
    }

    /// Writes lines of a room behind what goes first. Whatever is left of a torn line is kept here; whole
    /// lines that did not fit stay in the room's log, and the room is told to go on later.
    pub(super) fn write_lines(&self, lines: &[u8], room: &Arc<Room>) -> Wrote {
        let mut out = self.lock();
        self.write_first(&mut out);
        let taken = self.try_write(&mut out, lines);
        if out.ended.is_some() {
            return Wrote::Gone;
        }
        if taken == lines.len() {
            self.caught_up(&mut out);
            return Wrote::All;
        }
        let whole = end_of_line(lines, taken);
        out.first.extend_from_slice(&lines[taken..whole]);
        self.fall_behind(&mut out);
        if !out.behind.iter().any(|behind| Arc::ptr_eq(behind, room)) {
            out.behind.push(room.clone());
        }
        Wrote::Lines(memchr::memchr_iter(b'\n', &lines[..whole]).count() as u64)
    }

    /// Tries a socket again that was full, for its session may not have heard yet that it takes more; whether
    /// all that goes first is out.
    pub(super) fn retry(&self) -> bool {
        self.write_again(&mut self.lock())
    }

    fn write_again(&self, out: &mut Out) -> bool {
        out.full = false;
        self.write_first(out);
        out.first.is_empty()
    }

    /// Hears that a room has nothing more for it: the rest of a torn line was the last of it.
    pub(super) fn has_all(&self) {
        let mut out = self.lock();
        if out.first.is_empty() && out.behind.is_empty() {
            self.caught_up(&mut out);
        }
    }

    fn write_first(&self, out: &mut Out) {
        // Trying anyway would wake the session, which would try again: it would spin until it is cut off.
        if out.full {
            return;
        }
        let first = std::mem::take(&mut out.first);
        let mut taken = 0;
        while taken < first.len() {
            match self.try_write(out, &first[taken..]) {
                0 => break,
                more => taken += more,
            }
        }
        // Nothing left means no buffer: an idle member owns none.
        if taken < first.len() {
            out.first = first[taken..].to_vec();
            self.fall_behind(out);
        }
        out.took(taken);
        out.told = out.told.min((first.len() - taken) as u32);
    }

    /// Bytes taken; 0 when the socket is full or gone.
    fn try_write(&self, out: &mut Out, bytes: &[u8]) -> usize {
        if out.full {
            return 0;
        }
        match self.socket.try_write(bytes) {
            Ok(taken) => {
                out.full = taken < bytes.len();
                return taken;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => out.full = true,
            Err(_) => {
                out.ended.get_or_insert(Ended::Lost);
                self.wake();
            }
        }
        0
    }

    /// Notes from when on something waits for the socket; the session waits with it.
    fn fall_behind(&self, out: &mut Out) {
        if out.delay.is_none() {
            let now = Instant::now();
            out.delay = Some(Box::new(Delay { began: now, piece_began: now, taken: 0 }));
            self.metrics.limits.slow_consumers.inc();
        }
        self.wake();
    }

    fn caught_up(&self, out: &mut Out) {
        if out.delay.take().is_some() {
            self.metrics.limits.slow_consumers.dec();
        }
    }

    /// A message is on its way to the store.
    pub(crate) fn begin_commit(&self) {
        self.uncommitted.fetch_add(1, Ordering::Relaxed);
    }

    /// So many have been answered.
    pub(crate) fn end_commits(&self, count: u32) {
        self.uncommitted.fetch_sub(count, Ordering::Release);
        self.wake();
    }

    /// Whether no message is on its way.
    pub(crate) fn all_committed(&self) -> bool {
        self.uncommitted.load(Ordering::Acquire) == 0
    }

    fn lock(&self) -> Held<'_> {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        Held { waited: out.waiting(), out, bounds: &self.bounds }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut out = std::mem::take(self.out.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.caught_up(&mut out);
        self.bounds.changed(out.waiting(), 0);
    }
}

/// The end of the line that byte `at` is in the middle of; `at` itself between two lines.
fn end_of_line(lines: &[u8], at: usize) -> usize {
    if at == 0 || lines[at - 1] == b'\n' {
        return at;
    }
    memchr::memchr(b'\n', &lines[at..]).map_or(lines.len(), |end| at + end + 1)
}
