//! Our figures beside a service's, one by one. Pure.

use super::{Check, Ours, Scrape};
use crate::report::numbers::count;
use crate::scenario::file::Files;
use crate::scenario::registry::Entries;

pub(super) fn chat(theirs: &Scrape, ours: &Ours<'_>) -> [Check; 2] {
    let chat = &ours.seen.chat;
    let received = theirs.sum("chat_messages_received_total", &[("kind", "room")]);
    let written = theirs.sum("chat_deliveries_total", &[("result", "written")]);
    let dropped = theirs.sum("chat_deliveries_total", &[("result", "dropped")]);
    let counts = &chat.counts;
    let seen = counts.arrived() + counts.doubled + counts.misrouted + counts.foreign + counts.corrupt;
    let more = if ours.other_lines {
        "lines to slow readers, or about who came and went"
    } else {
        "were written that nobody here saw"
    };
    let mut deliveries =
        Check::new("chat deliveries", seen, written, more, "were seen that chat did not write");
    if dropped > 0 {
        let said = format!("{} were dropped by chat for members that read too slowly", count(dropped));
        deliveries.finding =
            Some(deliveries.finding.map_or(said.clone(), |finding| format!("{finding}; {said}")));
    }
    let (more, less) = ("are somebody else's, or were said again", "never came to chat");
    [Check::new("chat messages", chat.sent, received, more, less), deliveries]
}

pub(super) fn files(theirs: &Scrape, ours: &Files) -> Check {
    let stored = theirs.sum("file_transfers_total", &[("direction", "upload"), ("result", "ok")]);
    Check::new(
        "file uploads",
        ours.ok,
        stored,
        "were stored that were not fetched whole",
        "are not known to file",
    )
}

pub(super) fn entries(theirs: &Scrape, ours: &Entries) -> Check {
    let joined = theirs.sum("registry_requests_total", &[("op", "join"), ("result", "ok")]);
    Check::new(
        "registry entries",
        ours.granted,
        joined,
        "are somebody else's",
        "are not known to the registry",
    )
}
