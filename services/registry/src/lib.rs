//! The registry: who is here, kept by leases.
//!
//! The rules are [`engine::registry`], the words [`wire::registry`]; here are the sessions, the clock and
//! the metrics around them.

mod config;
mod ended;
mod metrics;
mod news;
mod server;
mod session;
mod state;
#[cfg(test)]
mod tests;

use chassis::accept::{self, Limits};
use chassis::trust::Trusted;
use chassis::{Failure, Flags, Life, Running, Service, net};
use tokio::net::TcpListener;
use tracing::{Instrument, debug_span};

pub use config::Config;
pub use server::Server;

/// The registry as a process. It trusts whoever reaches it, so by default only this machine does.
pub const SERVICE: Service = Service {
    name: "registry",
    about: "Parlance's registry: who is here, kept by leases",
    listen: "127.0.0.1:9000",
    admin: "127.0.0.1:9010",
    workers: chassis::one_each,
};

/// What a connection over the limit is told.
const FULL: &[u8] =
    b"{\"ok\":false,\"code\":\"too_many_connections\",\"message\":\"the registry is full, come back later\"}\n";

/// Opens the port and sets the registry to work.
///
/// # Errors
/// A port that can't be had, or flags that contradict each other.
pub async fn start(config: Config, flags: Flags) -> Result<Running, Failure> {
    config.check()?;
    let listener = net::listen_tcp("--listen", flags.listen)?;
    let addr = listener.local_addr().map_err(Failure::fatal)?;
    Running::launch(&SERVICE, &flags, addr, |life| run(config, listener, life)).await
}

/// Serves until the drain.
///
/// # Errors
/// None; a registry keeps nothing that could break.
pub async fn run(config: Config, listener: TcpListener, life: Life) -> Result<(), Failure> {
    let server = Server::new(&config, &life, rand::random());
    // Strangers are not told from friends: whoever must not reach the registry must not reach its port.
    let limits =
        Limits { connections: config.connections, per_address: usize::MAX, trusted: Trusted::default() };
    life.ready.set_ready();
    let accept = accept::serve(listener, &life, limits, FULL, |stream, peer| {
        server.converse(stream).instrument(debug_span!("session", %peer))
    });
    tokio::select! {
        () = accept => {}
        () = server.expire_leases() => {}
    }
    Ok(())
}
