//! One connection: requests in, replies and events out, in one task.

use std::sync::Arc;
use std::time::Duration;

use chassis::Drain;
use engine::Refusal;
use engine::registry::{Answer, Denied, Feed, Resync, Watcher};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::{Instant, Interval, interval_at, sleep_until, timeout};
use tracing::{debug, warn};
use wire::lines::{Line, MAX_REGISTRY_LINE, Splitter};
use wire::registry::{Snapshot, decode, write_answer, write_bookmark, write_bye, write_denied, write_event};

use crate::config::Patience;
use crate::ended::Ended;
use crate::state::State;

/// A watcher hears at least this often, so that it knows that it has missed nothing.
const BOOKMARK_EVERY: Duration = Duration::from_secs(5);
/// What is written at once, before more is answered or told.
const BATCH: usize = 64 << 10;
/// The least that a peer has to take within the time that it may leave something unread.
const PIECE: usize = 16 << 10;
/// What is read at once.
const READ_MOST: usize = 4 << 10;
/// How long a peer that broke off may still send before the connection is closed under it; closing over
/// unread bytes would reset the connection and destroy the last words.
const LINGER: Duration = Duration::from_secs(1);
/// The time over which those who lose the registry at one moment are asked to come back, in milliseconds.
const RETRY_SPREAD_MS: u64 = 5_000;

/// One connection.
pub(crate) struct Session<S> {
    stream: S,
    state: Arc<State>,
    patience: Patience,
    splitter: Splitter,
    inbox: Vec<u8>,
    /// False once the peer has closed its direction; a watcher may do so and listen on.
    reading: bool,
    outbox: Vec<u8>,
    watch: Option<Watch>,
    /// When the peer was last heard; `None` before its first line.
    heard: Option<Instant>,
    began: Instant,
}

/// What a watching session needs beside.
struct Watch {
    watcher: Watcher,
    began: Instant,
    bookmarks: Interval,
}

impl Watch {
    /// Waits until there is something to tell; true when it is time for a bookmark.
    async fn due(watch: Option<&mut Watch>, state: &State) -> bool {
        let Some(watch) = watch else { return std::future::pending().await };
        tokio::select! {
            biased;
            _ = watch.bookmarks.tick() => true,
            () = state.news.after(watch.watcher.rev()) => false,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(crate) fn new(stream: S, state: Arc<State>, patience: Patience) -> Self {
        Session {
            stream,
            state,
            patience,
            splitter: Splitter::new(MAX_REGISTRY_LINE),
            inbox: Vec::new(),
            reading: true,
            outbox: Vec::new(),
            watch: None,
            heard: None,
            began: Instant::now(),
        }
    }

    /// Runs the session to its end.
    pub(crate) async fn run(mut self, drain: Drain) {
        let ended = match self.converse(drain).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        };
        if self.watch.is_some() {
            self.state.metrics.watchers.dec();
        }
        self.state.metrics.disconnected(&ended);
        match ended {
            Ended::Slow | Ended::LineTooLong => warn!(%ended, "session ended"),
            _ => debug!(%ended, "session ended"),
        }
    }

    async fn converse(&mut self, drain: Drain) -> Result<std::convert::Infallible, Ended> {
        loop {
            let silence = self.silence_ends();
            self.inbox.reserve(READ_MOST);
            // What is rare comes first. A peer that asks without end is told what it watches all the same,
            // for its answers take that along.
            tokio::select! {
                biased;
                () = drain.signaled() => return Err(self.say_goodbye().await),
                bookmark = Watch::due(self.watch.as_mut(), &self.state) => self.tell(bookmark).await?,
                read = self.stream.read_buf(&mut self.inbox), if self.reading => match read? {
                    0 if self.watch.is_none() => return Err(Ended::Closed),
                    0 => self.reading = false,
                    _ => self.answer_lines().await?,
                },
                () = sleep_until(silence), if self.watch.is_none() => return Err(self.timed_out().await),
            }
        }
    }

    fn silence_ends(&self) -> Instant {
        self.heard.map_or(self.began + self.patience.login, |heard| heard + self.patience.idle)
    }

    async fn timed_out(&mut self) -> Ended {
        let (code, words, ended) = match self.heard {
            None => (engine::Code::LoginTimeout, "nothing was asked in time", Ended::LoginTimeout),
            Some(_) => (engine::Code::IdleTimeout, "nothing was asked for long", Ended::IdleTimeout),
        };
        self.last_words(Refusal::new(code, words)).await;
        ended
    }

    /// Asks each peer to come back at another moment, so that they do not all come at once.
    async fn say_goodbye(&mut self) -> Ended {
        write_bye(&mut self.outbox, self.state.below(RETRY_SPREAD_MS));
        // One look: whoever says nothing holds nothing up.
        let quiet = timeout(Duration::ZERO, self.stream.read_buf(&mut self.inbox)).await.is_err();
        if quiet {
            // Whoever does not take the words within the time has had the chance.
            let _ = timeout(LINGER, self.finish()).await;
        } else {
            self.part().await;
        }
        Ended::Shutdown
    }

    /// Answers every whole line that has arrived.
    async fn answer_lines(&mut self) -> Result<(), Ended> {
        let mut at = 0;
        while let Some((line, used)) = self.splitter.next(&self.inbox[at..]) {
            let too_long = line == Line::TooLong;
            let watcher = answer_line(&self.state, line, &mut self.outbox);
            at += used;
            self.heard = Some(Instant::now());
            if too_long {
                self.part().await;
                return Err(Ended::LineTooLong);
            }
            if let Some(watcher) = watcher {
                self.begin_watching(watcher);
            }
            if self.outbox.len() >= BATCH {
                self.flush().await?;
            }
        }
        self.inbox.drain(..at);
        self.tell(false).await
    }

    /// Watches from a place on; another watch of the same connection begins anew.
    fn begin_watching(&mut self, watcher: Watcher) {
        if self.watch.is_none() {
            self.state.metrics.watchers.inc();
        }
        let began = Instant::now();
        let bookmarks = interval_at(began + BOOKMARK_EVERY, BOOKMARK_EVERY);
        self.watch = Some(Watch { watcher, began, bookmarks });
    }

    /// Tells everything there is to tell, and writes it.
    async fn tell(&mut self, bookmark: bool) -> Result<(), Ended> {
        while let Some(watch) = &mut self.watch {
            match tell_next(&self.state, watch, &mut self.outbox) {
                Told::Everything => break,
                Told::Events { since } => {
                    self.flush().await?;
                    self.state.metrics.propagation.observe(since.elapsed().as_secs_f64());
                }
                Told::Snapshot(snapshot) => self.tell_snapshot(snapshot).await?,
            }
        }
        if let Some(rev) = self.watch.as_ref().and_then(|watch| watch.watcher.rev()).filter(|_| bookmark) {
            write_bookmark(&mut self.outbox, rev);
        }
        self.flush().await
    }

    /// Writes a snapshot piece by piece, and lets others have their turn after each.
    async fn tell_snapshot(&mut self, mut snapshot: Snapshot) -> Result<(), Ended> {
        while snapshot.write_piece(&mut self.outbox, BATCH) {
            self.flush().await?;
            yield_now().await;
        }
        self.flush().await
    }

    /// Writes all that waits, as long as the peer takes a piece within the time. One that sips byte by byte
    /// would keep the roster of a moment, and the end of the registry waiting, for as long as it likes.
    async fn flush(&mut self) -> Result<(), Ended> {
        for piece in self.outbox.chunks(PIECE) {
            let written = timeout(self.patience.slow, self.stream.write_all(piece)).await;
            written.map_err(|_| Ended::Slow)??;
        }
        self.outbox.clear();
        // A snapshot's room is not kept for the small lines after it.
        self.outbox.shrink_to(BATCH);
        Ok(())
    }

    async fn last_words(&mut self, refusal: Refusal) {
        write_denied(&mut self.outbox, &refusal.into(), None);
        self.part().await;
    }

    /// Writes what waits, and that nothing follows.
    async fn finish(&mut self) -> Result<(), Ended> {
        self.flush().await?;
        Ok(self.stream.shutdown().await?)
    }

    /// Writes what waits and lets the peer finish, so that it can read why.
    async fn part(&mut self) {
        let linger = async {
            self.finish().await.ok()?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await.ok()? > 0 {}
            Some(())
        };
        // However it goes, the session is over.
        let _ = timeout(LINGER, linger).await;
    }
}

/// Appends the answer to one line; a granted watch is handed back.
fn answer_line(state: &State, line: Line<'_>, out: &mut Vec<u8>) -> Option<Watcher> {
    let refuse = |out: &mut Vec<u8>, op, refusal: Refusal, id: Option<&_>| {
        state.metrics.refused(op, &refusal);
        write_denied(out, &Denied::from(refusal), id);
        None
    };
    let incoming = match line.text() {
        Ok(text) => decode(text),
        Err(refusal) => return refuse(out, "invalid", refusal, None),
    };
    let id = incoming.id;
    let request = match incoming.request {
        Ok(request) => request,
        Err(refusal) => return refuse(out, incoming.op, refusal, id),
    };
    match state.answer(incoming.op, request) {
        Ok(answer) => {
            write_answer(out, &answer, &state.epoch, id);
            if let Answer::Watching { watcher, .. } = answer { Some(watcher) } else { None }
        }
        Err(denied) => {
            write_denied(out, &denied, id);
            None
        }
    }
}

/// What a watcher is told next.
enum Told {
    /// It has everything.
    Everything,
    /// Events, which were appended; the first of them could be told from then on.
    Events { since: Instant },
    /// Everything anew.
    Snapshot(Snapshot),
}

/// Appends the events that a watcher is told next, if it is events.
fn tell_next(state: &State, watch: &mut Watch, out: &mut Vec<u8>) -> Told {
    let had = watch.watcher.rev();
    match state.feed(&mut watch.watcher) {
        Feed::Nothing => Told::Everything,
        Feed::Events(events) => {
            events.iter().for_each(|event| write_event(out, event));
            state.metrics.events_sent.inc_by(events.len() as u64);
            let came = state.news.came(had.map_or(0, |had| had + 1));
            // What it has missed while it was not here has not been on its way to it.
            Told::Events { since: came.max(watch.began) }
        }
        Feed::Snapshot { age, roster, services, reason } => {
            state.metrics.resynced(reason);
            if let (Resync::Slow, Some(had)) = (reason, had) {
                state.metrics.events_skipped.inc_by(roster.rev - had);
            }
            Told::Snapshot(Snapshot::new(state.epoch.clone(), age, roster, services))
        }
    }
}
