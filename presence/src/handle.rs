//! What a service holds of its presence.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use chassis::Life;
use engine::names::{RoomName, UserName};
use engine::registry::Label;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::{Config, RegistryAddr};
use crate::core::{Core, Me};
use crate::metrics::Metrics;
use crate::task::{self, Ends};
use crate::view::View;

/// The answer to a claim of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The name is this instance's; also when the registry can't be asked, for a service goes on without.
    Granted,
    /// Another instance's user has it, or one that looks the same.
    Taken,
}

/// A service's presence. Clones are the same presence; it ends when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Presence {
    /// `None` without a registry.
    commands: Option<mpsc::UnboundedSender<Command>>,
    view: watch::Receiver<Arc<View>>,
    lost: watch::Receiver<BTreeSet<UserName>>,
}

/// What the handle asks of the task. The queue is unbounded because the task never waits while it takes
/// from it; what waits for the registry itself is bounded there.
#[derive(Debug)]
pub(crate) enum Command {
    Claim { user: UserName, room: Option<RoomName>, answer: oneshot::Sender<Claim> },
    Rename { user: UserName, to: UserName, answer: oneshot::Sender<Claim> },
    Join { user: UserName, room: RoomName },
    Leave { user: UserName, room: RoomName },
    Release { user: UserName },
    Report { stats: Map<String, Value> },
    Watch,
    End { done: oneshot::Sender<()> },
}

impl Presence {
    /// Begins to be known: `service` at `addr`, under the instance's name and the address that the flags
    /// tell. Returns at once; a registry that is not there is looked for until it is.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(config: Config, service: &'static str, addr: SocketAddr, life: &Life) -> Presence {
        Presence::start_over(config, service, addr, life, dial, rand::random())
    }

    /// [`Presence::start`] over connections of another kind, which `dial` opens to the address it is given.
    /// `seed` says how long the waits between two connections are: with the same seed, connections and
    /// moments everything happens the same.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start_over<D, F, S>(
        config: Config,
        service: &'static str,
        addr: SocketAddr,
        life: &Life,
        dial: D,
        seed: u64,
    ) -> Presence
    where
        D: Fn(String) -> F + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let metrics = Metrics::new(life);
        let RegistryAddr::At(registry) = config.registry else {
            let (_, view) = watch::channel(Arc::new(View::without_registry()));
            let (_, lost) = watch::channel(BTreeSet::new());
            return Presence { commands: None, view, lost };
        };
        let label = |written: &str| Label::parse(written).expect("our own words are labels");
        let me = Me {
            service: label(service),
            instance: config.instance.unwrap_or_else(|| label(&format!("{service}-1"))),
            addr: config.advertise.unwrap_or_else(|| label(&addr.to_string())),
        };
        let (commands, queue) = mpsc::unbounded_channel();
        let (publish, view) = watch::channel(Arc::new(View::unknown()));
        let (lose, lost) = watch::channel(BTreeSet::new());
        let ends = Ends { commands: queue, publish, lose, metrics };
        let task = task::run(Core::new(me), registry, ends, dial, seed);
        tokio::spawn(life.drain.vital("presence", task));
        Presence { commands: Some(commands), view, lost }
    }

    /// Claims a name for a user of this instance, with a first room or without. The name is held, whatever
    /// rooms the user enters and leaves, until [`Presence::release`].
    ///
    /// Granted at once while the registry is away: a service keeps its own names unique itself. A claim
    /// that the registry does not answer is granted when the connection fails, at the latest after two
    /// seconds. Dropping the future gives the claim up.
    pub async fn claim(&self, user: &UserName, room: Option<&RoomName>) -> Claim {
        let (user, room) = (user.clone(), room.cloned());
        let name = user.clone();
        self.ask(name, |answer| Command::Claim { user, room, answer }).await
    }

    /// Changes a user's name, in all rooms at once; answered like [`Presence::claim`]. The new name may be
    /// another spelling of the old one. Dropping the future gives the new name up.
    pub async fn rename(&self, user: &UserName, to: &UserName) -> Claim {
        let (user, to) = (user.clone(), to.clone());
        let name = to.clone();
        self.ask(name, |answer| Command::Rename { user, to, answer }).await
    }

    /// A user who was granted its name enters a room.
    pub fn join(&self, user: &UserName, room: &RoomName) {
        self.tell(Command::Join { user: user.clone(), room: room.clone() });
    }

    /// A user leaves a room; the name stays the user's.
    pub fn leave(&self, user: &UserName, room: &RoomName) {
        self.tell(Command::Leave { user: user.clone(), room: room.clone() });
    }

    /// A user is gone, from every room, and the name is free.
    pub fn release(&self, user: &UserName) {
        self.tell(Command::Release { user: user.clone() });
    }

    /// The service's newest figures; they go out with the next keepalive, at most a second later.
    pub fn report(&self, stats: Map<String, Value>) {
        self.tell(Command::Report { stats });
    }

    /// A copy of everybody's presence, kept up to date from the first call on.
    pub fn view(&self) -> watch::Receiver<Arc<View>> {
        self.tell(Command::Watch);
        self.view.clone()
    }

    /// The names of users of this instance that turned out to be another instance's user's, whose claim is
    /// older: while the registry was away both were granted. Each stays here until the service renames its
    /// user, or releases the name; the users are not known to others until then. The sender is gone when
    /// there is no registry.
    pub fn lost_names(&self) -> watch::Receiver<BTreeSet<UserName>> {
        self.lost.clone()
    }

    /// Whether this is one of [`Presence::lost_names`].
    pub fn has_lost(&self, user: &UserName) -> bool {
        self.lost.borrow().contains(user)
    }

    /// Ends the lease, and everything under it, at once, at the end of a drain. Afterwards nothing is told
    /// to the registry any more, and claims are granted.
    pub async fn drop_lease(&self) {
        let (done, ended) = oneshot::channel();
        self.tell(Command::End { done });
        // An error says that the task has ended already.
        let _ = ended.await;
    }

    fn tell(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // A task that has ended has nobody to tell.
            let _ = commands.send(command);
        }
    }

    async fn ask(&self, name: UserName, command: impl FnOnce(oneshot::Sender<Claim>) -> Command) -> Claim {
        if self.commands.is_none() {
            return Claim::Granted;
        }
        let (answer, answered) = oneshot::channel();
        let mut unheard = Unheard { presence: self, name: Some(name) };
        self.tell(command(answer));
        let claim = answered.await.unwrap_or(Claim::Granted);
        unheard.name = None;
        claim
    }
}

/// Opens a connection over TCP.
async fn dial(registry: String) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(registry).await?;
    // Small requests must not wait for each other's acknowledgement.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Gives a claim up whose answer nobody waits for any more.
struct Unheard<'a> {
    presence: &'a Presence,
    name: Option<UserName>,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if let Some(user) = self.name.take() {
            self.presence.tell(Command::Release { user });
        }
    }
}
