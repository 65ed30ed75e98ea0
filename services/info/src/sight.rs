//! Presence, as info sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use engine::info::{Instance, Picture, State};
use presence::View;
use tokio::sync::watch;

/// What the chat services report their messages as.
const MESSAGES: &str = "messages";
/// What the file services report their files as.
const FILES: &str = "files";

/// The watched copy of presence, drawn as a picture that answers can be written from.
pub(crate) struct Sight {
    view: watch::Receiver<Arc<View>>,
    picture: Picture,
}

impl Sight {
    /// Watches presence.
    pub(crate) fn new(view: watch::Receiver<Arc<View>>) -> Self {
        Sight { view, picture: Picture::unseen() }
    }

    /// Whether there is no registry to watch.
    pub(crate) fn is_blind(&self) -> bool {
        !self.view.borrow().enabled
    }

    /// Waits until something has changed since [`Sight::look`].
    pub(crate) async fn changed(&mut self) {
        if self.view.changed().await.is_err() {
            // Nobody watches for this service any more: nothing will ever change.
            std::future::pending::<()>().await;
        }
    }

    /// Draws everything anew.
    pub(crate) fn look(&mut self) -> &Picture {
        let view = self.view.borrow_and_update().clone();
        self.picture.users = view.users.keys().cloned().collect();
        self.picture.rooms = BTreeMap::new();
        for room in view.users.values().flat_map(|user| &user.rooms) {
            *self.picture.rooms.entry(room.clone()).or_default() += 1;
        }
        self.glance()
    }

    /// Draws anew what time alone changes; it costs the same however many users there are.
    pub(crate) fn glance(&mut self) -> &Picture {
        let view = self.view.borrow().clone();
        let now = Instant::now();
        self.picture.age = view.age(now);
        self.picture.registry = match view.fresh {
            _ if view.connected => State::Up,
            Some(_) => State::Down,
            None => State::Unknown,
        };
        self.picture.messages = sum(&view, MESSAGES);
        self.picture.files = sum(&view, FILES);
        self.picture.services = instances(&view, now);
        &self.picture
    }
}

/// A figure that services report, summed over all that do.
fn sum(view: &View, figure: &str) -> u64 {
    view.services.values().filter_map(|instance| instance.stats.get(figure)?.as_u64()).sum()
}

fn instances(view: &View, now: Instant) -> Vec<Instance> {
    let drawn = view.services.iter().map(|(name, instance)| Instance {
        service: instance.service.to_string(),
        instance: name.to_string(),
        addr: instance.addr.to_string(),
        state: if instance.up { State::Up } else { State::Down },
        age: now.saturating_duration_since(instance.heard),
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::names::{RoomName, UserName};
    use engine::registry::{Label, User};
    use serde_json::json;

    use super::*;

    fn label(written: &str) -> Label {
        Label::parse(written).unwrap()
    }

    fn user(rooms: &[&str]) -> User {
        User {
            instance: label("chat-1"),
            since: engine::Timestamp(0),
            generation: 1,
            held: true,
            rooms: rooms.iter().map(|room| RoomName::parse(room).unwrap()).collect(),
        }
    }

    fn instance(service: &str, up: bool, stats: serde_json::Value) -> presence::Instance {
        presence::Instance {
            service: label(service),
            addr: label("host:1"),
            up,
            heard: Instant::now(),
            stats: stats.as_object().cloned().unwrap_or_default(),
        }
    }

    fn view() -> View {
        let name = |name| UserName::parse(name).unwrap();
        let users = [("alice", &["lobby", "tea"][..]), ("bob", &["lobby"]), ("carol", &[])];
        let services = [
            ("chat-1", instance("chat", true, json!({"messages": 7}))),
            ("chat-2", instance("chat", false, json!({"messages": 5, "files": -1}))),
            ("file-1", instance("file", true, json!({"files": 3, "messages": "none"}))),
        ];
        View {
            enabled: true,
            connected: true,
            fresh: Some(Instant::now()),
            users: Arc::new(users.map(|(who, rooms)| (name(who), user(rooms))).into()),
            services: Arc::new(services.map(|(who, what)| (label(who), what)).into()),
            ..View::default()
        }
    }

    #[test]
    fn a_picture_counts_who_is_where_and_sums_what_is_reported() {
        let (_to, view) = watch::channel(Arc::new(view()));
        let mut sight = Sight::new(view);
        let picture = sight.look();
        assert_eq!(picture.users.iter().map(UserName::as_str).collect::<Vec<_>>(), ["alice", "bob", "carol"]);
        let rooms: Vec<_> = picture.rooms.iter().map(|(room, users)| (room.as_str(), *users)).collect();
        assert_eq!(rooms, [("lobby", 2), ("tea", 1)]);
        assert_eq!((picture.messages, picture.files), (12, 3));
        let states: Vec<_> = picture.services.iter().map(|i| (i.instance.as_str(), i.state)).collect();
        assert_eq!(states, [("chat-1", State::Up), ("chat-2", State::Down), ("file-1", State::Up)]);
        assert_eq!(picture.registry, State::Up);
        assert!(picture.age.is_some_and(|age| age < Duration::from_secs(60)));
    }

    #[test]
    fn a_registry_that_is_gone_is_down_and_one_never_seen_is_unknown() {
        let (to, view_of) = watch::channel(Arc::new(View { connected: false, ..view() }));
        let mut sight = Sight::new(view_of);
        assert_eq!(sight.look().registry, State::Down);
        to.send_replace(Arc::new(View { enabled: true, ..View::default() }));
        assert_eq!(sight.look().registry, State::Unknown);
        assert!(!sight.is_blind());
        to.send_replace(Arc::new(View::default()));
        assert!(sight.is_blind());
    }
}
