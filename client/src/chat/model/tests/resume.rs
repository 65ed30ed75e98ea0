//! No gap and no double, whatever the connection does.

use super::*;

#[test]
fn a_resume_asks_for_what_is_missing_and_shows_nothing_twice() {
    let mut rig = Rig::inside(0);
    rig.hear(&message(1, "bob", "one"));
    let hello = rig.reconnect(secs(1));
    assert_eq!(hello.rooms[0].replay, Replay::Since(1));
    rig.enter(3, secs(2));
    assert!(rig.0.take().contains(&Effect::Note(Note::Back)));
    assert_eq!(shown(&rig.hear(&message(2, "bob", "two"))), ["two"]);
    assert!(shown(&rig.hear(&message(2, "bob", "two"))).is_empty());
}

#[test]
fn unacked_lines_are_sent_again_under_their_key_and_acked_ones_are_not() {
    let mut rig = Rig::inside(0);
    rig.0.take();
    ["first", "second", "third"].iter().for_each(|text| rig.0.typed(text));
    let sent = rig.sent();
    rig.hear(&ack(&sent[0], 1));
    let hello = rig.reconnect(secs(1));
    assert_eq!(hello.rooms[0].replay, Replay::Since(1));
    rig.0.received(&welcome("alice"), secs(2), 0.5);
    assert_eq!(rig.sent(), sent[1..]);
    // The second was kept, and only its ack was lost: it comes with the resume and is not shown again.
    assert!(shown(&rig.hear(&message(2, "alice", "second"))).is_empty());
    rig.hear(&ack(&sent[1], 2));
    assert_eq!(rig.0.requests.open(), 1);
}

#[test]
fn a_direct_message_is_never_said_twice() {
    let mut rig = Rig::inside(0);
    rig.0.typed("/msg bob psst");
    rig.0.take();
    rig.0.lost(secs(1), 0.5);
    let lost = [Effect::Note(Note::Lost), Effect::Note(Note::Unsure { to: user("bob") })];
    assert_eq!(rig.0.take(), lost);
    rig.0.typed("/msg bob later");
    rig.0.tick(rig.0.deadline().unwrap(), 0.5);
    rig.0.connected(secs(2));
    rig.0.received(&welcome("alice"), secs(2), 0.5);
    assert_eq!(texts(&rig.sent()), ["later"], "it was never on its way");
}

#[test]
fn who_does_not_want_to_wait_tries_at_once() {
    let mut rig = Rig::inside(0);
    rig.0.try_now();
    assert_eq!(rig.sent().len(), 0, "it is connected");
    rig.0.lost(secs(1), 0.9);
    rig.0.take();
    rig.0.try_now();
    assert_eq!(rig.0.take(), [Effect::Dial]);
    rig.0.try_now();
    assert_eq!(rig.0.take(), [], "it is being tried");
}

/// A server that stands still for twenty seconds, as in a pause of its container: it neither answers nor
/// hangs up, and then goes on as if nothing had been.
#[test]
fn a_pause_of_the_server_loses_nothing_and_says_nothing_twice() {
    for quiet_before in [0, 10, 24] {
        let mut rig = Rig(Model::new(Start { many: true, ..start(true, None) }));
        rig.0.connected(Duration::ZERO);
        rig.enter(0, Duration::ZERO);
        rig.0.received(&line(Event::Pong, None), Duration::ZERO, 0.5);
        rig.0.take();
        let said = Request::Say { room: RoomName::lobby(), text: "into the pause".into() };
        rig.0.ask(said);
        let said = rig.sent().remove(0);
        let (mut now, back) = (secs(quiet_before), secs(quiet_before + 20));
        while let Some(wake) = rig.0.deadline().filter(|wake| *wake < back) {
            now = wake.max(now);
            rig.0.tick(now, 0.5);
        }
        let lost = rig.0.take().contains(&Effect::Note(Note::Lost));
        if lost {
            // The connection that was made meanwhile is answered now.
            if rig.0.connection() != Connection::Coming {
                rig.0.tick(rig.0.deadline().unwrap(), 0.5);
            }
            rig.0.connected(back);
            rig.0.take();
            rig.enter(1, back);
            assert!(shown(&rig.hear(&message(1, "alice", "into the pause"))).is_empty());
        }
        rig.hear(&ack(&said, 1));
        assert_eq!(rig.0.requests.open(), 0, "{quiet_before} {lost}");
        assert_eq!(rig.reconnect(back + secs(1)).rooms[0].replay, Replay::Since(1), "{quiet_before}");
    }
}

/// A room as the server keeps it, and what of it is on its way to the client.
#[derive(Default)]
struct Server {
    log: Vec<(String, String)>,
    delivered: usize,
}

impl Server {
    /// Keeps a line under its key, once, and answers with its id.
    fn keep(&mut self, key: &str, text: &str) -> u64 {
        let known = self.log.iter().position(|(kept, _)| kept == key);
        known.unwrap_or_else(|| {
            self.log.push((key.into(), text.into()));
            self.log.len() - 1
        }) as u64
            + 1
    }
}

proptest! {
    /// Whatever is lost and whenever: every line of mine is kept once and in order, every line of the
    /// other's is shown once and in order.
    #[test]
    fn no_gap_and_no_double(steps in proptest::collection::vec(0u8..6, 1..120)) {
        let mut rig = Rig::inside(0);
        let (mut server, mut seen, mut mine, mut now) = (Server::default(), Vec::new(), 0, secs(0));
        let mut wire: Vec<Tagged> = Vec::new();
        for (n, step) in steps.into_iter().chain([5, 2, 2, 4]).enumerate() {
            now += secs(1);
            match step {
                0 => { mine += 1; rig.0.typed(&format!("mine {mine}")); }
                1 => { server.keep(&format!("bob {n}"), &format!("bob {n}")); }
                // The server reads all that was sent and answers, before it delivers anything.
                2 => for tagged in std::mem::take(&mut wire) {
                    let Request::Say { text, .. } = &tagged.request else { continue };
                    let id = server.keep(tagged.reference.as_ref().unwrap().as_str(), text);
                    rig.0.received(&ack(&tagged, id), now, 0.5);
                },
                // It reads, and the answers are lost.
                3 => {
                    for tagged in std::mem::take(&mut wire) {
                        if let Request::Say { text, .. } = &tagged.request {
                            server.keep(tagged.reference.as_ref().unwrap().as_str(), text);
                        }
                    }
                    drop_line(&mut rig, &mut server, &mut wire, now);
                }
                4 => deliver(&mut rig, &mut server, now),
                _ => drop_line(&mut rig, &mut server, &mut wire, now),
            }
            let effects = rig.0.take();
            wire.extend(effects.iter().filter_map(request));
            seen.extend(shown(&effects));
        }
        let kept = |prefix: &str| -> Vec<String> {
            server.log.iter().map(|(_, text)| text.clone()).filter(|t| t.starts_with(prefix)).collect()
        };
        let said: Vec<String> = (1..=mine).map(|n| format!("mine {n}")).collect();
        prop_assert_eq!(kept("mine"), said);
        prop_assert_eq!(seen, kept("bob"));
    }
}

/// Delivers what the server has not delivered yet; one's own lines only when they are repeated.
fn deliver(rig: &mut Rig, server: &mut Server, now: Duration) {
    for at in std::mem::replace(&mut server.delivered, server.log.len())..server.log.len() {
        let (key, text) = &server.log[at];
        if key.starts_with("bob") {
            rig.0.received(&message(at as u64 + 1, "bob", text), now, 0.5);
        }
    }
}

/// Breaks the connection with everything that is on it, and resumes.
fn drop_line(rig: &mut Rig, server: &mut Server, wire: &mut Vec<Tagged>, now: Duration) {
    wire.extend(rig.sent());
    wire.clear();
    let Replay::Since(since) = rig.reconnect(now).rooms[0].replay else { panic!("no since") };
    rig.enter(server.log.len() as u64, now);
    for (at, (key, text)) in server.log.iter().enumerate().skip(since as usize) {
        let from = if key.starts_with("bob") { "bob" } else { "alice" };
        rig.0.received(&message(at as u64 + 1, from, text), now, 0.5);
    }
    server.delivered = server.log.len();
}
