//! The chat service: rooms, history, delivery after commit.
//!
//! A message's trip: the `session` reads a line and decodes it, the `hub` checks it against
//! the rules, the `store` commits it, the hub hands it to the room's log (`delivery`), and the
//! room's task writes it to everybody.

#[doc(hidden)]
pub mod alone;
mod backup;
mod chores;
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

use std::net::SocketAddr;
use std::sync::Arc;

use chassis::accept;
use chassis::{Failure, Flags, Life, Running, Service};
use presence::Presence;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use backup::BACKUP;
pub use config::{Config, FloodLimit};
use delivery::{Metered, Threads, bound_unsent};
pub use ended::Ended;
use hub::Hub;
use metrics::Metrics;
use place::Place;
pub use store::{Database, Sync};
use store::{Served, Store};

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
/// A disk that failed, or a database that another program kept locked.
pub async fn run(
    config: Config,
    listener: TcpListener,
    database: Database,
    life: Life,
) -> Result<(), Failure> {
    let addr = listener.local_addr().map_err(Failure::fatal)?;
    let limits = config.limits();
    let room_threads = Threads::start(config.room_threads(), life.drain.clone())?;
    let Opened { chat, threads, writer_ended } =
        Chat::open(config, room_threads, addr, database, life.clone())?;
    let chores = chores::begin(&chat);
    life.ready.set_ready();
    let accepting = accept::serve(listener, &life, limits, NO_PLACE, |stream, peer| {
        bound_unsent(&stream);
        session::serve(chat.clone(), Arc::new(Metered::new(stream, chat.metrics.clone())), peer)
    });
    let serving = async {
        accepting.await;
        life.drain.finished().await;
    };
    tokio::select! {
        () = serving => {}
        // Only a failed disk ends the writer while somebody could still ask it, or another program that keeps the
        // database locked there; nothing more can be kept.
        _ = writer_ended => {
            life.drain.begin_for_failure();
            life.drain.finished().await;
        }
    }
    chores.end().await;
    chat.presence.drop_lease().await;
    // The threads end when the last way to them is gone.
    drop(chat);
    tokio::task::spawn_blocking(|| threads.join()).await.map_err(Failure::fatal)?
}

/// What serves, and how it ends.
struct Opened {
    chat: Arc<Chat>,
    /// The store's, to be waited for.
    threads: store::Threads,
    /// Resolves when the store's writer has ended.
    writer_ended: oneshot::Receiver<()>,
}

impl Chat {
    /// Brings the rooms back as the database has them, and makes the server known.
    fn open(
        config: Config,
        room_threads: Threads,
        addr: SocketAddr,
        database: Database,
        life: Life,
    ) -> Result<Opened, Failure> {
        let metrics = Metrics::new(&life.metrics);
        if config.sync != Sync::Off {
            metrics.tell_of_storage(&life.metrics);
            metrics.holds(disk::usage(&config.data));
        }
        let hub = Arc::new(Hub::new(&config, room_threads, metrics.clone()));
        hub.set_heads(database.heads()?);
        let on_commit = {
            let hub = hub.clone();
            move |batch| hub.committed(batch)
        };
        let Served { store, threads, writer_ended } =
            database.serve(config.retention(), metrics.clone(), on_commit)?;
        let presence = Presence::start(config.presence.clone(), SERVICE.name, addr, &life);
        let chat = Arc::new(Chat { config, hub, store, presence, metrics, life });
        Ok(Opened { chat, threads, writer_ended })
    }

    /// How this server calls itself.
    fn server_name(&self) -> String {
        self.config.presence.instance.as_ref().map_or_else(|| "chat-1".to_owned(), ToString::to_string)
    }
}
