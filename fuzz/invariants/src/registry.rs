//! The registry: what services ask and what they are told are the same on both ends.

use engine::Code;
use engine::registry::{Answer, Denied, Register, Request};
use wire::registry::client::{self, Said, write_request};
use wire::registry::{
    Incoming, OPS, decode, write_answer, write_bookmark, write_bye, write_denied, write_event, write_snapshot,
};

use crate::lines::{arriving, only_line};
use crate::rules;

/// JSON writes a number of three bytes in up to eighteen (`1e9` is a float), and nothing grows more.
const GROWTH: usize = 6;

/// A line that a service sends: it can be answered under its id, and what is asked goes there and back.
pub fn requests(input: &[u8]) {
    let Some(line) = arriving(input) else { return };
    let incoming = decode(line);
    assert!(OPS.contains(&incoming.op), "{} is no op", incoming.op);
    match &incoming.request {
        Ok(request) => {
            asked(request, line.len());
            let mut sent = Vec::new();
            write_request(&mut sent, request);
            let again = decode(only_line(&sent));
            assert_eq!((again.op, again.request.as_ref()), (incoming.op, Ok(request)));
        }
        Err(refusal) => denied(refusal.clone().into()),
    }
    answered(&incoming);
}

/// Who asks keeps the rules for names, and no more is kept than has come.
fn asked(request: &Request, came: usize) {
    let bounded = |object: &str| assert!(object.starts_with('{') && object.len() <= GROWTH * came);
    match request {
        Request::Register(Register { service, instance, addr, meta, .. }) => {
            [service, instance, addr].into_iter().for_each(rules::label);
            bounded(meta);
        }
        Request::Keepalive { stats, .. } => stats.iter().for_each(|stats| bounded(stats)),
        Request::Join { user, room, .. } | Request::Leave { user, room, .. } => {
            rules::user(user);
            rules::room(room);
        }
        Request::Hold { user, .. } | Request::Release { user, .. } => rules::user(user),
        Request::Rename { user, to, .. } => [user, to].into_iter().for_each(rules::user),
        Request::Watch { epoch, .. } => assert!(epoch.as_ref().is_none_or(|epoch| epoch.len() <= came)),
        Request::Drop { .. } | Request::ListUsers | Request::ListServices => {}
    }
}

/// Granted or refused, the reply is one line and repeats the id as it was written.
fn answered(incoming: &Incoming) {
    let mut replies = [Vec::new(), Vec::new()];
    write_answer(&mut replies[0], &Answer::Kept, "epoch", incoming.id);
    if let Err(refusal) = &incoming.request {
        write_denied(&mut replies[1], &refusal.clone().into(), incoming.id);
    }
    for reply in replies.iter().filter(|reply| !reply.is_empty()) {
        let repeated = decode(only_line(reply)).id.map(|id| id.get().to_owned());
        assert_eq!(repeated.as_deref(), incoming.id.map(|id| id.get()));
    }
}

/// A service understands why it was refused.
fn denied(denied: Denied) {
    const CODES: [Code; 5] = [Code::BadJson, Code::BadRequest, Code::BadName, Code::BadRoom, Code::UnknownOp];
    rules::refusal(&denied.refusal, &CODES);
    let mut reply = Vec::new();
    write_denied(&mut reply, &denied, None);
    assert_eq!(client::decode(only_line(&reply)), Ok(Said::Reply(Err(denied))));
}

/// A line of the registry as a service reads it: what it can say goes there and back.
pub fn replies(input: &[u8]) {
    let Some(said) = arriving(input).and_then(|line| client::decode(line).ok()) else { return };
    let mut again = Vec::new();
    match &said {
        Said::Reply(Err(denied)) => write_denied(&mut again, denied, None),
        Said::Event(event) => write_event(&mut again, event),
        Said::Snapshot { epoch, roster, services } => write_snapshot(&mut again, epoch, roster, services),
        Said::Bookmark { rev } => write_bookmark(&mut again, *rev),
        Said::Bye { retry_after_ms } => write_bye(&mut again, *retry_after_ms),
        // How a granted reply is written hangs on its request, and nobody here writes what is unknown.
        Said::Reply(Ok(_)) | Said::Unknown { .. } => return,
    }
    assert_eq!(client::decode(only_line(&again)), Ok(said));
}
