//! What is done when too much is kept for members that are behind: whoever holds most has to go.

use std::sync::Arc;
use std::time::Duration;

use engine::chat::Backlog;
use tokio::time::sleep;

use crate::hub::Hub;
use crate::metrics::Metrics;

/// How long those who were ended have to be gone before it is counted again.
const ROUND: Duration = Duration::from_millis(10);

/// Parts with whoever holds most, as often as more is kept than `--behind-all`. Never ends by itself.
pub(crate) async fn watch(hub: Arc<Hub>, metrics: Metrics) {
    loop {
        hub.bounds().exceeded().await;
        relieve(&hub, &metrics).await;
        sleep(ROUND).await;
    }
}

async fn relieve(hub: &Hub, metrics: &Metrics) {
    let (members, rooms) = hub.everything();
    let mut backlog = Backlog::default();
    for member in members.values() {
        backlog.add_alone(member.id, member.waiting());
    }
    // All are asked before the first answer is awaited: they answer at the same time.
    let asked: Vec<_> = rooms.iter().filter(|room| room.kept() > 0).map(|room| room.needs()).collect();
    for needs in asked {
        backlog.add_room(needs.get().await);
    }
    for id in backlog.excess(hub.bounds().all()) {
        // One who is not there any more is about to be free of all that.
        if let Some(member) = members.get(&id) {
            metrics.limits.behind_closed.inc();
            member.part();
        }
    }
}
