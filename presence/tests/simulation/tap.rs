//! A watcher that follows the protocol to the letter and holds the registry to it.

use std::sync::Arc;
use std::time::Duration;

use engine::registry::{Request, Roster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use turmoil::net::TcpStream;
use wire::registry::client::{Said, decode, write_request};

use crate::book::Book;
use crate::nodes::{REGISTRY, dial};

/// Longer than the registry is silent: a bookmark comes every five seconds.
const DEAD: Duration = Duration::from_secs(8);

/// What it has: the run, and the roster of it.
type Place = Option<(Arc<str>, Roster)>;

/// Watches for ever, and comes back to its place after whatever breaks.
pub(crate) async fn follow(book: &Book, me: &'static str) {
    let mut place = None;
    loop {
        if let Ok(Ok(stream)) = timeout(DEAD, dial(format!("{REGISTRY}:9000"))).await {
            watch(book, me, stream, &mut place).await;
        }
        sleep(Duration::from_millis(300)).await;
    }
}

/// One connection, to its end.
async fn watch(book: &Book, me: &'static str, mut stream: TcpStream, place: &mut Place) {
    let (epoch, since) = place.clone().map(|(epoch, roster)| (epoch, roster.rev)).unzip();
    let mut request = Vec::new();
    write_request(&mut request, &Request::Watch { epoch, since });
    if stream.write_all(&request).await.is_err() {
        return;
    }
    let mut inbox = Vec::new();
    while let Ok(Ok(1..)) = timeout(DEAD, stream.read_buf(&mut inbox)).await {
        while let Some(end) = inbox.iter().position(|&byte| byte == b'\n') {
            let line = std::str::from_utf8(&inbox[..end]).expect("the registry writes text");
            take(book, me, decode(line).expect("the registry's own words"), place);
            inbox.drain(..=end);
        }
        book.write(|pages| if inbox.is_empty() { pages.midway.remove(me) } else { pages.midway.insert(me) });
        while book.write(|pages| pages.asleep.contains(me)) {
            sleep(Duration::from_millis(100)).await;
        }
    }
    // A line that was cut off is lost with the connection.
    book.write(|pages| pages.midway.remove(me));
}

fn take(book: &Book, me: &'static str, said: Said, place: &mut Place) {
    match (said, place) {
        (Said::Snapshot { epoch, roster, .. }, place) => {
            book.compare(me, &epoch, &roster);
            book.write(|pages| pages.snapshots.entry(me).or_default().push(roster.rev));
            *place = Some((epoch, roster));
        }
        (Said::Event(event), Some((epoch, roster))) => {
            roster.apply(&event).expect("nothing is lost or sent twice");
            book.compare(me, epoch, roster);
        }
        (Said::Bookmark { rev }, Some((_, roster))) => {
            assert_eq!(rev, roster.rev, "a bookmark skips nothing")
        }
        (Said::Reply(Ok(reply)), Some((epoch, roster))) if reply.epoch.as_ref() == Some(epoch) => {
            assert!(reply.rev >= Some(roster.rev), "revisions only rise");
        }
        (Said::Reply(Ok(_)), _) => {}
        (said, place) => panic!("{said:?} at {place:?}"),
    }
}
