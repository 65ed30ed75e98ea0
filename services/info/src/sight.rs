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
    /// What the picture was drawn from.
    seen: Arc<View>,
    picture: Picture,
}

impl Sight {
    /// Watches presence. Revisions count from `rev`.
    pub(crate) fn new(view: watch::Receiver<Arc<View>>, rev: u64) -> Self {
        Sight { view, seen: Arc::default(), picture: Picture { rev, ..Picture::unseen() } }
    }

    /// Whether there is no registry to watch.
    pub(crate) fn is_blind(&self) -> bool {
        !self.seen.enabled
    }

    /// Waits until something has changed since [`Sight::look`].
    pub(crate) async fn changed(&mut self) {
        if self.view.changed().await.is_err() {
            // Nobody watches for this service any more: nothing will ever change.
            std::future::pending::<()>().await;
        }
    }

    /// Draws what has changed, and returns whether somebody has come or gone.
    pub(crate) fn look(&mut self) -> bool {
        let view = self.view.borrow_and_update().clone();
        // To compare a crowd costs far less than to draw it.
        let same_crowd = view.users == self.seen.users;
        let changed = !same_crowd || !view.services.keys().eq(self.seen.services.keys());
        if !same_crowd {
            self.picture.users = view.users.keys().cloned().collect();
            self.picture.rooms = BTreeMap::new();
            for room in view.users.values().flat_map(|user| &user.rooms) {
                *self.picture.rooms.entry(room.clone()).or_default() += 1;
            }
        }
        self.picture.rev += u64::from(changed);
        self.seen = view;
        changed
    }

    /// Draws anew what time alone changes; it costs the same however many users there are.
    pub(crate) fn glance(&mut self) -> &Picture {
        let (view, now) = (self.seen.clone(), Instant::now());
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

/// A figure that services report, summed over all that do. They may report anything: past the highest number
/// the sum stays there.
fn sum(view: &View, figure: &str) -> u64 {
    let reported = view.services.values().filter_map(|instance| instance.stats.get(figure)?.as_u64());
    reported.fold(0, u64::saturating_add)
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
            users: users.map(|(who, rooms)| (name(who), user(rooms))).into_iter().collect(),
            services: Arc::new(services.map(|(who, what)| (label(who), what)).into()),
            ..View::default()
        }
    }

    /// What is seen of a view.
    fn seen(view: View) -> Picture {
        let (_to, view) = watch::channel(Arc::new(view));
        let mut sight = Sight::new(view, 0);
        sight.look();
        sight.glance().clone()
    }

    #[test]
    fn a_picture_counts_who_is_where_and_sums_what_is_reported() {
        let picture = seen(view());
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
    fn figures_beyond_all_numbers_are_the_highest_number() {
        let most = || instance("chat", true, json!({"messages": u64::MAX}));
        let services = Arc::new(["chat-1", "chat-2"].map(|name| (label(name), most())).into());
        assert_eq!(seen(View { services, ..view() }).messages, u64::MAX);
    }

    #[test]
    fn a_registry_that_is_gone_is_down_and_one_never_seen_is_unknown() {
        assert_eq!(seen(View { connected: false, ..view() }).registry, State::Down);
        assert_eq!(seen(View { enabled: true, ..View::default() }).registry, State::Unknown);
    }

    #[test]
    fn presence_that_nobody_has_renewed_grows_old() {
        let fresh = |secs| Instant::now().checked_sub(Duration::from_secs(secs));
        let young = seen(View { fresh: fresh(5), ..view() });
        assert!(!young.is_stale() && young.age >= Some(Duration::from_secs(5)));
        let old = seen(View { fresh: fresh(11), connected: false, ..view() });
        assert!(old.is_stale());
        assert!(old.services.iter().all(|instance| old.state_of(instance) == State::Unknown));
    }

    #[test]
    fn without_a_registry_it_is_blind() {
        let (to, view_of) = watch::channel(Arc::new(view()));
        let mut sight = Sight::new(view_of, 0);
        sight.look();
        assert!(!sight.is_blind());
        to.send_replace(Arc::default());
        sight.look();
        assert!(sight.is_blind());
    }

    #[test]
    fn the_revision_rises_when_somebody_comes_or_goes_and_not_otherwise() {
        let (to, view_of) = watch::channel(Arc::new(view()));
        let mut sight = Sight::new(view_of, 40);
        assert!(sight.look() && sight.glance().rev == 41);
        let mut figures = view();
        let reported = instance("file", true, json!({"files": 4}));
        Arc::make_mut(&mut figures.services).insert(label("file-1"), reported);
        to.send_replace(Arc::new(figures));
        assert!(!sight.look() && sight.glance().rev == 41, "figures are nobody");
        assert_eq!(sight.glance().files, 4);
        let mut moved = view();
        moved.users.insert(UserName::parse("carol").unwrap(), user(&["tea"]));
        to.send_replace(Arc::new(moved));
        assert!(sight.look() && sight.glance().rev == 42);
        to.send_replace(Arc::new(View { services: Arc::default(), ..view() }));
        assert!(sight.look() && sight.glance().rev == 43);
    }
}
