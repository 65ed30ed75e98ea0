//! What an operator asks.

use std::net::SocketAddr;

use crate::lines::Lines;

/// Asks an admin port and returns the whole HTTP answer.
pub async fn get(admin: SocketAddr, path: &str) -> String {
    let mut lines = Lines::connect(admin).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    lines.send_bytes(request.as_bytes()).await;
    let mut answer = String::new();
    while let Some(line) = lines.next().await {
        answer.push_str(&line);
        answer.push('\n');
    }
    answer
}

/// Whether it can serve.
pub async fn is_ready(admin: SocketAddr) -> bool {
    get(admin, "/readyz").await.starts_with("HTTP/1.1 200 ")
}

/// The value of a sample, named with its labels as Prometheus' text has it.
///
/// # Panics
/// When it is not exported.
pub async fn metric(admin: SocketAddr, sample: &str) -> f64 {
    let metrics = get(admin, "/metrics").await;
    let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == sample));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("{sample} is not exported"))
}
