//! How old what info knows of presence is, asked now and then beside the chat.

use std::time::Duration;

use engine::info::Question;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use wire::info::Reply;

use crate::info;

/// Between two questions.
const PAUSE: Duration = Duration::from_secs(10);

/// What was answered last; asking ends when this is dropped.
pub(super) struct Presence {
    age: watch::Receiver<Option<Duration>>,
    _asking: JoinSet<()>,
}

impl Presence {
    /// Begins to ask.
    pub(super) fn watch(options: info::Options) -> Self {
        let (to, age) = watch::channel(None);
        let mut asking = JoinSet::new();
        asking.spawn(async move {
            loop {
                to.send_replace(ask(&options).await);
                sleep(PAUSE).await;
            }
        });
        Presence { age, _asking: asking }
    }

    /// The answer, when there was one.
    pub(super) fn age(&self) -> Option<Duration> {
        *self.age.borrow()
    }

    /// Waits for the next answer.
    pub(super) async fn changed(&mut self) {
        if self.age.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

async fn ask(options: &info::Options) -> Option<Duration> {
    match options.ask(&Question::Status).await.ok()?.reply {
        Reply::Status(status) => status.presence_age,
        _ => None,
    }
}
