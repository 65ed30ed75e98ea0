//! The info service: one datagram in, one out.
//!
//! Nothing is encoded while somebody waits. A desk writes every answer in advance, whenever presence or
//! the second changes; a worker only looks up which one a datagram gets, if any. Workers are threads, each
//! with a socket of its own on the one port; sessions answer the same questions over TCP.

mod answerer;
mod config;
mod datagrams;
mod desk;
mod ended;
mod metrics;
mod session;
mod sight;
mod sockets;
mod status;
mod worker;

use std::sync::Arc;
use std::time::Instant;

use chassis::{Failure, Flags, Life, Running, Service, accept};
use engine::info::Gate;
use presence::Presence;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tracing::debug;

use crate::answerer::Answerer;
use crate::desk::Desk;
use crate::metrics::Tally;
use crate::session::Terms;
use crate::sight::Sight;
use crate::sockets::Sockets;
use crate::status::Board;
use crate::worker::Worker;
pub use config::{Config, Users};

/// What this process is.
pub const SERVICE: Service = Service {
    name: "info",
    about: "Answers STATUS, TIME, USERS, ROOMS, SERVICES and PING: a datagram each over UDP, a line over TCP.",
    listen: "0.0.0.0:9002",
    admin: "127.0.0.1:9012",
    workers: chassis::one_each,
};

/// Opens the port and sets the service to work.
///
/// # Errors
/// A port that can't be had.
pub async fn start(config: Config, flags: Flags) -> Result<Running, Failure> {
    let sockets = sockets::bind(flags.listen, config.workers)?;
    Running::launch(&SERVICE, &flags, sockets.addr, |life| run(config, sockets, life)).await
}

/// Answers until the drain begins.
async fn run(config: Config, sockets: Sockets, life: Life) -> Result<(), Failure> {
    let Sockets { addr, udp, tcp } = sockets;
    let started = Instant::now();
    let tally = Tally::new(&life.metrics);
    let gate = Gate::new(config.limits(), rand::random());
    let answerer = Arc::new(Answerer::new(config.trusted.clone(), addr.port(), gate));
    let presence = Presence::start(config.presence.clone(), SERVICE.name, addr, &life);
    let board = Board::new(presence.view(), config.users.into(), started, tally.clone());
    life.drain.spawn(life.drain.vital("status page", board.open(&life)));
    let desk = Desk {
        // Revisions shall rise across a restart too, and are given far more rarely than once a millisecond.
        sight: Sight::new(presence.view(), desk::timestamp().0),
        mode: config.users.into(),
        started,
        answerer: answerer.clone(),
        tally: tally.clone(),
        ready: life.ready.clone(),
    };
    let (answers, keeping_up) = desk.open(life.drain.clone());
    life.drain.spawn(life.drain.vital("answers", keeping_up));
    let worker =
        Worker { answerer: answerer.clone(), answers: answers.clone(), tally: tally.clone(), started };
    let mut workers: JoinSet<_> =
        udp.into_iter().map(|socket| worker.clone().work(socket, life.drain.clone())).collect();
    let terms = Terms { answerer, answers, tally, started, idle: config.idle, slow: config.slow };
    let session = |stream: TcpStream, peer: std::net::SocketAddr| {
        let (terms, drain) = (terms.clone(), life.drain.clone());
        async move {
            let ended = session::serve(stream, peer.ip(), terms, async { drain.signaled().await }).await;
            debug!(reason = ended.as_str(), "connection ended");
        }
    };
    tokio::select! {
        () = accept::serve(tcp, &life, config.connections(), session::FULL, session) => {}
        broken = first_error(&mut workers) => return broken,
    }
    let ended = first_error(&mut workers).await;
    presence.drop_lease().await;
    ended
}

/// Waits for the workers; one that ends badly is not waited out.
async fn first_error(workers: &mut JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(ended) = workers.join_next().await {
        ended.map_err(Failure::fatal)??;
    }
    Ok(())
}
