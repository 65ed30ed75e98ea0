//! The registry without a port.

use std::future::Future;
use std::sync::Arc;

use chassis::{Drain, Life};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::{Config, Patience};
use crate::session::Session;
use crate::state::State;

/// A registry that is given its connections, of whatever kind. [`crate::run`] gives it TCP's; a simulation
/// its own. Its clock is the runtime's.
#[derive(Debug)]
pub struct Server {
    state: Arc<State>,
    patience: Patience,
    drain: Drain,
}

impl Server {
    /// An empty one, a new run. Whoever knows the seed can guess its leases.
    pub fn new(config: &Config, life: &Life, seed: [u8; 32]) -> Self {
        let state = Arc::new(State::new(config, life, StdRng::from_seed(seed)));
        Server { state, patience: config.patience(), drain: life.drain.clone() }
    }

    /// Serves one connection to its end.
    pub fn converse<S>(&self, stream: S) -> impl Future<Output = ()> + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Session::new(stream, self.state.clone(), self.patience).run(self.drain.clone())
    }

    /// Ends leases when they are over, for ever. Without it none ends by itself.
    pub async fn expire_leases(&self) {
        self.state.expire_leases().await;
    }
}
