//! How much CPU the services use while the run lasts, for whoever watches.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::cpu::{self, Used};
use super::{Scrape, scrape_again};
use crate::target::Counter;

/// How often the services are asked: seldom enough to be no load.
const EVERY: Duration = Duration::from_secs(2);

type Shares = Arc<Mutex<Vec<(String, f64)>>>;

/// Somebody who asks now and then; dropping it ends that.
#[derive(Debug)]
pub struct Pulse {
    shares: Shares,
    task: JoinHandle<()>,
}

impl Pulse {
    /// Begins with what the services have just said.
    pub(super) fn start(before: &[(Counter, Scrape)]) -> Self {
        let shares = Shares::default();
        let task = tokio::spawn(feel(before.to_vec(), Arc::clone(&shares)));
        Pulse { shares, task }
    }

    /// The CPU that each service used lately, as a share of one core; nothing at first.
    pub fn shares(&self) -> Vec<(String, f64)> {
        lock(&self.shares).clone()
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A service and what it said when its share was last known.
#[derive(Debug)]
struct Patient {
    counter: Counter,
    asked: Instant,
    said: Scrape,
    used: Option<Used>,
}

impl Patient {
    fn new((counter, said): (Counter, Scrape)) -> Self {
        Patient { counter, asked: Instant::now(), said, used: None }
    }

    /// Asks again. As long as it is too early to tell, the share stays what it was.
    async fn ask(&mut self) {
        let Ok((_, now)) = scrape_again(&self.counter).await else {
            self.used = None;
            return;
        };
        let seconds = self.asked.elapsed().as_secs_f64();
        let used = Used::between(self.counter.service, &self.said, &now, seconds);
        if used.is_some() || now.began_anew(&self.said) {
            *self = Patient { used, ..Patient::new((self.counter.clone(), now)) };
        }
    }
}

async fn feel(before: Vec<(Counter, Scrape)>, shares: Shares) {
    let mut patients: Vec<Patient> = before.into_iter().map(Patient::new).collect();
    loop {
        sleep(EVERY).await;
        for patient in &mut patients {
            patient.ask().await;
        }
        *lock(&shares) = cpu::shares(patients.iter().filter_map(|patient| patient.used.as_ref()));
    }
}

fn lock(shares: &Mutex<Vec<(String, f64)>>) -> MutexGuard<'_, Vec<(String, f64)>> {
    shares.lock().expect("nothing panics while it holds the shares")
}
