//! The file service: upload, download, whole or absent.
//!
//! A connection is a `session` that answers requests from the `store`, the data folder. What the rules
//! are is in [`engine::file`], how requests are written in [`wire::file`].

mod config;
mod ended;
mod labels;
mod metrics;
mod service;
mod session;
mod store;
mod transfer;
mod verify;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::accept::{self, Limits};
use chassis::{Drain, Failure, Flags, Life, Readiness, Running, net};
use engine::file::Owner;
use presence::Presence;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub use config::{Config, Quota};
use metrics::Metrics;
use service::{Service, Terms, on_disk};
use session::Socket;
use store::Store;
pub use verify::VERIFY;

/// What the binary is called and where it serves.
pub static SERVICE: chassis::Service = chassis::Service {
    name: "file",
    about: "The file service: upload, download, whole or absent",
    listen: "0.0.0.0:9003",
    admin: "127.0.0.1:9013",
    workers: chassis::one_each,
};

/// What somebody hears who is one too many.
const TOO_MANY: &[u8] = b"ERROR:too_many_connections the server is full, try again later\n";
/// How often partial uploads are swept and the folder is counted anew.
const SWEEP: Duration = Duration::from_secs(3600);
/// How often the folder is looked for.
const PROBE: Duration = Duration::from_secs(2);

/// What is left of the time to drain when uploads are ended: a little more than last words may take.
const LAST_CALL: Duration = Duration::from_millis(2_500);

/// Opens the port and the data folder and sets the service to work.
///
/// # Errors
/// A flag that can't be: the address, the data folder.
pub async fn start(config: Config, flags: Flags) -> Result<Running, Failure> {
    let data = config.data.clone();
    let (limits, known_hashes) = (config.limits(), config.known_hashes.get());
    let store = on_disk(move || Store::open(&data, limits, known_hashes)).await;
    let store = store.map_err(|problem| Failure::config("--data", config.data.display(), problem))?;
    let listener = net::listen_tcp("--listen", flags.listen)?;
    let addr = listener.local_addr().map_err(Failure::fatal)?;
    let limit = flags.drain_limit();
    Running::launch(&SERVICE, &flags, addr, |life| run(config, store, listener, addr, life, limit)).await
}

/// Serves connections until the drain begins; those that are in a transfer then are the drain's.
async fn run(
    config: Config,
    store: Store,
    listener: TcpListener,
    addr: SocketAddr,
    life: Life,
    drain_limit: Duration,
) -> Result<(), Failure> {
    let terms = Terms { idle: config.idle, patience: config.patience(), pause: config.pause() };
    let presence = Presence::start(config.presence, SERVICE.name, addr, &life);
    let metrics = Metrics::new(&life.metrics);
    let failed = CancellationToken::new();
    let lanes = Arc::new(Semaphore::new(session::LANES));
    let service = Arc::new(Service { store, metrics, presence, terms, lanes, failed });
    life.ready.set_ready();
    let limits =
        Limits { connections: config.connections, per_address: config.per_address, trusted: config.trusted };
    let session = |stream, peer: SocketAddr| {
        let (service, drain) = (service.clone(), life.drain.clone());
        async move {
            let (socket, owner) = (Socket::from(stream), Owner::of(peer.ip()));
            let ended =
                session::serve(socket, owner, service.clone(), async { drain.signaled().await }).await;
            service.metrics.disconnected(ended);
            debug!(reason = ended.as_str(), "connection ended");
        }
    };
    tokio::select! {
        () = accept::serve(listener, &life, limits, TOO_MANY, session) => {}
        () = sweep(&service, config.partial_keep) => {}
        () = watch(&service, &life.ready) => {}
        () = service.failed.cancelled() => return Err(Failure::fatal("the data folder could not be flushed")),
    }
    tokio::spawn(end_uploads(service.store.closing(), life.drain.clone(), drain_limit));
    service.presence.drop_lease().await;
    Ok(())
}

/// Ends the uploads that still run when the time to drain is nearly over, so that their peers hear why and
/// their temporary files go. It has no hold on the folder, which somebody else may open right after.
async fn end_uploads(closing: CancellationToken, drain: Drain, limit: Duration) {
    tokio::select! {
        () = drain.finished() => {}
        () = sleep(limit - LAST_CALL.min(limit / 4)) => closing.cancel(),
    }
}

/// Says whether the service can serve, for as long as its folder is there and not otherwise.
async fn watch(service: &Arc<Service>, ready: &Readiness) {
    let mut moments = interval(PROBE);
    moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        moments.tick().await;
        let service = service.clone();
        let probe = move || {
            // Downloads change figures too, and nobody tells of each.
            service.tell();
            service.metrics.leaves_free(service.store.free().unwrap_or(0));
            service.store.probe()
        };
        let found = on_disk(probe).await;
        match (found, ready.obstacle()) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                info!("the data folder is back");
                ready.set_ready();
            }
            (Err(why), told) => {
                if told.is_none() {
                    warn!(why, "no file can be served");
                }
                ready.set_not(why);
            }
        }
    }
}

/// Keeps the folder in order: at the start and then every hour.
async fn sweep(service: &Arc<Service>, partial_keep: Duration) {
    let mut hours = interval(SWEEP);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        let service = service.clone();
        on_disk(move || {
            let swept = service.store.sweep_partials(partial_keep, SystemTime::now());
            if let Err(error) = swept.and_then(|()| service.store.recount()) {
                warn!(%error, "the data folder can't be swept");
            }
            service.tell();
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn uploads_are_ended_while_there_is_time_to_say_so() {
        let (closing, drain, began) = (CancellationToken::new(), Drain::default(), Instant::now());
        drain.spawn(pending::<()>());
        end_uploads(closing.clone(), drain, LIMIT).await;
        assert!(closing.is_cancelled());
        assert_eq!(began.elapsed(), LIMIT - LAST_CALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_that_is_over_ends_nothing() {
        let (closing, began) = (CancellationToken::new(), Instant::now());
        end_uploads(closing.clone(), Drain::default(), LIMIT).await;
        assert!(!closing.is_cancelled() && began.elapsed().is_zero());
    }
}
