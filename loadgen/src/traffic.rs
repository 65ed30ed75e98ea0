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
use crate::scenario::info::Askers;
use crate::schedule::{Action, Operation};

/// Between the start of the pacer and its first operation, so that the thread is there in time.
const LEAD: Duration = Duration::from_millis(20);

/// A run's operations being carried out; dropping it ends them.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    lag: Arc<Mutex<Recorder>>,
    done: oneshot::Receiver<()>,
}

impl Traffic {
    /// Begins the warm-up.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(scene: &Arc<Scene>, mut crowd: Crowd, mut askers: Option<Askers>) -> io::Result<Self> {
        let (stop, lag) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Recorder::default())));
        let (tell, done) = oneshot::channel();
        let (scene, stopped, late) = (Arc::clone(scene), Arc::clone(&stop), Arc::clone(&lag));
        let body = move || {
            let act = |number, operation: Operation, woken| {
                match (operation.action, &mut askers) {
                    (Action::Say { user, sequence }, _) => crowd.say(number, user, sequence, woken),
                    (Action::Ask { query }, Some(askers)) => askers.ask(number, query),
                    (Action::Ask { .. }, None) => scene.sent.skipped(),
                }
                if scene.schedule.counts(number) {
                    lock(&late).note(Series::Wake, woken - operation.due);
                }
            };
            scene.clock.begin(LEAD);
            pacer::run(scene.schedule.operations(), &scene.clock, &stopped, act);
            // Nobody waits for it when the run was given up.
            let _ = tell.send(());
        };
        thread::Builder::new().name("lg-pacer".into()).spawn(body)?;
        Ok(Traffic { stop, lag, done })
    }

    /// Waits until every operation was carried out; may be dropped and called again.
    pub async fn finished(&mut self) {
        // An error means that the pacer is gone, which is an end as well.
        let _ = (&mut self.done).await;
    }

    /// Lets nothing more fall due.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
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
        self.stop();
    }
}

fn lock(lag: &Mutex<Recorder>) -> std::sync::MutexGuard<'_, Recorder> {
    lag.lock().expect("nothing panics while it notes a lag")
}
