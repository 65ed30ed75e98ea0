//! The machine behind one short lock, with the clock it lacks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chassis::Life;
use engine::Timestamp;
use engine::registry::{Answer, Denied, Feed, Moment, Registry, Request, Watcher};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::config::Config;
use crate::metrics::Metrics;
use crate::news::News;

/// What every session shares.
#[derive(Debug)]
pub(crate) struct State {
    /// Locked for one request or one look at a time, and never over an await.
    registry: Mutex<Registry>,
    /// Where leases, the epoch and the moments of coming back are drawn from; seeded by the operating
    /// system, so that nobody can guess them, except in a simulation.
    chance: Mutex<StdRng>,
    /// The beginning of the machine's monotonic time.
    started: Instant,
    /// The newest revisions, for those who watch.
    pub(crate) news: News,
    /// A lease was granted or renewed, so that the next deadline may be another.
    deadline_moved: Notify,
    /// The random name of this run.
    pub(crate) epoch: Arc<str>,
    pub(crate) metrics: Metrics,
}

impl State {
    pub(crate) fn new(config: &Config, life: &Life, mut chance: StdRng) -> Self {
        let epoch = format!("{:032x}", chance.random::<u128>());
        let registry = Registry::new(&epoch, config.settings(), 0);
        let started = Instant::now();
        State {
            epoch: registry.epoch().clone(),
            registry: Mutex::new(registry),
            chance: Mutex::new(chance),
            started,
            news: News::default(),
            deadline_moved: Notify::new(),
            metrics: Metrics::new(life),
        }
    }

    /// Answers one request.
    pub(crate) fn answer(&self, op: &str, request: Request) -> Result<Answer, Denied> {
        let registers = matches!(request, Request::Register(_));
        let moment = Moment { now: self.now(), at: wall_clock(), random: self.below(u64::MAX) };
        let answer = {
            let mut registry = self.lock();
            let answer = registry.answer(request, moment);
            self.publish(&registry);
            answer
        };
        self.metrics.answered(op, &answer);
        if registers {
            self.deadline_moved.notify_one();
        }
        answer
    }

    /// A random number below a bound.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..bound)
    }

    /// What a watcher is told next.
    pub(crate) fn feed(&self, watcher: &mut Watcher) -> Feed {
        let now = self.now();
        self.lock().feed(watcher, now)
    }

    /// Ends leases when they are over, for ever.
    pub(crate) async fn expire_leases(&self) {
        loop {
            let deadline = self.lock().next_deadline().map(|ms| self.started + Duration::from_millis(ms));
            tokio::select! {
                biased;
                () = sleep_until(deadline.unwrap_or(self.started)), if deadline.is_some() => self.tick(),
                () = self.deadline_moved.notified() => {}
            }
        }
    }

    fn tick(&self) {
        let now = self.now();
        let lapse = {
            let mut registry = self.lock();
            let lapse = registry.tick(now);
            self.publish(&registry);
            lapse
        };
        self.metrics.lapsed(lapse);
        if lapse.expired > 0 {
            info!(leases = lapse.expired, "leases expired");
        }
        if lapse.spared > 0 {
            warn!(
                leases = lapse.spared,
                "too many leases lapse at once, sparing them for one more time to live"
            );
        }
    }

    /// Tells those who watch, under the lock so that revisions are told in their order.
    fn publish(&self, registry: &Registry) {
        self.metrics.show(registry);
        self.news.publish(registry.roster().rev);
    }

    /// Milliseconds since the start; the next five hundred million years fit.
    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_millis() as u64)
}
