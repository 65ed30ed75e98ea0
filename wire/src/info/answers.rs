//! Every answer, prepared: nothing is encoded while somebody waits.

use std::sync::Arc;

use engine::info::{Picture, Question, Status, UsersMode};

use super::listing::{About, Listing};
use super::say;

/// The lists that change only when somebody comes or goes.
#[derive(Debug)]
pub struct Names {
    users: Option<Listing>,
    rooms: Listing,
}

impl Names {
    /// Encodes who is here and in how many rooms.
    pub fn new(picture: &Picture, mode: UsersMode) -> Self {
        let about = |what, total: usize| About { what, total: total as u64, rev: picture.rev };
        let everybody = about("users", picture.users.len());
        let users = match mode {
            UsersMode::Off => None,
            UsersMode::Count => Some(Listing::counted(everybody)),
            UsersMode::Names => {
                let names = picture.users.iter().map(|user| (user.as_str(), user.as_str()));
                Some(Listing::new(everybody, names))
            }
        };
        let rooms =
            picture.rooms.iter().map(|(room, users)| (room.as_str(), say::room(room.as_str(), *users)));
        Names { users, rooms: Listing::new(about("rooms", picture.rooms.len()), rooms) }
    }
}

/// What is said to each question until presence or the second changes.
#[derive(Debug)]
pub struct Answers {
    status: Vec<u8>,
    time: Vec<u8>,
    commands: Vec<u8>,
    services: Listing,
    names: Arc<Names>,
}

impl Answers {
    /// Encodes what changes with each second; `names` may be the same as a second ago.
    pub fn new(picture: &Picture, status: &Status, names: Arc<Names>) -> Self {
        let services = picture
            .services
            .iter()
            .map(|instance| (instance.instance.as_str(), say::service(instance, picture.state_of(instance))));
        let total = picture.services.len() as u64;
        let about = About { what: "services", total, rev: picture.rev };
        Answers {
            status: say::status(status).into_bytes(),
            time: say::time(status.server_time).into_bytes(),
            commands: say::commands(names.users.is_some()).into_bytes(),
            services: Listing::new(about, services),
            names,
        }
    }

    /// The answer to a question, at most [`super::MAX_REPLY`] bytes; `space` is written to when it is not
    /// a prepared one, and keeps its memory from one question to the next.
    pub fn reply<'a>(&'a self, question: &Question, space: &'a mut Vec<u8>) -> &'a [u8] {
        match question {
            Question::Status => &self.status,
            Question::Time => &self.time,
            Question::Rooms { after } => self.names.rooms.page(*after, space),
            Question::Services { after } => self.services.page(*after, space),
            Question::Ping(words) => pong(words, space),
            Question::Users { after } => match &self.names.users {
                Some(users) => users.page(*after, space),
                None => &self.commands,
            },
            Question::Unknown => &self.commands,
        }
    }

    /// The answer where its length is no matter: lists are whole. It is in pieces, to be written one after
    /// the other, without an end of the line.
    pub fn line<'a>(&'a self, question: &Question, space: &'a mut Vec<u8>) -> [&'a [u8]; 3] {
        match (question, &self.names.users) {
            (Question::Users { after }, Some(users)) => users.whole(*after),
            (Question::Rooms { after }, _) => self.names.rooms.whole(*after),
            (Question::Services { after }, _) => self.services.whole(*after),
            _ => [self.reply(question, space), b"", b""],
        }
    }
}

fn pong<'a>(words: &str, space: &'a mut Vec<u8>) -> &'a [u8] {
    space.clear();
    space.extend_from_slice(say::PONG.as_bytes());
    if !words.is_empty() {
        space.push(b' ');
        space.extend_from_slice(words.as_bytes());
    }
    space
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::Timestamp;
    use engine::info::{Instance, State};
    use engine::names::{RoomName, UserName};

    use super::*;
    use crate::info::{MAX_PING, Request};

    fn picture() -> Picture {
        Picture {
            users: ["alice", "bob"].map(|name| UserName::parse(name).unwrap()).into(),
            rooms: [(RoomName::lobby(), 2)].into(),
            services: vec![Instance {
                service: "chat".into(),
                instance: "chat-1".into(),
                addr: "chat:9001".into(),
                state: State::Up,
                age: Duration::from_millis(1_200),
            }],
            age: Some(Duration::ZERO),
            rev: 7,
            ..Picture::unseen()
        }
    }

    fn answers(picture: &Picture, mode: UsersMode) -> Answers {
        let status = picture.status("0.1.0", Timestamp(0), Duration::ZERO);
        Answers::new(picture, &status, Arc::new(Names::new(picture, mode)))
    }

    fn said(answers: &Answers, datagram: &str) -> String {
        let request = Request::decode(datagram.as_bytes()).unwrap();
        let mut space = b"what stood here before".to_vec();
        String::from_utf8(answers.reply(&request.question(false), &mut space).to_vec()).unwrap()
    }

    #[test]
    fn golden_answers() {
        let answers = answers(&picture(), UsersMode::Names);
        let golden = [
            ("TIME", "1970-01-01 00:00:00"),
            ("USERS", r#"{"users":["alice","bob"],"total":2,"next":null,"rev":7}"#),
            ("users after alice", r#"{"users":["bob"],"total":2,"next":null,"rev":7}"#),
            ("ROOMS", r#"{"rooms":[{"room":"lobby","users":2}],"total":1,"next":null,"rev":7}"#),
            ("ROOMS AFTER #lobby", r#"{"rooms":[],"total":1,"next":null,"rev":7}"#),
            (
                "SERVICES",
                concat!(
                    r#"{"services":[{"service":"chat","instance":"chat-1","addr":"chat:9001","#,
                    r#""state":"up","age_ms":1200}],"total":1,"next":null,"rev":7}"#
                ),
            ),
            ("PING", "PONG"),
            ("PING a  b ", "PONG a  b"),
            ("HELLO", "Available commands: STATUS, TIME, USERS, ROOMS, SERVICES, PING"),
        ];
        for (question, answer) in golden {
            assert_eq!(said(&answers, question), answer, "{question}");
        }
        assert!(said(&answers, "STATUS").starts_with(r#"{"active_clients":2,"#));
        let longest = format!("PING {}", "x".repeat(MAX_PING));
        assert_eq!(said(&answers, &longest), longest.replace("PING", "PONG"));
        assert!(said(&answers, &format!("{longest}x")).starts_with("Available"));
    }

    #[test]
    fn a_line_tells_the_same_and_lists_whole() {
        let many = (0..1_000).map(|n| UserName::parse(&format!("user{n:03}")).unwrap()).collect();
        let answers = answers(&Picture { users: many, ..picture() }, UsersMode::Names);
        let line = |question: &str| {
            let request = Request::decode(question.as_bytes()).unwrap();
            let mut space = Vec::new();
            String::from_utf8(answers.line(&request.question(false), &mut space).concat()).unwrap()
        };
        for question in ["STATUS", "TIME", "ROOMS", "SERVICES", "PING a b", "?"] {
            assert_eq!(line(question), said(&answers, question), "{question}");
        }
        let users: serde_json::Value = serde_json::from_str(&line("USERS AFTER user099")).unwrap();
        assert_eq!((&users["users"][0], &users["users"][899]), (&"user100".into(), &"user999".into()));
        assert_eq!((&users["total"], &users["next"]), (&1_000.into(), &serde_json::Value::Null));
    }

    #[test]
    fn a_hundred_thousand_of_everything_are_told_once_each() {
        const MANY: usize = 100_000;
        let instance = picture().services.remove(0);
        let picture = Picture {
            users: (0..MANY).map(|n| UserName::parse(&format!("u{n:06}")).unwrap()).collect(),
            rooms: (0..MANY as u64).map(|n| (RoomName::parse(&format!("r{n:06}")).unwrap(), n)).collect(),
            services: (0..MANY)
                .map(|n| Instance { instance: format!("i{n:06}"), ..instance.clone() })
                .collect(),
            ..picture()
        };
        let answers = answers(&picture, UsersMode::Names);
        for (list, name) in [("users", ""), ("rooms", "room"), ("services", "instance")] {
            let (mut told, mut question) = (Vec::new(), list.to_owned());
            loop {
                let page: serde_json::Value = serde_json::from_str(&said(&answers, &question)).unwrap();
                assert_eq!((&page["total"], &page["rev"]), (&MANY.into(), &7.into()));
                let entries = page[list].as_array().unwrap();
                let names = entries.iter().map(|entry| if name.is_empty() { entry } else { &entry[name] });
                told.extend(names.map(|name| name.as_str().unwrap().to_owned()));
                let Some(next) = page["next"].as_str() else { break };
                question = format!("{list} AFTER {next}");
            }
            assert!(told.len() == MANY && told.is_sorted_by(|one, next| one < next), "{list}");
        }
    }

    #[test]
    fn who_is_here_is_told_as_far_as_it_may_be() {
        let counted = answers(&picture(), UsersMode::Count);
        assert_eq!(said(&counted, "USERS"), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
        assert_eq!(said(&counted, "USERS AFTER a"), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
        let off = answers(&picture(), UsersMode::Off);
        assert_eq!(said(&off, "USERS"), "Available commands: STATUS, TIME, ROOMS, SERVICES, PING");
    }

    #[test]
    fn no_answer_is_ever_a_question() {
        let answers = answers(&picture(), UsersMode::Names);
        for question in ["STATUS", "TIME", "USERS", "ROOMS", "SERVICES", "PING", "PING STATUS", "?"] {
            let answer = said(&answers, question);
            assert!(Request::decode(answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_stale_service_is_unknown() {
        let old = Picture { age: Some(Duration::from_secs(60)), ..picture() };
        assert!(said(&answers(&old, UsersMode::Names), "SERVICES").contains(r#""state":"unknown""#));
    }
}
