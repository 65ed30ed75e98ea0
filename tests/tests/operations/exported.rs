//! What the services export.

use std::collections::BTreeSet;

use tests::{World, admin};

/// Every metric of every service, by the name under which it is declared.
pub(crate) async fn metrics() -> BTreeSet<String> {
    let (world, stack) = World::whole().await;
    let mut names = BTreeSet::new();
    for place in [stack.registry, stack.chat, stack.info, stack.file] {
        let metrics = admin::get(place.admin, "/metrics").await;
        let declared = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        names.extend(declared.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())));
    }
    world.stop().await;
    names
}
