//! What is done beside the sessions, from the start to the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use crate::store::Sync;
use crate::{Chat, disk, relief};

/// What is being done.
pub(crate) struct Chores(JoinSet<()>);

/// Begins all of it.
pub(crate) fn begin(chat: &Arc<Chat>) -> Chores {
    let mut chores = JoinSet::new();
    let drain = &chat.life.drain;
    chores.spawn(drain.vital("house-keeping", keep_house(chat.clone())));
    chores.spawn(drain.vital("relief", relief::watch(chat.hub.clone(), chat.metrics.clone())));
    chores.spawn(drain.vital("drain", spread_drain(chat.clone())));
    chores.spawn(drain.vital("names", give_names_up(chat.clone())));
    Chores(chores)
}

impl Chores {
    /// Ends all of it; nothing of it holds the chat any more then.
    pub(crate) async fn end(mut self) {
        self.0.shutdown().await;
    }
}

/// What has to be done every second, every five, and every minute.
async fn keep_house(chat: Arc<Chat>) {
    let mut seconds = interval(Duration::from_secs(1));
    let mut minutes = interval(Duration::from_secs(60));
    let mut disk = interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = minutes.tick() => chat.store.forget_old().await,
            _ = disk.tick() => look_at_the_disk(&chat).await,
            _ = seconds.tick() => {
                chat.store.tidy();
                chat.hub.sum_up();
                chat.presence.report(chat.metrics.figures());
            }
        }
    }
}

/// Tells how much history takes, and how much more it could; with `--sync off` it takes nothing.
async fn look_at_the_disk(chat: &Chat) {
    if chat.config.sync == Sync::Off {
        return;
    }
    let folder = chat.config.data.clone();
    // A disk that hangs must hold up nobody's session.
    if let Ok(usage) = tokio::task::spawn_blocking(move || disk::usage(&folder)).await {
        chat.metrics.holds(usage);
    }
}

/// Wakes the sessions when the drain begins: one waits for all, so that an idle one need not hold the place
/// for it.
pub(crate) async fn spread_drain(chat: Arc<Chat>) {
    chat.life.drain.signaled().await;
    chat.hub.wake_everybody();
}

/// Wakes whoever's name turned out to be another server's user's.
async fn give_names_up(chat: Arc<Chat>) {
    let mut lost = chat.presence.lost_names();
    while lost.changed().await.is_ok() {
        let names = lost.borrow_and_update().clone();
        names.iter().for_each(|name| chat.hub.wake(name));
    }
}
