//! How much CPU the services use while the run lasts, for whoever watches.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::cpu::{self, Used};
use super::scrape::{Scrape, scrape};
use crate::target::Counter;

/// How often the services are asked: seldom enough to be no load, and for whole seconds to be a fair measure.
const EVERY: Duration = Duration::from_secs(10);

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

async fn feel(mut last: Vec<(Counter, Scrape)>, shares: Shares) {
    let mut asked = Instant::now();
    loop {
        sleep(EVERY).await;
        let seconds = asked.elapsed().as_secs_f64();
        asked = Instant::now();
        let mut felt = Vec::new();
        for (counter, before) in &mut last {
            // One that does not answer now is asked again the next time.
            let Ok(now) = scrape(counter.at).await else { continue };
            felt.push(Used::new(counter.service, &now, &now.since(before)));
            *before = now;
        }
        *lock(&shares) = cpu::shares(&felt, seconds);
    }
}

fn lock(shares: &Mutex<Vec<(String, f64)>>) -> MutexGuard<'_, Vec<(String, f64)>> {
    shares.lock().expect("nothing panics while it holds the shares")
}
