//! The pacer's thread at work: it hands each operation to whoever carries it out.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::pacer;
use crate::recorder::{Recorder, Series};
use crate::scenario::Scene;
use crate::scenario::chat::Crowd;
use crate::scenario::file::{Couriers, Files};
use crate::scenario::info::{Askers, Replies};
use crate::scenario::registry::{Door, Entries};
use crate::schedule::{Action, Operation};

/// Between the start of the pacer and its first operation, so that the thread is there in time.
const LEAD: Duration = Duration::from_millis(20);

/// Everybody who acts in a run. Clones are the same people.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Chat users; none when chat is left alone.
    pub crowd: Crowd,
    /// Whoever asks info.
    pub askers: Option<Askers>,
    /// Whoever transfers files.
    pub couriers: Option<Couriers>,
    /// Whoever enters in the registry.
    pub door: Option<Door>,
}

impl Cast {
    /// Carries out operation `number`, woken for it at `woken`; whether a socket took it at once, where that
    /// is known at once.
    fn act(&mut self, scene: &Scene, number: u32, action: Action, woken: u64) -> bool {
        match action {
            Action::Say { user, sequence } => return self.crowd.say(number, user, sequence, woken),
            Action::Leave { user } => self.crowd.leave(user),
            Action::Ask { query } => match &mut self.askers {
                Some(askers) => return askers.ask(number, query, woken),
                None => scene.sent.skipped(),
            },
            Action::Transfer { file } => match &self.couriers {
                Some(couriers) => couriers.transfer(number, file, woken),
                None => scene.sent.skipped(),
            },
            Action::Enter { guest } => match &self.door {
                Some(door) => door.enter(number, guest, woken),
                None => scene.sent.skipped(),
            },
        }
        false
    }

    /// Takes away what was recorded since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        self.crowd.collect(into);
        self.askers.iter().for_each(|askers| askers.collect(into));
        self.couriers.iter().for_each(|couriers| couriers.collect(into));
        self.door.iter().for_each(|door| door.collect(into));
    }

    /// What has come back of the queries; nothing where nobody asks.
    pub fn replies(&self) -> Replies {
        self.askers.as_ref().map(Askers::replies).unwrap_or_default()
    }

    /// What has become of the files so far.
    pub fn files(&self) -> Files {
        self.couriers.as_ref().map(Couriers::files).unwrap_or_default()
    }

    /// What has become of those who enter so far.
    pub fn entries(&self) -> Entries {
        self.door.as_ref().map(Door::entries).unwrap_or_default()
    }

    /// Whether nothing more can come.
    pub fn is_settled(&self) -> bool {
        let (answered, carried) = (self.replies().unanswered == 0, self.files().running() == 0);
        let entries = self.entries();
        let seen = entries.lost == 0 && entries.granted + entries.refused == entries.sent;
        answered && carried && seen && self.crowd.is_settled()
    }
}

/// The series that our lateness for an action belongs to, and its socket's.
fn lags(action: Action) -> (Series, Series) {
    match action {
        Action::Say { .. } | Action::Leave { .. } => (Series::ChatWake, Series::ChatSocket),
        Action::Ask { .. } => (Series::InfoWake, Series::InfoSocket),
        Action::Transfer { .. } => (Series::FileWake, Series::FileSocket),
        Action::Enter { .. } => (Series::RegistryWake, Series::RegistrySocket),
    }
}

/// A run's operations being carried out; dropping it ends them.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    lag: Arc<Mutex<Recorder>>,
    /// The pacer's end, until it was heard of.
    done: Option<oneshot::Receiver<()>>,
}

impl Traffic {
    /// Begins the warm-up.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(scene: &Arc<Scene>, mut cast: Cast) -> io::Result<Self> {
        let (stop, lag) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Recorder::default())));
        let (tell, done) = oneshot::channel();
        let (scene, stopped, late) = (Arc::clone(scene), Arc::clone(&stop), Arc::clone(&lag));
        let body = move || {
            let act = |number, operation: Operation, woken| {
                let taken = cast.act(&scene, number, operation.action, woken);
                if scene.schedule.counts(number) {
                    let (wake, socket) = lags(operation.action);
                    let mut late = lock(&late);
                    late.note(wake, woken - operation.due);
                    if let Some(sent) = scene.sent.at(number).filter(|_| taken) {
                        late.note(socket, sent.saturating_sub(woken));
                    }
                }
            };
            scene.clock.begin(LEAD);
            pacer::run(scene.schedule.operations(), &scene.clock, &stopped, act);
            // Nobody waits for it when the run was given up.
            let _ = tell.send(());
        };
        thread::Builder::new().name("lg-pacer".into()).spawn(body)?;
        Ok(Traffic { stop, lag, done: Some(done) })
    }

    /// Waits until every operation was carried out; may be dropped and called again.
    pub async fn finished(&mut self) {
        if let Some(done) = &mut self.done {
            // An error means that the pacer is gone, which is an end as well.
            let _ = done.await;
            self.done = None;
        }
    }

    /// Lets nothing more fall due, and waits for what is being carried out: what a socket has just taken and
    /// nobody has counted yet would come behind the books.
    pub async fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.finished().await;
    }

    /// Takes away what was recorded of our own lateness since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        let mut taken = Recorder::default();
        std::mem::swap(&mut *lock(&self.lag), &mut taken);
        into.merge(&taken);
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn lock(lag: &Mutex<Recorder>) -> std::sync::MutexGuard<'_, Recorder> {
    lag.lock().expect("nothing panics while it notes a lag")
}
