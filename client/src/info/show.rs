//! Answers of info, for people and for programs.

use std::time::Duration;

use engine::Timestamp;
use engine::info::{Instance, Status};
use serde_json::{Value, json};
use wire::info::Room;
use wire::time::rfc3339;

use crate::skew::Skew;
use crate::terminal::safe;

/// A list that info gave page by page, whole.
pub(crate) enum Listing {
    Users(Vec<String>),
    Rooms(Vec<Room>),
    Services(Vec<Instance>),
}

impl Listing {
    /// One line an entry.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Listing::Users(users) => users.iter().map(|user| safe(user).into_owned()).collect(),
            Listing::Rooms(rooms) => {
                columns(rooms.iter().map(|room| vec![room.name.clone(), room.users.to_string()]))
            }
            Listing::Services(services) => columns(services.iter().map(|one| {
                let age = format!("seen {} s ago", one.age.as_secs());
                vec![
                    one.service.clone(),
                    one.instance.clone(),
                    one.addr.clone(),
                    one.state.as_str().into(),
                    age,
                ]
            })),
        }
    }

    /// One object, of the form of a single page.
    pub(crate) fn object(&self) -> Value {
        match self {
            Listing::Users(users) => json!({"users": users, "total": users.len()}),
            Listing::Rooms(rooms) => {
                let rooms: Vec<Value> =
                    rooms.iter().map(|room| json!({"room": room.name, "users": room.users})).collect();
                json!({"total": rooms.len(), "rooms": rooms})
            }
            Listing::Services(services) => {
                let services: Vec<Value> = services.iter().map(service).collect();
                json!({"total": services.len(), "services": services})
            }
        }
    }
}

fn service(one: &Instance) -> Value {
    json!({
        "service": one.service,
        "instance": one.instance,
        "addr": one.addr,
        "state": one.state.as_str(),
        "age_ms": u64::try_from(one.age.as_millis()).unwrap_or(u64::MAX),
    })
}

/// How each service is: `chat up, file down`.
pub(crate) fn states(status: &Status) -> String {
    let states: Vec<String> =
        status.services.iter().map(|(name, state)| format!("{name} {}", state.as_str())).collect();
    states.join(", ")
}

/// Clocks that nobody sets by the network differ by so much, and nobody minds.
const MINDED: Duration = Duration::from_secs(60);

/// The status as a small table; `now` is the time on this machine's clock.
pub(crate) fn table(status: &Status, now: Timestamp) -> Vec<String> {
    let uptime = humantime::format_duration(Duration::from_secs(status.uptime.as_secs()));
    let presence =
        status.presence_age.map_or("not known yet".into(), |age| format!("{:.1} s old", age.as_secs_f64()));
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    columns([
        row("server", format!("{}, up {uptime}", status.version)),
        row("time", format!("{}{}", rfc3339(status.server_time), skew(status.server_time, now))),
        row("services", states(status)),
        row("users", format!("{} in {}", status.active_clients, counted(status.rooms, "room"))),
        row("messages", status.messages_sent.to_string()),
        row("files", status.files.to_string()),
        row("presence", presence),
    ])
}

/// How far the server's clock is from this machine's, where that is worth a word.
fn skew(there: Timestamp, here: Timestamp) -> String {
    let skew = Skew::between(there, here);
    if skew.by() > MINDED { format!(", {skew} this machine") } else { String::new() }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Rows with each column as wide as its widest cell.
fn columns(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| safe(cell).into_owned()).collect()).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |cell: &String| cell.chars().count();
    let widths: Vec<usize> =
        (0..count).map(|at| rows.iter().filter_map(|row| row.get(at)).map(wide).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use engine::info::State;

    use super::*;

    #[test]
    fn a_status_is_read_at_a_glance() {
        let status = Status {
            active_clients: 2,
            messages_sent: 120,
            server_time: Timestamp(1_795_335_000_123),
            uptime: Duration::from_millis(3_723_900),
            rooms: 1,
            files: 3,
            version: "0.1.0".into(),
            presence_age: Some(Duration::from_millis(1_240)),
            services: [("chat".to_owned(), State::Up), ("file".to_owned(), State::Down)].into(),
        };
        let wanted = [
            "server    0.1.0, up 1h 2m 3s",
            "time      2026-11-22T08:10:00.123Z",
            "services  chat up, file down",
            "users     2 in 1 room",
            "messages  120",
            "files     3",
            "presence  1.2 s old",
        ];
        assert_eq!(table(&status, status.server_time), wanted);
        let day = Timestamp(status.server_time.0 + 86_400_000);
        assert_eq!(table(&status, day)[1], "time      2026-11-22T08:10:00.123Z, 1day behind this machine");
    }

    #[test]
    fn lists_line_up_and_have_an_object() {
        let rooms = ["lobby", "a"].map(|name| Room { name: name.into(), users: 2 });
        let rooms = Listing::Rooms(rooms.into());
        assert_eq!(rooms.lines(), ["lobby  2", "a      2"]);
        let object = r#"{"rooms":[{"room":"lobby","users":2},{"room":"a","users":2}],"total":2}"#;
        assert_eq!(rooms.object().to_string(), object);
        assert_eq!(Listing::Users(vec!["a\u{9b}".into()]).lines(), ["a\\u{9b}"]);
    }
}
