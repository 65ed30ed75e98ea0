use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ledger::{Counts, Ledger};
use crate::payload::{self, Header};
use crate::plan::tests::planned;

/// Two users in one room who say four messages.
fn scene() -> Scene {
    let (options, plan) = planned("--clients 2 --rate 4 --info-rate 0 --warmup 0s --duration 1s");
    plan.unwrap().scene(&options, 0xbeef)
}

/// The payload of a message of user 1.
fn payload(scene: &Scene, sequence: u32) -> String {
    let due = scene.due(scene.schedule.message(1, sequence).unwrap());
    let mut text = vec![0; 80];
    payload::write(&Header { run: 0xbeef, room: 0, sender: 1, sequence, due }, &mut text);
    String::from_utf8(text).unwrap()
}

/// What user 0 has heard after `pieces`, and where it stands.
fn heard<'a>(scene: &Scene, pieces: impl Iterator<Item = &'a [u8]>) -> (Tally, Standing) {
    let mut tally = Tally::new(Ledger::new(Arc::clone(&scene.roster)));
    let (mut inbox, mut familiar) = (Inbox::new(0), Familiar::new());
    for piece in pieces {
        let seen = 900_000_000;
        inbox.hear(piece, &mut Moment { seen, scene, tally: &mut tally, familiar: &mut familiar });
    }
    (tally, inbox.standing)
}

fn transcript(scene: &Scene) -> String {
    let (first, second) = (payload(scene, 0), payload(scene, 1));
    let room = "load-0000beef-0";
    [
        "USERNAME:".to_owned(),
        r#"{"type":"welcome","user":"l0000beef-0","server":"s","version":"0","session":"1"}"#.into(),
        format!(r#"{{"type":"room","room":"{room}","members":[],"last_id":0,"gap":false}}"#),
        format!(r#"{{"type":"joined","room":"{room}","user":"l0000beef-1","at":"2026-11-22T08:10:00.123Z"}}"#),
        format!(
            r#"{{"type":"message","room":"{room}","id":1,"from":"l0000beef-1","text":"{first}","at":"2026-11-22T08:10:00.123Z"}}"#
        ),
        format!(r#"{{"type":"ack","ref":"00000000","room":"{room}","id":2,"at":"2026-11-22T08:10:00.123Z"}}"#),
        r#"{"type":"error","ref":"00000001","code":"no_space","message":"the disk is full"}"#.into(),
        format!(
            r#"{{"at":"2026-11-22T08:10:00.123Z", "text":"\u0070{}","from":"l0000beef-1","id":3,"room":"{room}","type":"message"}}"#,
            &second[1..]
        ),
        r#"{"type":"weather","sunny":true}"#.into(),
        String::new(),
    ]
    .join("\n")
}

#[test]
fn a_session_is_heard_whole() {
    let scene = scene();
    let text = transcript(&scene);
    let (tally, standing) = heard(&scene, std::iter::once(text.as_bytes()));
    assert_eq!(tally.ledger.counts(), &Counts { ok: 2, ..Counts::default() }, "in any order of fields");
    assert_eq!((tally.acked, tally.refused.len(), standing), (1, 1, Standing::Present));
    let row = tally.recorder.row(Series::ChatDelivery);
    assert_eq!((row.n, row.max_ns > Some(300_000_000)), (2, true), "from the due time");
}

#[test]
fn a_goodbye_and_a_refusal_are_understood() {
    let scene = scene();
    let bye = &b"{\"type\":\"bye\",\"reason\":\"shutdown\",\"retry_after_ms\":5}\n"[..];
    assert_eq!(heard(&scene, std::iter::once(bye)).1, Standing::Dismissed(5));
    let taken = &b"{\"type\":\"error\",\"code\":\"name_taken\",\"message\":\"no\"}\n"[..];
    let (tally, standing) = heard(&scene, std::iter::once(taken));
    assert!(matches!(standing, Standing::Rejected(_)));
    assert_eq!(tally.errors.get("name_taken"), Some(&1));
}

/// What users 0 and 2 have heard, one after the other at the same desk.
fn heard_by_both(scene: &Scene, first: &str, second: &str) -> Tally {
    let mut tally = Tally::new(Ledger::new(Arc::clone(&scene.roster)));
    let mut familiar = Familiar::new();
    for (user, text) in [(0, first), (2, second)] {
        let mut moment = Moment { seen: 900_000_000, scene, tally: &mut tally, familiar: &mut familiar };
        Inbox::new(user).hear(text.as_bytes(), &mut moment);
    }
    tally
}

#[test]
fn what_another_has_heard_is_known_again_and_a_changed_byte_is_still_found() {
    let (options, plan) = planned("--clients 3 --rate 6 --info-rate 0 --warmup 0s --duration 1s");
    let scene = plan.unwrap().scene(&options, 0xbeef);
    let room = "load-0000beef-0";
    let message = |id: u64, sequence: u32| {
        let text = payload(&scene, sequence);
        let at = "2026-11-22T08:10:00.123Z";
        format!(
            r#"{{"type":"message","room":"{room}","id":{id},"from":"l0000beef-1","text":"{text}","at":"{at}"}}"#
        )
    };
    let text = format!(
        "{{\"type\":\"room\",\"room\":\"{room}\",\"members\":[],\"last_id\":0,\"gap\":false}}\n{}\n{}\n",
        message(1, 0),
        message(2, 1)
    );
    let tally = heard_by_both(&scene, &text, &text);
    assert_eq!(tally.ledger.counts(), &Counts { ok: 4, ..Counts::default() });
    assert_eq!(tally.recorder.row(Series::ChatFanOut).n, 2, "the second was the last");
    let changed = text.replace(&payload(&scene, 1), &payload(&scene, 1).replace("harbour", "harbor "));
    let tally = heard_by_both(&scene, &text, &changed);
    assert_eq!(tally.ledger.counts(), &Counts { ok: 3, corrupt: 1, ..Counts::default() });
    assert!(tally.ledger.missing(2, 1, 2).eq([1]));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(size in 1usize..200, cut in 0usize..600) {
        let scene = scene();
        let text = transcript(&scene);
        let cut = &text.as_bytes()[..cut.min(text.len())];
        let (whole, standing) = heard(&scene, std::iter::once(cut));
        let (pieces, same) = heard(&scene, cut.chunks(size));
        prop_assert_eq!(whole.ledger.counts(), pieces.ledger.counts());
        prop_assert_eq!((whole.acked, whole.refused, standing), (pieces.acked, pieces.refused, same));
    }
}
