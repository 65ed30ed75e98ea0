//! A [`World`] that starts any service on port 0, and plain clients to meet it with.
//!
//! What a client waits for comes or the test fails after [`PATIENCE`]; nothing here naps. The journeys in
//! `tests/` go across services; what one service does alone is tested beside it.

pub mod admin;
pub mod binaries;
pub mod chat;
pub mod file;
pub mod info;
pub mod lines;
pub mod process;
pub mod registry;
mod world;

use std::fmt::Debug;
use std::time::Duration;

pub use world::{Kind, Place, Stack, World};

/// How long a test waits for what must come before it fails. Far longer than anything takes, so that a
/// busy machine is no reason to fail.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what must come.
///
/// # Panics
/// When it does not.
pub async fn patiently<T>(what: &str, coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Asks again and again until the answer is what is wanted, and returns it.
///
/// # Panics
/// When it never is.
pub async fn eventually<T: Debug>(
    what: &str,
    mut ask: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let mut last = None;
    let asking = async {
        loop {
            let answer = ask().await;
            if wanted(&answer) {
                return answer;
            }
            last = Some(answer);
        }
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    asked.unwrap_or_else(|_| panic!("waited in vain for {what}; last it was {last:?}"))
}
