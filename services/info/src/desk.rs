//! Where the answers are written: anew whenever presence or the second changes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chassis::{Drain, Readiness};
use engine::Timestamp;
use engine::info::UsersMode;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};
use wire::info::{Answers, Names};

use crate::answerer::Answerer;
use crate::metrics::Tally;
use crate::sight::Sight;

/// A crowd that comes or goes at once is encoded once.
const SETTLE: Duration = Duration::from_millis(50);
/// To write the names of a hundred thousand takes a while. Nine times that long they are left as they are, so
/// that people who come and go all the time cost a tenth of a core.
const REST: u32 = 9;

/// Keeps the answers of all workers up to date.
pub(crate) struct Desk {
    /// Where presence is seen.
    pub(crate) sight: Sight,
    /// How much `USERS` tells.
    pub(crate) mode: UsersMode,
    /// When the service began.
    pub(crate) started: Instant,
    /// Asked how many sources it refuses.
    pub(crate) answerer: Arc<Answerer>,
    /// Shows that, and the age of presence.
    pub(crate) tally: Tally,
    /// Set once there is something to answer from.
    pub(crate) ready: Readiness,
}

impl Desk {
    /// Writes what can be said now; the future writes it anew until the drain begins.
    pub(crate) fn open(
        mut self,
        drain: Drain,
    ) -> (watch::Receiver<Arc<Answers>>, impl Future<Output = ()> + Send) {
        self.sight.look();
        let names = self.names();
        let (to, answers) = watch::channel(self.write(&names));
        (answers, async move { self.keep_up(names, to, drain).await })
    }

    async fn keep_up(&mut self, mut names: Arc<Names>, to: watch::Sender<Arc<Answers>>, drain: Drain) {
        let ended = drain.signaled();
        tokio::pin!(ended);
        let (mut due, mut rested) = (None, Instant::now());
        loop {
            // The second goes on while a crowd settles.
            tokio::select! {
                () = &mut ended => return,
                () = sleep(until_next_second()) => {}
                () = self.sight.changed(), if due.is_none() => {
                    due = Some(rested.max(Instant::now() + SETTLE));
                    continue;
                }
                () = reached(due) => {
                    let began = Instant::now();
                    if self.sight.look() {
                        names = self.names();
                    }
                    (due, rested) = (None, Instant::now() + began.elapsed() * REST);
                }
            }
            to.send_replace(self.write(&names));
        }
    }

    fn names(&mut self) -> Arc<Names> {
        Arc::new(Names::new(self.sight.glance(), self.mode))
    }

    fn write(&mut self, names: &Arc<Names>) -> Arc<Answers> {
        let uptime = self.started.elapsed();
        let picture = self.sight.glance();
        let status = picture.status(chassis::VERSION, timestamp(), uptime);
        let answers = Arc::new(Answers::new(picture, &status, names.clone()));
        self.show(status.presence_age, uptime);
        answers
    }

    /// Tells the operator how it is. Presence that was never seen is as old as this process.
    fn show(&self, seen: Option<Duration>, uptime: Duration) {
        let blind = self.sight.is_blind();
        let age = seen.unwrap_or(if blind { Duration::ZERO } else { uptime });
        self.tally.show(self.answerer.gate().limited_sources(uptime), age);
        if seen.is_some() || blind {
            self.ready.set_ready();
        } else {
            self.ready.set_not("the registry has not been seen yet");
        }
    }
}

/// Waits for a moment; for ever when there is none.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// `TIME` and `STATUS` turn with the wall clock's second.
fn until_next_second() -> Duration {
    Duration::from_nanos(1_000_000_000 - u64::from(since_epoch().subsec_nanos()))
}

/// The wall clock.
pub(crate) fn timestamp() -> Timestamp {
    Timestamp(u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX))
}

/// A clock before 1970 is shown as 1970.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
