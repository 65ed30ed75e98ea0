//! The task: one connection at a time, and the waits between them.
//!
//! How the registry is reached, what time it is and what chance says all come from outside, so that a
//! simulation can replay any run. For the same reason every `select!` is biased: what is rare and short
//! comes first, what could go on for ever last.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::names::UserName;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};
use wire::lines::Splitter;

use crate::backoff::Backoff;
use crate::core::{Broken, Core};
use crate::handle::Command;
use crate::metrics::Metrics;
use crate::view::View;

/// How long a connect may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How often the core looks at what is due.
const TICK: Duration = Duration::from_millis(250);
/// Shortest time between two views; a big one is also not made more often than costs a tenth of the time.
const SHOW_EVERY: Duration = Duration::from_millis(10);
const SHOW_SHARE: u32 = 10;
/// Longest line of the registry: a snapshot of some millions of users.
const LINE_MOST: usize = 1 << 30;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Broken(#[from] Broken),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the registry closed the connection")]
    Closed,
}

/// The ends of the task that the handle holds the others of.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) publish: watch::Sender<Arc<View>>,
    pub(crate) lose: watch::Sender<BTreeSet<UserName>>,
    pub(crate) metrics: Metrics,
}

/// Keeps the service known until it says its end or its handles are gone. `dial` opens a connection to
/// the registry, and `seed` says what the waits will be.
pub(crate) async fn run<D, F, S>(core: Core, registry: String, ends: Ends, dial: D, seed: u64)
where
    D: Fn(String) -> F,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite,
{
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (started, show_at, chance) = (now(), now(), StdRng::seed_from_u64(seed));
    let Ends { commands, publish, lose, metrics } = ends;
    let mut task =
        Task { core, registry, dial, chance, commands, publish, lose, metrics, ticks, started, show_at };
    task.live().await;
    task.core.lost();
    task.show();
}

/// The runtime's clock, which a test may move.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

struct Task<D> {
    core: Core,
    registry: String,
    dial: D,
    chance: StdRng,
    commands: mpsc::UnboundedReceiver<Command>,
    publish: watch::Sender<Arc<View>>,
    lose: watch::Sender<BTreeSet<UserName>>,
    metrics: Metrics,
    ticks: Interval,
    started: Instant,
    /// No view is shown before.
    show_at: Instant,
}

impl<D, F, S> Task<D>
where
    D: Fn(String) -> F,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite,
{
    async fn live(&mut self) {
        let (mut backoff, mut wait, mut connections) = (Backoff::default(), Duration::ZERO, 0);
        while let Some(stream) = self.connect(&mut backoff, wait).await {
            if connections > 0 {
                self.metrics.reconnects.inc();
            }
            connections += 1;
            let began = now();
            self.core.connected(began);
            let Err(lost) = self.converse(stream).await else { return };
            self.core.lost();
            self.show();
            if self.core.has_ended() {
                return;
            }
            match lost {
                Lost::Broken(Broken::Bye) => info!(registry = %self.registry, %lost, "going on without"),
                lost => warn!(registry = %self.registry, %lost, "lost the registry; going on without"),
            }
            backoff.lived(now() - began);
            wait = self.wait(&mut backoff);
        }
    }

    fn wait(&mut self, backoff: &mut Backoff) -> Duration {
        backoff.wait(self.chance.random(), self.core.look_every())
    }

    /// Tries until the registry is reached, and meanwhile does what the service asks as far as it can be
    /// done without; `None` when the end comes first.
    async fn connect(&mut self, backoff: &mut Backoff, mut wait: Duration) -> Option<S> {
        for attempts in 0.. {
            let dialled = (self.dial)(self.registry.clone());
            let mut attempt = pin!(async move {
                sleep(wait).await;
                timeout(CONNECT, dialled).await
            });
            let problem = loop {
                tokio::select! {
                    biased;
                    attempted = &mut attempt => match attempted {
                        Ok(Ok(stream)) => return Some(stream),
                        Ok(Err(error)) => break error.to_string(),
                        Err(_) => break format!("no connection within {CONNECT:?}"),
                    },
                    _ = self.ticks.tick() => self.tick().ok()?,
                    command = self.commands.recv() => self.core.command(command?, now()),
                }
                self.show_if_due();
                if self.core.has_ended() {
                    return None;
                }
            };
            // One line an outage is news; a line every few seconds would bury it.
            match attempts {
                0 => warn!(registry = %self.registry, problem, "the registry can't be reached; trying on"),
                _ => debug!(registry = %self.registry, problem, "the registry still can't be reached"),
            }
            wait = self.wait(backoff);
        }
        None
    }

    /// Speaks with the registry until the end (`Ok`) or until the connection is lost.
    async fn converse(&mut self, stream: impl AsyncRead + AsyncWrite) -> Result<(), Lost> {
        let (mut reader, mut writer) = split(stream);
        let (mut splitter, mut inbox) = (Splitter::new(LINE_MOST), Vec::with_capacity(16 << 10));
        while !self.core.has_ended() {
            tokio::select! {
                biased;
                _ = self.ticks.tick() => self.tick()?,
                () = sleep_until(self.show_at.into()), if self.core.changed => {}
                command = self.commands.recv() => match command {
                    Some(command) => self.core.command(command, now()),
                    None => return Ok(()),
                },
                written = writer.write(&self.core.out), if !self.core.out.is_empty() => {
                    self.core.out.drain(..written?);
                }
                read = reader.read_buf(&mut inbox) => {
                    if read? == 0 {
                        return Err(Lost::Closed);
                    }
                    self.lines(&mut splitter, &mut inbox)?;
                }
            }
            self.show_if_due();
        }
        Ok(())
    }

    fn lines(&mut self, splitter: &mut Splitter, inbox: &mut Vec<u8>) -> Result<(), Lost> {
        let (mut at, now) = (0, now());
        while let Some((line, used)) = splitter.next(&inbox[at..]) {
            at += used;
            let text = line.text().map_err(|_| Lost::Broken(Broken::Unasked))?;
            self.core.line(text, now)?;
        }
        inbox.drain(..at);
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Broken> {
        let now = now();
        let fresh = self.core.fresh().unwrap_or(self.started);
        self.metrics.snapshot_age.set((now - fresh).as_secs_f64());
        self.core.tick(now)
    }

    fn show_if_due(&mut self) {
        self.lose.send_if_modified(|known| {
            let differs = *known != self.core.contested;
            if differs {
                known.clone_from(&self.core.contested);
            }
            differs
        });
        self.metrics.connected.set(self.core.is_connected().into());
        if self.core.changed && now() >= self.show_at {
            self.show();
        }
    }

    fn show(&mut self) {
        let began = now();
        // Whoever looks at the metrics because of the view shall find the same there.
        self.metrics.connected.set(self.core.is_connected().into());
        self.publish.send_replace(Arc::new(self.core.view()));
        self.core.changed = false;
        self.show_at = began + SHOW_EVERY.max((now() - began) * SHOW_SHARE);
    }
}
