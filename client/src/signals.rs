//! Ctrl-C, and being told to end.

use crate::errors::{Failure, Outcome};

/// Waits for Ctrl-C, or on Unix for SIGTERM, SIGHUP or SIGQUIT, whichever comes first.
pub(crate) async fn interrupted() -> Failure {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Failure::Interrupted,
        () = terminated() => Failure::Interrupted,
    }
}

/// Carries something out unless it is interrupted first; then it is dropped where it stands, and what it
/// left half done is cleared away by its own guards.
pub(crate) async fn or_interrupted<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::select! {
        done = work => done,
        failure = interrupted() => Err(failure),
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::SignalKind;
    tokio::select! {
        () = told(SignalKind::terminate()) => {}
        () = told(SignalKind::hangup()) => {}
        () = told(SignalKind::quit()) => {}
    }
}

#[cfg(unix)]
async fn told(kind: tokio::signal::unix::SignalKind) {
    match tokio::signal::unix::signal(kind) {
        Ok(mut told) => {
            told.recv().await;
        }
        // Without a handler the signal ends the process as it always did.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
