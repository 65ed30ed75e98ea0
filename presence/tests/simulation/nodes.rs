//! The hosts: the registry, chat nodes that do something now and then, and watchers.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Life, Service};
use engine::names::{RoomName, UserName};
use engine::registry::Label;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use presence::{Claim, Config, Presence, RegistryAddr, View};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use turmoil::net::{TcpListener, TcpStream};

use crate::book::Book;
use crate::tap;

/// The registry's host.
pub(crate) const REGISTRY: &str = "registry";
/// The chat nodes, which are instances and hosts of the same name.
pub(crate) const CHATS: [&str; 3] = ["chat-1", "chat-2", "chat-3"];
/// The watchers.
pub(crate) const INFOS: [&str; 2] = ["info-1", "info-2"];
/// Few names, so that the nodes get in each other's way; two of them look the same.
const NAMES: [&str; 5] = ["alice", "Alice", "bob", "user1", "userl"];
const ROOMS: [&str; 2] = ["lobby", "tea"];

/// What a chat node registers as.
pub(crate) static CHAT: Service = service("chat");
static INFO: Service = service("info");

const fn service(name: &'static str) -> Service {
    let nowhere = "127.0.0.1:0";
    Service { name, about: "simulated", listen: nowhere, admin: nowhere, workers: chassis::one_each }
}

/// One run of the registry, until the host is killed. Its sessions are no tasks: those end in the order of
/// their numbers, which the whole process counts, and a kill would close connections in another order each run.
pub(crate) async fn registry(book: Book) -> turmoil::Result {
    let (config, _) = chassis::parse::<registry::Config>(&registry::SERVICE, &[])?;
    let life = Life::new(&registry::SERVICE);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&book.next_run().to_le_bytes());
    let server = registry::Server::new(&config, &life, seed);
    let listener = TcpListener::bind("0.0.0.0:9000").await?;
    book.note(REGISTRY, "starts");
    let mut expiry = pin!(server.expire_leases());
    let mut sessions = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = &mut expiry => {}
            accepted = listener.accept() => sessions.push(server.converse(accepted?.0)),
            Some(()) = sessions.next() => {}
        }
    }
}

/// Opens a connection of the simulated network.
pub(crate) async fn dial(addr: String) -> io::Result<TcpStream> {
    TcpStream::connect(addr).await
}

/// Begins to be known to the simulated registry.
pub(crate) fn known(service: &'static Service, instance: &str, seed: u64) -> Presence {
    let registry = RegistryAddr::At(format!("{REGISTRY}:9000"));
    let config = Config { registry, instance: Some(Label::parse(instance).unwrap()), advertise: None };
    let addr = "10.0.0.1:9001".parse().unwrap();
    Presence::start_over(config, service.name, addr, &Life::new(service), dial, seed)
}

/// A chat node: its users come, wander about, take other names and go, until all shall be calm.
pub(crate) async fn chat(book: Book, me: &'static str) -> turmoil::Result {
    let seed = book.next_run();
    let mut node = Node { me, presence: known(&CHAT, me, seed), chance: StdRng::seed_from_u64(seed), book };
    node.book.note(me, "starts");
    node.book.write(|pages| pages.people.insert(me, Default::default()));
    loop {
        tokio::time::sleep(Duration::from_millis(node.chance.random_range(100..1_000))).await;
        node.give_names_up().await;
        if !node.book.write(|pages| pages.calm) {
            node.act().await;
        }
    }
}

struct Node {
    me: &'static str,
    presence: Presence,
    chance: StdRng,
    book: Book,
}

impl Node {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.chance.random_range(0..from.len())]
    }

    /// Who of ours has this name, in some spelling.
    fn holder(&self, name: &UserName) -> Option<UserName> {
        self.book.write(|pages| pages.people[self.me].keys().find(|known| known.is_same(name)).cloned())
    }

    /// Whoever lost a name goes on with a free one.
    async fn give_names_up(&mut self) {
        let lost = self.presence.lost_names().borrow().clone();
        for name in lost {
            // A chat server has let a user go before it hears that the name is no longer lost.
            if self.holder(&name).as_ref() != Some(&name) {
                continue;
            }
            for number in 2.. {
                let free = name.numbered(number);
                if self.holder(&free).is_none() && self.rename(name.clone(), free).await == Claim::Granted {
                    break;
                }
            }
        }
    }

    /// Takes one of a few steps, as a chat server does for its users.
    async fn act(&mut self) {
        let name = UserName::parse(self.pick(&NAMES)).unwrap();
        let room = RoomName::parse(self.pick(&ROOMS)).unwrap();
        match (self.holder(&name), self.chance.random_range(0..4)) {
            (None, _) => self.enter(name, room).await,
            (Some(user), 0) => self.release(&user),
            (Some(user), 1) => {
                let to = UserName::parse(self.pick(&NAMES)).unwrap();
                // The chat server keeps its own names unique.
                if to != user && self.holder(&to).is_none_or(|holder| holder == user) {
                    self.rename(user, to).await;
                }
            }
            (Some(user), _) => self.wander(&user, room),
        }
    }

    async fn enter(&self, name: UserName, room: RoomName) {
        let claim = self.presence.claim(&name, Some(&room)).await;
        self.book.note(self.me, format_args!("{name} into {room}: {claim:?}"));
        if claim == Claim::Granted {
            self.book.write(|pages| pages.people.entry(self.me).or_default().insert(name, [room].into()));
        }
    }

    fn release(&self, user: &UserName) {
        self.book.note(self.me, format_args!("{user} goes"));
        self.presence.release(user);
        self.book.write(|pages| pages.people.entry(self.me).or_default().remove(user));
    }

    async fn rename(&self, user: UserName, to: UserName) -> Claim {
        let claim = self.presence.rename(&user, &to).await;
        self.book.note(self.me, format_args!("{user} becomes {to}: {claim:?}"));
        if claim == Claim::Granted {
            self.book.write(|pages| {
                let people = pages.people.entry(self.me).or_default();
                let rooms = people.remove(&user).unwrap_or_default();
                people.insert(to, rooms);
            });
        }
        claim
    }

    /// Into the room, or out of it.
    fn wander(&self, user: &UserName, room: RoomName) {
        self.book.note(self.me, format_args!("{user} in or out of {room}"));
        self.book.write(|pages| {
            let rooms = pages.people.entry(self.me).or_default().entry(user.clone()).or_default();
            if rooms.remove(&room) {
                self.presence.leave(user, &room);
            } else {
                self.presence.join(user, &room);
                rooms.insert(room);
            }
        });
    }
}

/// A watcher: shows what it sees, and beside it one that follows the protocol to the letter.
pub(crate) async fn info(book: Book, me: &'static str) -> turmoil::Result {
    let presence = known(&INFO, me, book.next_run());
    tokio::select! {
        biased;
        () = tap::follow(&book, me) => {}
        () = show(&book, me, presence.view()) => {}
    }
    Ok(())
}

async fn show(book: &Book, me: &'static str, mut view: watch::Receiver<Arc<View>>) {
    while view.changed().await.is_ok() {
        let now = view.borrow_and_update().clone();
        book.note(me, format_args!("{} users, connected: {}", now.users.len(), now.connected));
        book.write(|pages| {
            if let Some(before) = pages.views.insert(me, now.clone()) {
                let gone = before.users.keys().filter(|name| !now.users.contains_key(*name));
                pages.vanished.extend(gone.map(|name| (me, name.clone())));
            }
        });
    }
}
