//! The status page on the admin port: what is up, who is here, how the last two minutes went.
//!
//! One page holds all it needs; it is handed the state of the moment with it and each second's after it.
//! Only totals are taken down while nobody looks.

mod report;
mod trend;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chassis::{Life, Page};
use engine::info::UsersMode;
use presence::View;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use self::trend::{Moment, Trends};
use crate::metrics::Tally;
use crate::sight::Sight;

/// The page, without the state.
const PAGE: &str = include_str!("page.html");
/// Where the state goes.
const STATE: &str = "{{state}}";

/// What the page is written from.
pub(crate) struct Board {
    view: watch::Receiver<Arc<View>>,
    mode: UsersMode,
    started: Instant,
    tally: Tally,
    seen: Mutex<Seen>,
}

struct Seen {
    /// Drawn only when somebody looks.
    sight: Sight,
    trends: Trends,
}

impl Board {
    pub(crate) fn new(
        view: watch::Receiver<Arc<View>>,
        mode: UsersMode,
        started: Instant,
        tally: Tally,
    ) -> Arc<Self> {
        let seen = Mutex::new(Seen { sight: Sight::new(view.clone(), 0), trends: Trends::default() });
        Arc::new(Board { view, mode, started, tally, seen })
    }

    /// Shows the page; the future keeps it up to date until the drain begins.
    pub(crate) fn open(self: Arc<Self>, life: &Life) -> impl Future<Output = ()> + Send + use<> {
        let news = Arc::new(watch::Sender::new(Arc::from(self.state())));
        let board = self.clone();
        let write = Arc::new(move || PAGE.replace(STATE, &board.state()));
        life.pages.show("/", Page::Text { kind: "text/html; charset=utf-8", write });
        life.pages.show("/events", Page::Events(news.clone()));
        let drain = life.drain.clone();
        async move {
            tokio::select! {
                () = self.keep_up(&news) => {}
                () = drain.signaled() => {}
            }
        }
    }

    async fn keep_up(&self, news: &watch::Sender<Arc<str>>) {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            seconds.tick().await;
            let moment = Moment::new(self.started.elapsed(), &self.view.borrow(), self.tally.questions());
            self.seen().trends.push(moment);
            if news.receiver_count() > 0 {
                news.send_replace(self.state().into());
            }
        }
    }

    /// The state as JSON which may stand in HTML: no `<` in it can end the element that it stands in.
    fn state(&self) -> String {
        let Seen { sight, trends } = &mut *self.seen();
        sight.look();
        let report = report::report(sight.glance(), trends, self.mode, self.started.elapsed());
        report.to_string().replace('<', "\\u003c")
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
