//! Two nodes want one name, and one of them is out of reach.

use std::time::Duration;

use engine::names::UserName;
use presence::{Claim, Presence};
use tokio::time::sleep;

use crate::book::Book;
use crate::chaos::{go_on, go_on_until, network, settle, settle_in};
use crate::faults::Fault;
use crate::nodes::{CHAT, CHATS, INFOS, REGISTRY, known};

/// How often a claimant looks what it can do.
const LOOK: Duration = Duration::from_millis(300);

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

/// Claims the name after a while, again and again until it has it, and goes on with another one when it
/// turns out to be somebody else's.
async fn claimant(book: Book, me: &'static str, after: Duration) -> turmoil::Result {
    let presence = known(&CHAT, me, book.next_run());
    sleep(after).await;
    while presence.claim(&alice(), None).await == Claim::Taken {
        sleep(LOOK).await;
    }
    granted(&book, me, alice());
    let mut name = alice();
    loop {
        sleep(LOOK).await;
        if presence.has_lost(&name) {
            name = another(&presence, &name).await;
            granted(&book, me, name.clone());
        }
    }
}

fn granted(book: &Book, me: &'static str, name: UserName) {
    book.note(me, format_args!("is {name}"));
    book.write(|pages| {
        pages.grants.push((me, name.clone()));
        pages.people.insert(me, [(name, Default::default())].into());
    });
}

async fn another(presence: &Presence, lost: &UserName) -> UserName {
    for number in 2.. {
        let free = lost.numbered(number);
        if presence.rename(lost, &free).await == Claim::Granted {
            return free;
        }
    }
    unreachable!("there is always another number")
}

/// The first has the name until it is out of reach for longer than its time to live; then it is the
/// second's, and stays so when the first comes back.
fn the_second_claimant_wins(seed: u64, fault: Fault) {
    let (book, [first, second, _]) = (Book::new(seed), CHATS);
    let mut sim = network(seed);
    [REGISTRY, INFOS[0], INFOS[1]].iter().for_each(|host| settle_in(&mut sim, &book, host));
    for (host, after) in [(first, 1), (second, 3)] {
        let book = book.clone();
        sim.host(host, move || claimant(book.clone(), host, Duration::from_secs(after)));
    }
    go_on(&mut sim, Duration::from_secs(25));
    assert_eq!(book.write(|pages| pages.grants.clone()), [(first, alice())], "a name has one holder");
    fault.begin(&mut sim);
    go_on_until(&mut sim, &book, |pages| pages.grants.len() > 1);
    assert_eq!(book.write(|pages| pages.grants.clone()), [(first, alice()), (second, alice())]);
    assert!(sim.elapsed() < Duration::from_secs(25 + 11), "as soon as the lease is over");
    go_on(&mut sim, Duration::from_secs(45));
    fault.end(&mut sim);
    settle(&mut sim, &book);
    let grants = book.write(|pages| pages.grants.clone());
    assert_eq!(grants[2..], [(first, alice().numbered(2))], "the first goes on as somebody else");
}

#[test]
fn during_a_one_way_partition_the_second_claimant_wins_and_the_first_is_told() {
    for seed in 0..5 {
        the_second_claimant_wins(seed, Fault::OneWay(CHATS[0], REGISTRY));
    }
}

#[test]
fn during_a_partition_the_second_claimant_wins_and_the_first_is_told() {
    for seed in 0..5 {
        the_second_claimant_wins(seed, Fault::Cut(CHATS[0]));
    }
}

#[test]
fn a_keepalive_that_comes_after_the_lease_is_over_brings_the_name_not_back() {
    for seed in 0..5 {
        the_second_claimant_wins(seed, Fault::Hold(CHATS[0]));
    }
}
