//! The admin HTTP port: `/metrics`, `/healthz`, `/readyz`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::debug;

use crate::pause::Pause;
use crate::running::Life;

const CONNECTIONS: usize = 32;
const HEADER_TIME: Duration = Duration::from_secs(5);
const HEADER_BYTES: usize = 8192;
/// Prometheus 3 fails a scrape whose content type is not exactly right.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Answers until it is aborted; it goes on through a drain, which is when it is asked most.
pub(crate) async fn serve(listener: TcpListener, life: Life) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut pause = Pause::default();
    loop {
        match listener.accept().await {
            Err(error) => pause.after(&error).await,
            Ok((stream, _)) => match seats.clone().try_acquire_owned() {
                Err(_) => {
                    let _ = stream.try_write(BUSY);
                }
                Ok(seat) => {
                    let life = life.clone();
                    tokio::spawn(async move {
                        converse(stream, life).await;
                        drop(seat);
                    });
                }
            },
        }
    }
}

async fn converse(stream: TcpStream, life: Life) {
    let answer = service_fn(move |request| {
        let response = respond(&request, &life);
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

fn respond(request: &Request<Incoming>, life: &Life) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/metrics" | "/healthz" | "/readyz") {
        return reply(StatusCode::NOT_FOUND, "text/plain", "try /metrics, /healthz or /readyz\n".into());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/healthz" => reply(StatusCode::OK, "text/plain", "ok\n".into()),
        "/readyz" => readiness(life),
        _ => reply(StatusCode::OK, METRICS_TYPE, life.metrics.render(obstacle(life).is_none())),
    }
}

fn readiness(life: &Life) -> Response<Full<Bytes>> {
    match obstacle(life) {
        None => reply(StatusCode::OK, "application/json", "{\"ready\":true}\n".into()),
        Some(why) => {
            let body = serde_json::json!({"ready": false, "reason": why}).to_string() + "\n";
            reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", body)
        }
    }
}

fn obstacle(life: &Life) -> Option<std::borrow::Cow<'static, str>> {
    if life.drain.is_draining() { Some("draining".into()) } else { life.ready.obstacle() }
}

/// hyper itself leaves the body out of an answer to HEAD.
fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
