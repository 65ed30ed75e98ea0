//! The info service: one datagram in, one out.
//!
//! Nothing is encoded while somebody waits. A desk writes every answer in advance, whenever presence or
//! the second changes; a worker only looks up which one a datagram gets, if any.

mod answerer;
mod config;
mod desk;
mod metrics;
mod sight;
mod sockets;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use chassis::{Failure, Flags, Life, Running, Service};
use engine::info::Gate;
use presence::Presence;
use tokio::net::UdpSocket;

use crate::answerer::Answerer;
use crate::desk::Desk;
use crate::metrics::Tally;
use crate::sight::Sight;
use crate::worker::Worker;
pub use config::{Config, Users};

/// What this process is.
pub const SERVICE: Service = Service {
    name: "info",
    about: "Answers STATUS, TIME, USERS, ROOMS, SERVICES and PING over UDP.",
    listen: "0.0.0.0:9002",
    admin: "127.0.0.1:9012",
    workers: chassis::one_each,
};

/// Opens the port and sets the service to work.
///
/// # Errors
/// A port that can't be had.
pub async fn start(config: Config, flags: Flags) -> Result<Running, Failure> {
    let (addr, sockets) = sockets::bind(flags.listen, config.workers)?;
    Running::launch(&SERVICE, &flags, addr, |life| run(config, addr, sockets, life)).await
}

/// Answers on the sockets, which share one address, until the drain begins.
///
/// # Errors
/// None: what goes wrong with one datagram ends nothing.
pub async fn run(
    config: Config,
    addr: SocketAddr,
    sockets: Vec<UdpSocket>,
    life: Life,
) -> Result<(), Failure> {
    let started = Instant::now();
    let tally = Tally::new(&life.metrics);
    let gate = Gate::new(config.limits(), rand::random());
    let answerer = Arc::new(Answerer::new(config.trusted, addr.port(), gate));
    let presence = Presence::start(config.presence, SERVICE.name, addr, &life);
    let desk = Desk {
        sight: Sight::new(presence.view()),
        mode: config.users.into(),
        started,
        answerer: answerer.clone(),
        tally: tally.clone(),
        ready: life.ready.clone(),
    };
    let (answers, keeping_up) = desk.open(life.drain.clone());
    life.drain.spawn(keeping_up);
    for socket in sockets {
        let (answerer, answers, tally) = (answerer.clone(), answers.clone(), tally.clone());
        let worker = Worker { socket, answerer, answers, tally, started };
        life.drain.spawn(worker.run(life.drain.clone()));
    }
    life.drain.signaled().await;
    presence.drop_lease().await;
    Ok(())
}
