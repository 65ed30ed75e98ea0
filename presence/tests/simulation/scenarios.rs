//! Faults that are told one by one.

use std::time::Duration;

use crate::book::Book;
use crate::chaos::{HOSTS, go_on, pass, settle, strike, world};
use crate::faults::{Fault, Planned};
use crate::nodes::{CHATS, INFOS, REGISTRY};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn planned(from: u64, until: u64, fault: Fault) -> Planned {
    Planned { from: seconds(from), until: seconds(until), fault }
}

/// Every order of the hosts, where chat nodes are like each other and so are watchers.
fn orders(begun: &[&'static str], left: &[&'static str], all: &mut Vec<Vec<&'static str>>) {
    if left.is_empty() {
        all.push(begun.to_vec());
    }
    let alike = |host: &str| host.split('-').next().map(str::to_owned);
    for (n, next) in left.iter().enumerate() {
        if left[..n].iter().all(|other| alike(other) != alike(next)) {
            let rest: Vec<_> = left.iter().filter(|host| host != &next).copied().collect();
            orders(&[begun, &[*next]].concat(), &rest, all);
        }
    }
}

#[test]
fn the_order_of_the_start_does_not_matter() {
    let mut all = Vec::new();
    orders(&[], &HOSTS, &mut all);
    assert_eq!(all.len(), 60);
    for (seed, order) in all.iter().enumerate() {
        let book = Book::new(seed as u64);
        let mut sim = world(&book, 0);
        HOSTS.iter().for_each(|&host| sim.crash(host));
        for &host in order {
            pass(&mut sim, Duration::from_millis(1_500));
            book.note_at(sim.elapsed(), "start", host);
            sim.bounce(host);
        }
        settle(&mut sim, &book);
    }
}

#[test]
fn nobody_is_seen_to_leave_because_the_registry_was_killed() {
    let book = Book::new(11);
    let mut sim = world(&book, 0);
    go_on(&mut sim, seconds(15));
    settle(&mut sim, &book);
    book.write(|pages| pages.vanished.clear());
    for kill in 0..5 {
        let begin = sim.elapsed().as_secs() + 1;
        strike(&mut sim, &book, &[planned(begin, begin + 1 + 4 * kill, Fault::Kill(REGISTRY))]);
        settle(&mut sim, &book);
    }
    assert_eq!(book.write(|pages| pages.vanished.clone()), []);
}

#[test]
fn a_node_that_speaks_into_the_void_loses_to_the_second_claimant_and_goes_on() {
    let book = Book::new(12);
    let mut sim = world(&book, 0);
    // Longer than the time to live: its lease lapses, and others take its names.
    strike(&mut sim, &book, &[planned(25, 50, Fault::OneWay(CHATS[0], REGISTRY))]);
    settle(&mut sim, &book);
}

#[test]
fn a_keepalive_that_arrives_after_the_lease_has_lapsed_brings_nothing_back() {
    let book = Book::new(13);
    let mut sim = world(&book, 0);
    strike(&mut sim, &book, &[planned(25, 45, Fault::Hold(CHATS[1]))]);
    settle(&mut sim, &book);
}

#[test]
fn a_registry_killed_while_watchers_come_is_watched_afterwards() {
    let book = Book::new(14);
    let mut sim = world(&book, 0);
    let cut = INFOS.map(|info| planned(20, 27, Fault::Cut(info)));
    strike(&mut sim, &book, &cut[..1]);
    strike(&mut sim, &book, &[planned(28, 30, Fault::Kill(REGISTRY))]);
    strike(&mut sim, &book, &[planned(31, 33, Fault::Cut(INFOS[1]))]);
    settle(&mut sim, &book);
}
