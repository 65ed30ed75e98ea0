//! A service at work.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::admin::{self, Pages};
use crate::drain::Drain;
use crate::failure::Failure;
use crate::flags::Flags;
use crate::metrics::Metrics;
use crate::net;
use crate::ready::Readiness;
use crate::service::Service;
use crate::words::say;

/// Said of a service that has failed, where nobody heard why.
const FAILED: &str = "the service has failed, as the log says";

/// What a service is handed to live with. Clones are the same life.
#[derive(Debug, Clone)]
pub struct Life {
    /// Which service it is.
    pub service: &'static Service,
    /// What it tells Prometheus.
    pub metrics: Metrics,
    /// Whether it can serve.
    pub ready: Readiness,
    /// What it shows on its admin port.
    pub pages: Pages,
    /// When it is to end.
    pub drain: Drain,
}

impl Life {
    /// A new one.
    pub fn new(service: &'static Service) -> Self {
        let (metrics, ready) = (Metrics::new(service), Readiness::default());
        Life { service, metrics, ready, pages: Pages::default(), drain: Drain::default() }
    }
}

/// A service at work.
#[derive(Debug)]
pub struct Running {
    /// Where it serves.
    pub addr: SocketAddr,
    /// Where its admin HTTP is.
    pub admin: SocketAddr,
    service: &'static Service,
    drain: Drain,
    task: JoinHandle<Result<(), Failure>>,
}

impl Running {
    /// Opens the admin port, sets the service to work, and says on standard output where it is.
    ///
    /// `run` ends when the drain is signaled and nothing is left that only it can finish; tasks spawned
    /// on the drain are waited for after that, all within the drain's limit.
    ///
    /// # Errors
    /// An admin port that can't be had.
    pub async fn launch<F, Fut>(
        service: &'static Service,
        flags: &Flags,
        addr: SocketAddr,
        run: F,
    ) -> Result<Running, Failure>
    where
        F: FnOnce(Life) -> Fut,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let life = Life::new(service);
        let admin_port = net::listen_tcp("--admin", flags.admin)?;
        let admin = admin_port.local_addr().map_err(Failure::fatal)?;
        let work = run(life.clone());
        let task = tokio::spawn(live(work, admin_port, life.clone(), flags.drain_limit()));
        say(&format!("listening service={} addr={addr} admin={admin}", service.name));
        Ok(Running { addr, admin, service, drain: life.drain, task })
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.service.name
    }

    /// Tells it to end, without waiting.
    pub fn begin_drain(&self) {
        self.drain.begin();
    }

    /// Waits until it has ended, by a drain or because something broke.
    ///
    /// # Errors
    /// What broke.
    pub async fn finished(&mut self) -> Result<(), Failure> {
        (&mut self.task).await.unwrap_or_else(|bug| Err(Failure::fatal(bug)))
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// What broke.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.begin_drain();
        self.finished().await
    }
}

/// The service and its admin port, until the service has ended or its time to drain is over.
async fn live(
    work: impl Future<Output = Result<(), Failure>>,
    admin_port: TcpListener,
    life: Life,
    drain_limit: Duration,
) -> Result<(), Failure> {
    let admin = tokio::spawn(life.drain.vital("admin", admin::serve(admin_port, life.clone())));
    let ended = work_then_drain(work, &life, drain_limit).await;
    admin.abort();
    ended
}

async fn work_then_drain(
    work: impl Future<Output = Result<(), Failure>>,
    life: &Life,
    limit: Duration,
) -> Result<(), Failure> {
    let whole = async {
        work.await?;
        life.drain.finished().await;
        Ok(())
    };
    tokio::pin!(whole);
    let ended = tokio::select! {
        ended = &mut whole => ended,
        () = life.drain.signaled() => drain(whole, life, limit).await,
    };
    ended?;
    if life.drain.is_for_failure() { Err(Failure::fatal(FAILED)) } else { Ok(()) }
}

/// Gives work that has been told to end its time for that.
async fn drain(
    work: impl Future<Output = Result<(), Failure>>,
    life: &Life,
    limit: Duration,
) -> Result<(), Failure> {
    let name = life.service.name;
    info!(service = name, "draining");
    match timeout(limit, work).await {
        Ok(ended) => {
            info!(service = name, "drained");
            ended
        }
        Err(_) => {
            let left = life.drain.running();
            warn!(service = name, left, "drain took too long, leaving what still runs");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::service::ECHO;

    /// How a service ends that is told to in this way.
    async fn end(
        begin: fn(&Drain),
        work: impl Future<Output = Result<(), Failure>>,
        limit: Duration,
    ) -> Result<(), Failure> {
        let life = Life::new(&ECHO);
        begin(&life.drain);
        work_then_drain(work, &life, limit).await
    }

    #[tokio::test]
    async fn a_service_that_has_failed_comes_to_no_good_end_in_time_or_late() {
        for has_failed in [false, true] {
            let begin = if has_failed { Drain::begin_for_failure } else { Drain::begin };
            assert_eq!(end(begin, pending(), Duration::ZERO).await.is_err(), has_failed);
            assert_eq!(end(begin, ready(Ok(())), Duration::MAX).await.is_err(), has_failed);
        }
    }
}
