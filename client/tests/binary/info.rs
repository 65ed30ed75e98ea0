//! `client info` and `client status` against a service that the test plays.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;

use crate::scripted::{Peer, expect, interrupt, serve, start};

/// An info service that plays one answer for each question.
fn info(script: &'static [(&'static str, &'static str)]) -> (String, std::thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let playing = std::thread::spawn(move || {
        for (question, answer) in script {
            let mut buffer = [0; 600];
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(std::str::from_utf8(&buffer[..len]), Ok(*question));
            socket.send_to(answer.as_bytes(), from).unwrap();
        }
    });
    (address, playing)
}

#[test]
fn lists_are_whole_whatever_their_pages() {
    let (at, playing) = info(&[
        ("USERS", r#"{"users":["alice","bob"],"total":3,"next":"bob"}"#),
        ("USERS AFTER bob", r#"{"users":["carol"],"total":3,"next":null}"#),
        ("ROOMS", r#"{"rooms":[{"room":"lobby","users":2}],"total":1,"next":null}"#),
        ("TIME", "COOKIE 00000000deadbeef"),
        ("TIME 00000000deadbeef", "2026-11-22 08:30:00"),
        ("PING a b", "PONG a b"),
    ]);
    assert_eq!(expect(0, &["--info", &at, "users"], b"").0, "alice\nbob\ncarol\n");
    let (rooms, _) = expect(0, &["--info", &at, "rooms", "--json"], b"");
    assert_eq!(rooms, "{\"rooms\":[{\"room\":\"lobby\",\"users\":2}],\"total\":1}\n");
    assert_eq!(expect(0, &["--info", &at, "info", "TIME"], b"").0, "2026-11-22 08:30:00\n");
    assert_eq!(expect(0, &["--info", &at, "info", "PING", "a", "b"], b"").0, "PONG a b\n");
    playing.join().unwrap();
}

#[test]
fn the_status_is_a_table() {
    let (at, playing) = info(&[(
        "STATUS",
        r#"{"active_clients":2,"messages_sent":120,"server_time":"2026-11-22T08:30:00Z","uptime":61,"rooms":1,"files":3,"version":"0.1.0","presence_age_ms":null,"services":{"chat":"up","file":"down"}}"#,
    )]);
    let (table, _) = expect(0, &["--info", &at, "status"], b"");
    playing.join().unwrap();
    assert!(table.contains("services  chat up, file down\n"), "{table}");
    assert!(table.contains("users     2 in 1 room\n"), "{table}");
    assert!(table.contains("presence  not known yet\n"), "{table}");
}

#[test]
fn pages_that_never_end_are_given_up() {
    let (at, playing) = info(&[
        ("USERS", r#"{"users":["bob"],"total":9,"next":"bob"}"#),
        ("USERS AFTER bob", r#"{"users":["bob"],"total":9,"next":"bob"}"#),
    ]);
    let (_, err) = expect(3, &["--info", &at, "info", "USERS"], b"");
    playing.join().unwrap();
    assert!(err.contains("round in a circle"), "{err}");
}

#[test]
fn a_status_is_watched_until_it_is_interrupted() {
    let status = r#"{"active_clients":2,"messages_sent":120,"server_time":"2026-11-22T08:30:00Z","uptime":61,"rooms":1,"files":3,"version":"0.1.0","presence_age_ms":null,"services":{}}"#;
    let (at, playing) = info(vec![("STATUS", status), ("STATUS", status)].leak());
    let mut child = start(&["--info", &at, "--json", "status", "--watch", "1ms"]);
    let objects: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    playing.join().unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(objects.iter().all(|object| object.contains("\"messages_sent\":120")), "{objects:?}");
}

fn takes_one_line(mut peer: Peer) {
    peer.welcome(0);
    let said = peer.said();
    peer.ack(&said, 1);
}

#[test]
fn the_address_of_info_is_enough() {
    let (chat, playing_chat) = serve(vec![takes_one_line]);
    // The host is a container's name, which nobody here can look up.
    let port = chat.rsplit_once(':').unwrap().1;
    let list = format!(
        r#"{{"services":[{{"service":"chat","instance":"old","addr":"chat:1","state":"down","age_ms":9}},{{"service":"chat","instance":"new","addr":"chat:{port}","state":"up","age_ms":9}}],"total":2,"next":null}}"#
    );
    let (at, playing) = info(vec![("SERVICES", &*list.leak())].leak());
    expect(0, &["--info", &at, "say", "lobby", "hello"], b"");
    playing.join().unwrap();
    playing_chat.join().unwrap();
}

/// Without the registry info has heard nothing for a while, and says so of all services.
#[test]
fn without_the_registry_a_service_is_where_it_was() {
    let (chat, playing_chat) = serve(vec![takes_one_line]);
    let list = format!(
        r#"{{"services":[{{"service":"file","instance":"f","addr":"file:1","state":"unknown","age_ms":30000}},{{"service":"chat","instance":"c","addr":"{chat}","state":"unknown","age_ms":30000}}],"total":2,"next":null}}"#
    );
    let (at, playing) = info(vec![("SERVICES", &*list.leak())].leak());
    expect(0, &["--info", &at, "say", "lobby", "hello"], b"");
    playing.join().unwrap();
    playing_chat.join().unwrap();
}

/// Somebody else's chat may listen at the usual port; what is said is not for them.
#[test]
fn a_service_that_is_down_is_looked_for_where_it_was() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let list = format!(
        r#"{{"services":[{{"service":"chat","instance":"c","addr":"{gone}","state":"down","age_ms":9000}}],"total":1,"next":null}}"#
    );
    let (at, playing) = info(vec![("SERVICES", &*list.leak())].leak());
    let (_, err) = expect(3, &["--info", &at, "say", "lobby", "hello"], b"");
    assert!(err.contains(&format!("nothing listens on {gone}")), "{err}");
    playing.join().unwrap();
}
