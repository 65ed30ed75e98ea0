//! Many at once.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::names::{RoomName, UserName};
use presence::{Claim, Presence};

use crate::book::{Book, Pages};
use crate::chaos::{
    WHOLE_WITHIN, go_on, go_on_until, narrow_network, network, pass, settle, settle_in, strike,
};
use crate::faults::{Fault, Planned};
use crate::nodes::{CHAT, CHATS, INFOS, REGISTRY, known};

/// Where they all live.
const PLACE: &str = CHATS[0];

/// Claims many names at once, each by whom `of` says.
async fn claim_all(book: &Book, count: usize, of: impl Fn(usize) -> Presence) {
    let mut claims = Vec::new();
    for n in 0..count {
        let (presence, name) = (of(n), UserName::parse(&format!("user{n}x")).unwrap());
        claims.push(tokio::spawn(async move {
            let claim = presence.claim(&name, Some(&RoomName::lobby())).await;
            assert_eq!(claim, Claim::Granted, "{name}");
            name
        }));
    }
    for claim in claims {
        let name = claim.await.unwrap();
        book.write(|pages| {
            let rooms = BTreeSet::from([RoomName::lobby()]);
            pages.people.entry(PLACE).or_default().insert(name, rooms);
        });
    }
    book.note(PLACE, "everybody has a name");
}

#[test]
fn a_registry_killed_in_the_middle_of_a_snapshot_is_watched_afterwards() {
    const CROWD: usize = 6_000;
    let book = Book::new(21);
    // A few pieces are on their way at most, so that the rest dies with the registry.
    let mut sim = narrow_network(book.seed, 6);
    [REGISTRY, INFOS[0], INFOS[1]].iter().for_each(|host| settle_in(&mut sim, &book, host));
    let crowd = book.clone();
    sim.host(PLACE, move || {
        let book = crowd.clone();
        async move {
            let presence = known(&CHAT, PLACE, book.next_run());
            claim_all(&book, CROWD, |_| presence.clone()).await;
            std::future::pending().await
        }
    });
    go_on_until(&mut sim, &book, |pages| pages.everybody().is_ok_and(|all| all.len() == CROWD));
    for _ in 0..3 {
        while !book.write(|pages| pages.midway.contains(INFOS[0])) {
            // Whoever comes anew is given a snapshot; it may arrive all at once.
            book.write(|pages| pages.snapshots.clear());
            sim.bounce(INFOS[0]);
            let begun =
                |pages: &Pages| pages.midway.contains(INFOS[0]) || pages.snapshots.contains_key(INFOS[0]);
            go_on_until(&mut sim, &book, begun);
        }
        sim.crash(REGISTRY);
        pass(&mut sim, Duration::from_secs(2));
        assert!(book.write(|pages| pages.snapshots.remove(INFOS[0])).is_none(), "it had not the whole of it");
        sim.bounce(REGISTRY);
        settle(&mut sim, &book);
        book.write(|pages| pages.snapshots.clear());
    }
}

#[test]
fn a_thousand_come_back_at_once_and_nobody_is_seen_to_leave() {
    const NODES: usize = 1_000;
    let book = Book::new(22);
    let mut sim = network(book.seed);
    [REGISTRY, INFOS[0], INFOS[1]].iter().for_each(|host| settle_in(&mut sim, &book, host));
    let nodes = book.clone();
    sim.host(PLACE, move || {
        let book = nodes.clone();
        async move {
            let node = |n| known(&CHAT, &format!("node-{n}"), book.next_run());
            let all: Vec<_> = (0..NODES).map(node).collect();
            claim_all(&book, NODES, |n| all[n].clone()).await;
            std::future::pending().await
        }
    });
    go_on(&mut sim, Duration::from_secs(15));
    book.write(|pages| assert_eq!(pages.shown_by(INFOS[0]).unwrap().len(), NODES));
    book.write(|pages| pages.vanished.clear());
    let (from, until) = (sim.elapsed(), sim.elapsed() + Duration::from_secs(4));
    strike(&mut sim, &book, &[Planned { from, until, fault: Fault::Kill(REGISTRY) }]);
    pass(&mut sim, WHOLE_WITHIN);
    book.write(|pages| {
        for info in INFOS {
            let shown = pages.shown_by(info).unwrap();
            assert_eq!(shown.len(), NODES, "{info}");
            assert!(shown.values().all(|(node, _)| node.starts_with("node-")));
        }
        assert_eq!(pages.vanished, []);
    });
}
