//! Where a service is, also after it has moved: a container that starts again may have another address.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// How long between two look-ups: those who come back all at once share one.
const PAUSE: Duration = Duration::from_secs(1);

/// A service's address, looked up again for whoever did not find it there. Clones are the same place.
#[derive(Debug, Clone)]
pub struct Endpoint {
    at: watch::Receiver<SocketAddr>,
    missed: Arc<Notify>,
}

impl Endpoint {
    /// An address as it is known now, and the way to look it up from there, which happens on the current runtime
    /// and keeps nobody waiting. As long as it finds none the last one counts.
    pub fn new<L, F>(at: SocketAddr, look_up: L) -> Self
    where
        L: Fn(SocketAddr) -> F + Send + 'static,
        F: Future<Output = Option<SocketAddr>> + Send + 'static,
    {
        let (found, at) = watch::channel(at);
        let missed = Arc::new(Notify::new());
        tokio::spawn(follow(found, Arc::clone(&missed), look_up));
        Endpoint { at, missed }
    }

    /// The address as far as it is known.
    pub fn at(&self) -> SocketAddr {
        *self.at.borrow()
    }

    /// Says that nobody answered there.
    pub fn missed(&self) {
        self.missed.notify_one();
    }
}

/// Looks up again whenever somebody missed the service, until nobody wants to know any more.
async fn follow<L, F>(found: watch::Sender<SocketAddr>, missed: Arc<Notify>, look_up: L)
where
    L: Fn(SocketAddr) -> F,
    F: Future<Output = Option<SocketAddr>>,
{
    loop {
        tokio::select! { () = missed.notified() => {}, () = found.closed() => return }
        let last = *found.borrow();
        if let Some(at) = look_up(last).await {
            found.send_replace(at);
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn whoever_misses_a_service_learns_where_it_is_now_and_else_keeps_what_is_known() {
        let places = ["127.0.0.1:1", "127.0.0.2:1"].map(|place| place.parse::<SocketAddr>().unwrap());
        let answers = Mutex::new(vec![Some(places[1]), None]);
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut endpoint = Endpoint::new(places[0], move |_| {
            let answer = answers.lock().unwrap().pop().flatten();
            tell.send(answer).unwrap();
            std::future::ready(answer)
        });
        assert_eq!(endpoint.at(), places[0]);
        endpoint.missed();
        assert_eq!(told.recv().await, Some(None), "the name has no address for a while");
        assert_eq!(endpoint.at(), places[0]);
        endpoint.missed();
        endpoint.at.changed().await.unwrap();
        assert_eq!(endpoint.at(), places[1]);
    }
}
