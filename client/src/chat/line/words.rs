//! What an event says in words, without a time and whose it is.

use engine::chat::{Event, LeaveReason};
use engine::names::UserName;

/// Names that are listed when somebody enters a room; more are counted.
const LISTED: usize = 20;

/// The events that only tell how things stand.
pub(super) fn told(event: &Event) -> String {
    match event {
        Event::Welcome { user, .. } => format!("you are {user}; /help says what can be typed, /quit leaves"),
        Event::Entered { room, members, gap, .. } => {
            let gap = if *gap { "; some of what was said is not kept any more" } else { "" };
            format!("{room}: {}{gap}", present(members))
        }
        Event::Members { joined, left, count, .. } => format!("{joined} joined, {left} left ({count} here)"),
        Event::Who { room: Some(room), users } => format!("{room}: {}", names(users)),
        Event::Who { room: None, users } => names(users),
        Event::Rooms { rooms } => {
            let rooms: Vec<String> = rooms.iter().map(|(room, users)| format!("{room} ({users})")).collect();
            format!("rooms: {}", rooms.join(", "))
        }
        Event::Bye { .. } => "the server is going away".to_owned(),
        other => format!("{other:?}"),
    }
}

fn present(members: &[UserName]) -> String {
    match members {
        [] => "nobody else is here".to_owned(),
        [one] => format!("{one} is here"),
        many if many.len() <= LISTED => format!("{} are here", names(many)),
        many => format!("{} others are here", many.len()),
    }
}

fn names(users: &[UserName]) -> String {
    users.iter().map(UserName::as_str).collect::<Vec<_>>().join(", ")
}

/// Why somebody left, behind the word that they did.
pub(super) fn why(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Quit | LeaveReason::Left => "",
        LeaveReason::Lost => " (connection lost)",
        LeaveReason::Slow => " (too slow)",
        LeaveReason::Shutdown => " (server going away)",
    }
}
