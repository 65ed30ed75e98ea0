//! What the status page is told, as JSON.

use std::cmp::Reverse;
use std::time::Duration;

use engine::info::{Picture, UsersMode};
use serde_json::{Value, json};

use super::trend::{Line, Trends};

/// How many users and rooms are named; there may be a hundred thousand.
const NAMED: usize = 100;

/// All that the page shows of one moment.
pub(super) fn report(picture: &Picture, trends: &Trends, mode: UsersMode, uptime: Duration) -> Value {
    json!({
        "version": chassis::VERSION,
        "uptime_s": uptime.as_secs(),
        "presence_age_ms": picture.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        "stale": picture.is_stale(),
        "registry": picture.registry.as_str(),
        "services": services(picture),
        "users": { "total": picture.users.len(), "named": users(picture, mode) },
        "rooms": { "total": picture.rooms.len(), "named": rooms(picture) },
        "messages": picture.messages,
        "files": picture.files,
        "lines": Line::ALL.map(|line| drawn(line, trends)),
    })
}

fn services(picture: &Picture) -> Vec<Value> {
    let told = picture.services.iter().map(|instance| {
        json!({
            "service": instance.service,
            "instance": instance.instance,
            "addr": instance.addr,
            "state": picture.state_of(instance).as_str(),
            "age_ms": u64::try_from(instance.age.as_millis()).unwrap_or(u64::MAX),
        })
    });
    told.collect()
}

/// The first users by name, where they may be named.
fn users(picture: &Picture, mode: UsersMode) -> Vec<&str> {
    let named = if mode == UsersMode::Names { NAMED } else { 0 };
    picture.users.iter().take(named).map(|name| name.as_str()).collect()
}

/// The fullest rooms, those with as many by name.
fn rooms(picture: &Picture) -> Vec<Value> {
    let mut rooms: Vec<_> = picture.rooms.iter().collect();
    rooms.sort_by_key(|&(_, &users)| Reverse(users));
    rooms.truncate(NAMED);
    rooms.into_iter().map(|(room, users)| json!({"room": room.as_str(), "users": users})).collect()
}

fn drawn(line: Line, trends: &Trends) -> Value {
    let (name, unit) = line.title();
    // Three figures are more than can be seen.
    let values = trends.line(line).into_iter().map(|value| value.map(|value| (value * 1e3).round() / 1e3));
    json!({"name": name, "unit": unit, "values": values.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use engine::names::{RoomName, UserName};

    use super::*;

    fn crowd(size: usize) -> Picture {
        let mut picture = Picture::unseen();
        for number in 0..size {
            picture.users.push(UserName::parse(&format!("u{number:03}")).unwrap());
            picture.rooms.insert(RoomName::parse(&format!("r{number:03}")).unwrap(), (number % 3) as u64);
        }
        picture
    }

    fn told(picture: &Picture, mode: UsersMode) -> Value {
        report(picture, &Trends::default(), mode, Duration::from_secs(61))
    }

    #[test]
    fn a_large_crowd_is_counted_and_its_first_are_named() {
        let told = told(&crowd(250), UsersMode::Names);
        assert_eq!((&told["users"]["total"], &told["users"]["named"][99]), (&json!(250), &json!("u099")));
        assert_eq!(told["users"]["named"].as_array().unwrap().len(), NAMED);
        assert_eq!(told["rooms"]["named"][0], json!({"room": "r002", "users": 2}));
        assert_eq!(told["rooms"]["named"].as_array().unwrap().len(), NAMED);
        assert_eq!((&told["uptime_s"], &told["presence_age_ms"]), (&json!(61), &Value::Null));
    }

    #[test]
    fn whoever_may_not_be_named_is_not() {
        for mode in [UsersMode::Count, UsersMode::Off] {
            let told = told(&crowd(5), mode);
            assert_eq!(told["users"], json!({"total": 5, "named": []}));
            assert!(!told.to_string().contains("u00"), "{told}");
        }
    }
}
