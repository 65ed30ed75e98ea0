//! Server-sent events as the body of an answer (HTML Standard, 9.2 Server-sent events).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::drain::Drain;

/// Each event from now on, until the drain begins. A viewer who is slow misses the ones in between.
pub(crate) struct Feed {
    next: Next,
    /// The viewer's place, which is free when the connection ends and the body with it.
    _seat: OwnedSemaphorePermit,
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Source)>> + Send>>;

/// Where events come from.
struct Source {
    events: watch::Receiver<Arc<str>>,
    drain: Drain,
}

impl Feed {
    pub(crate) fn new(events: watch::Receiver<Arc<str>>, drain: Drain, seat: OwnedSemaphorePermit) -> Self {
        Feed { next: Box::pin(Source { events, drain }.next()), _seat: seat }
    }
}

impl Source {
    async fn next(mut self) -> Option<(Bytes, Source)> {
        tokio::select! {
            changed = self.events.changed() => changed.ok()?,
            () = self.drain.signaled() => return None,
        }
        let event = event(&self.events.borrow_and_update());
        Some((event.into(), self))
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((event, source)) = ready!(self.next.as_mut().poll(context)) else {
            return Poll::Ready(None);
        };
        self.next = Box::pin(source.next());
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}

/// One event as it goes over the wire: each line of its data marked as such, an empty line behind it.
fn event(data: &str) -> String {
    let mut event = String::with_capacity(data.len() + 16);
    for line in data.split(['\r', '\n']) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_cannot_end_before_its_data_does() {
        assert_eq!(event("{}"), "data: {}\n\n");
        assert_eq!(event("a\n\nevent: b"), "data: a\ndata: \ndata: event: b\n\n");
    }
}
