//! The admin HTTP port: `/metrics`, `/healthz`, `/readyz`, and what the service itself shows there.

mod feed;
pub(crate) mod healthcheck;
mod pages;

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::debug;

use self::feed::Feed;
pub use self::pages::{Page, Pages};
use crate::accept::listener::Listener;
use crate::running::Life;

const CONNECTIONS: usize = 32;
/// How many of them may follow events, so that there is always room for whoever scrapes and asks for health.
const VIEWERS: usize = 16;
const HEADER_TIME: Duration = Duration::from_secs(5);
const HEADER_BYTES: usize = 8192;
/// How long a peer may leave unread what it was sent.
const UNREAD: Duration = Duration::from_secs(30);
/// Prometheus 3 fails a scrape whose content type is not exactly right.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const EVENTS_TYPE: &str = "text/event-stream";
/// A page holds all it needs, and asks nobody but this port.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A body that is there, or one that goes on.
type Body = Either<Full<Bytes>, Feed>;

/// What every connection answers from.
#[derive(Clone)]
struct Desk {
    life: Life,
    viewers: Arc<Semaphore>,
}

/// Answers until it is aborted; it goes on through a drain, which is when it is asked most.
pub(crate) async fn serve(listener: TcpListener, life: Life) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let desk = Desk { life, viewers: Arc::new(Semaphore::new(VIEWERS)) };
    let mut listener = Listener::new(listener, None);
    loop {
        let (stream, _) = listener.accept().await;
        let Ok(seat) = seats.clone().try_acquire_owned() else {
            let _ = stream.try_write(BUSY);
            continue;
        };
        let desk = desk.clone();
        tokio::spawn(async move {
            converse(stream, desk).await;
            drop(seat);
        });
    }
}

async fn converse(stream: TcpStream, desk: Desk) {
    // Without it a viewer who has gone to sleep would keep its place; where it can't be set, that is so.
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD));
    let answer = service_fn(move |request| {
        let response = desk.respond(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        debug!(%error, "admin connection ended");
    }
}

impl Desk {
    fn respond(&self, request: &Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let page = self.life.pages.at(path);
        if page.is_none() && !matches!(path, "/metrics" | "/healthz" | "/readyz") {
            return self.nowhere();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD\n".into());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match (page, path) {
            (Some(page), _) => self.show(&page, request.method()),
            (None, "/healthz") => reply(StatusCode::OK, "text/plain", "ok\n".into()),
            (None, "/readyz") => self.readiness(),
            _ => reply(StatusCode::OK, METRICS_TYPE, self.life.metrics.render(self.obstacle().is_none())),
        }
    }

    fn nowhere(&self) -> Response<Body> {
        let known = ["/metrics", "/healthz", "/readyz"].into_iter().chain(self.life.pages.paths());
        let words = format!("try one of {}\n", known.collect::<Vec<_>>().join(" "));
        reply(StatusCode::NOT_FOUND, "text/plain", words)
    }

    fn readiness(&self) -> Response<Body> {
        match self.obstacle() {
            None => reply(StatusCode::OK, "application/json", "{\"ready\":true}\n".into()),
            Some(why) => {
                let body = serde_json::json!({"ready": false, "reason": why}).to_string() + "\n";
                reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", body)
            }
        }
    }

    fn obstacle(&self) -> Option<Cow<'static, str>> {
        let Life { drain, ready, .. } = &self.life;
        if drain.is_draining() { Some("draining".into()) } else { ready.obstacle() }
    }

    fn show(&self, page: &Page, method: &Method) -> Response<Body> {
        match page {
            Page::Text { kind, write } => unstored(reply(StatusCode::OK, kind, write())),
            Page::Events(_) if method == Method::HEAD => {
                unstored(reply(StatusCode::OK, EVENTS_TYPE, String::new()))
            }
            Page::Events(events) => self.follow(events.subscribe()),
        }
    }

    /// Begins to tell what happens, if there is room for one more viewer.
    fn follow(&self, events: watch::Receiver<Arc<str>>) -> Response<Body> {
        let Ok(seat) = self.viewers.clone().try_acquire_owned() else {
            return reply(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "too many viewers\n".into());
        };
        let feed = Feed::new(events, self.life.drain.clone(), seat);
        unstored(response(StatusCode::OK, EVENTS_TYPE, Either::Right(feed)))
    }
}

fn unstored(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// hyper itself leaves the body out of an answer to HEAD.
fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    response(status, kind, Either::Left(Full::new(Bytes::from(body))))
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
