//! A lost name comes free, and is claimed again in the moment in which its user is given another one.

use std::time::Duration;

use engine::names::{RoomName, UserName};
use presence::Claim;
use tokio::time::sleep;

use crate::book::{Book, Pages, People};
use crate::chaos::{go_on_until, network, settle, settle_in};
use crate::faults::Fault;
use crate::nodes::{CHAT, CHATS, INFOS, REGISTRY, known};

/// Who loses the name.
const LOSER: &str = CHATS[0];
/// Who has it meanwhile.
const OTHER: &str = CHATS[1];
/// How often somebody looks what the others have done.
const LOOK: Duration = Duration::from_millis(100);

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

fn tea() -> RoomName {
    RoomName::parse("tea").unwrap()
}

async fn wait_until(book: &Book, so: impl Fn(&Pages) -> bool) {
    while !book.write(|pages| so(pages)) {
        sleep(LOOK).await;
    }
}

/// Writes down who is at a node now.
fn note(book: &Book, node: &'static str, people: People) {
    book.note(node, format_args!("has {people:?}"));
    book.write(|pages| pages.people.insert(node, people));
}

fn is_at(pages: &Pages, node: &str, name: &UserName) -> bool {
    pages.people.get(node).is_some_and(|people| people.contains_key(name))
}

fn is_shown(pages: &Pages, name: &UserName) -> bool {
    pages.shown_by(INFOS[0]).is_some_and(|world| world.contains_key(name))
}

/// Alice is in the lobby. When her name is lost and free again she goes into another room, which claims
/// it, and before that is answered she is renamed.
async fn loser(book: Book) -> turmoil::Result {
    let (presence, to) = (known(&CHAT, LOSER, book.next_run()), alice().numbered(2));
    assert_eq!(presence.claim(&alice(), Some(&RoomName::lobby())).await, Claim::Granted);
    note(&book, LOSER, [(alice(), [RoomName::lobby()].into())].into());
    presence.lost_names().wait_for(|lost| lost.contains(&alice())).await?;
    note(&book, LOSER, People::new());
    wait_until(&book, |pages| !is_at(pages, OTHER, &alice()) && !is_shown(pages, &alice())).await;
    presence.join(&alice(), &tea());
    assert_eq!(presence.rename(&alice(), &to).await, Claim::Granted);
    note(&book, LOSER, [(to, [RoomName::lobby(), tea()].into())].into());
    std::future::pending().await
}

/// Claims the name until it has it, and gives it back when the other one knows that it is lost.
async fn other(book: Book) -> turmoil::Result {
    let presence = known(&CHAT, OTHER, book.next_run());
    wait_until(&book, |pages| is_shown(pages, &alice())).await;
    while presence.claim(&alice(), None).await == Claim::Taken {
        sleep(LOOK).await;
    }
    note(&book, OTHER, [(alice(), Default::default())].into());
    wait_until(&book, |pages| !is_at(pages, LOSER, &alice())).await;
    presence.release(&alice());
    note(&book, OTHER, People::new());
    std::future::pending().await
}

fn a_name_is_lost_and_regained_and_renamed(seed: u64) {
    let book = Book::new(seed);
    let mut sim = network(seed);
    [REGISTRY, INFOS[0], INFOS[1]].iter().for_each(|host| settle_in(&mut sim, &book, host));
    let (losing, taking, away) = (book.clone(), book.clone(), Fault::Cut(LOSER));
    sim.host(LOSER, move || loser(losing.clone()));
    sim.host(OTHER, move || other(taking.clone()));
    go_on_until(&mut sim, &book, |pages| is_shown(pages, &alice()));
    away.begin(&mut sim);
    go_on_until(&mut sim, &book, |pages| is_at(pages, OTHER, &alice()));
    away.end(&mut sim);
    go_on_until(&mut sim, &book, |pages| is_at(pages, LOSER, &alice().numbered(2)));
    settle(&mut sim, &book);
}

#[test]
fn a_lost_name_that_is_claimed_again_and_renamed_leaves_no_room_behind() {
    (0..5).for_each(a_name_is_lost_and_regained_and_renamed);
}
