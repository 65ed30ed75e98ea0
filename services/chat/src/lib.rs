//! The chat service: rooms, history, delivery after commit.
//!
//! A message's trip: the `session` reads a line and decodes it, the `hub` checks it against
//! the rules, the `store` commits it, the hub hands it to the room's log (`delivery`), and the
//! room's task writes it to everybody.

#[doc(hidden)]
pub mod alone;
mod backup;
mod config;
mod delivery;
mod disk;
mod ended;
mod hub;
mod metrics;
mod place;
mod relief;
mod session;
mod store;

use std::sync::Arc;
use std::time::Duration;

use chassis::accept::{self, Limits};
use chassis::{Failure, Flags, Life, Running, Service};
use presence::Presence;
use tokio::net::TcpListener;

pub use backup::BACKUP;
pub use config::{Config, FloodLimit};
use delivery::{Metered, Threads, bound_unsent};
pub use ended::Ended;
use hub::Hub;
use metrics::Metrics;
use place::Place;
pub use store::{Database, Sync};
use store::{Retention, Served, Store};

/// What chat is.
pub const SERVICE: Service = Service {
    name: "chat",
    about: "Chat: rooms, history and search over TCP; text lines for people, JSON lines for programs",
    listen: "0.0.0.0:9001",
    admin: "127.0.0.1:9011",
    workers: config::session_threads,
};

/// Said to a connection that there is no place for; it has not told its dialect.
const NO_PLACE: &[u8] = b"ERROR:too_many_connections the server, or your address's share of it, is full\n";

/// All that sessions share.
struct Chat {
    config: Config,
    hub: Arc<Hub>,
    store: Store,
    presence: Presence,
    metrics: Metrics,
    life: Life,
}

/// Opens the history and the port, and starts serving.
///
/// # Errors
/// A flag that can't be followed.
pub async fn start(mut config: Config, flags: Flags) -> Result<Running, Failure> {
    let listener = chassis::net::listen_tcp("--listen", flags.listen)?;
    let addr = listener.local_addr().map_err(Failure::fatal)?;
    let place = Place::take(&mut config)?;
    let database = Database::open(&config.data, config.sync)?;
    Running::launch(&SERVICE, &flags, addr, |life| async move {
        let ended = run(config, listener, database, life).await;
        drop(place);
        ended
    })
    .await
}

/// Serves on an open port and an open database until the drain.
///
/// # Errors
/// A disk that failed.
pub async fn run(
    config: Config,
    listener: TcpListener,
    database: Database,
    life: Life,
) -> Result<(), Failure> {
    let metrics = Metrics::new(&life.metrics);
    if config.sync != Sync::Off {
        metrics.tell_of_storage(&life.metrics);
        metrics.holds(disk::usage(&config.data));
    }
    let room_threads = Threads::start(config.room_threads())?;
    let hub = Arc::new(Hub::new(&config, room_threads, metrics.clone()));
    hub.set_heads(database.heads()?);
    let on_commit = {
        let hub = hub.clone();
        move |batch| hub.committed(batch)
    };
    let retention = Retention { age: config.keep, messages: config.keep_messages };
    let Served { store, threads, writer_ended } = database.serve(retention, metrics.clone(), on_commit)?;
    let addr = listener.local_addr().map_err(Failure::fatal)?;
    let presence = Presence::start(config.presence.clone(), SERVICE.name, addr, &life);
    let limits = Limits {
        connections: config.connections,
        per_address: config.connections_per_address,
        trusted: config.trusted.clone(),
    };
    let chat = Arc::new(Chat { config, hub, store, presence, metrics, life: life.clone() });
    let housekeeping = tokio::spawn(keep_house(chat.clone()));
    let relieving = tokio::spawn(relief::watch(chat.hub.clone(), chat.metrics.clone()));
    tokio::spawn(spread_drain(chat.clone()));
    let yielding = tokio::spawn(give_names_up(chat.clone()));
    life.ready.set_ready();
    let accepting = accept::serve(listener, &life, limits, NO_PLACE, |stream, peer| {
        bound_unsent(&stream);
        session::serve(chat.clone(), Arc::new(Metered::new(stream, chat.metrics.clone())), peer)
    });
    tokio::select! {
        () = accepting => {}
        // Only a failed disk ends the writer while somebody could still ask it; nothing more can be kept.
        _ = writer_ended => life.drain.begin(),
    }
    life.drain.finished().await;
    housekeeping.abort();
    relieving.abort();
    yielding.abort();
    chat.presence.drop_lease().await;
    // The threads end when the last way to them is gone.
    drop((chat, housekeeping.await, relieving.await, yielding.await));
    tokio::task::spawn_blocking(|| threads.join()).await.map_err(Failure::fatal)?
}

impl Chat {
    /// Tells how much history takes, and how much more it could; with `--sync off` it takes nothing.
    async fn look_at_the_disk(&self) {
        if self.config.sync == Sync::Off {
            return;
        }
        let folder = self.config.data.clone();
        // A disk that hangs must hold up nobody's session.
        if let Ok(usage) = tokio::task::spawn_blocking(move || disk::usage(&folder)).await {
            self.metrics.holds(usage);
        }
    }

    /// How this server calls itself.
    fn server_name(&self) -> String {
        self.config.presence.instance.as_ref().map_or_else(|| "chat-1".to_owned(), ToString::to_string)
    }
}

/// Wakes the sessions when the drain begins: one waits for all, so that an idle one need not hold the place
/// for it.
async fn spread_drain(chat: Arc<Chat>) {
    chat.life.drain.signaled().await;
    chat.hub.wake_everybody();
}

/// Wakes whoever's name turned out to be another server's user's.
async fn give_names_up(chat: Arc<Chat>) {
    let mut lost = chat.presence.lost_names();
    while lost.changed().await.is_ok() {
        let names = lost.borrow_and_update().clone();
        names.iter().for_each(|name| chat.hub.wake(name));
    }
}

/// What has to be done every second, every five, and every minute.
async fn keep_house(chat: Arc<Chat>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    let mut disk = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = minutes.tick() => chat.store.forget_old().await,
            _ = disk.tick() => chat.look_at_the_disk().await,
            _ = seconds.tick() => {
                chat.hub.sum_up();
                chat.presence.report(chat.metrics.figures());
            }
        }
    }
}
