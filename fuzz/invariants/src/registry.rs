//! The registry: what services ask and what they are told are the same on both ends.

use engine::Code;
use engine::registry::{Answer, Denied, Register, Request};
use serde_json::value::RawValue;
use wire::registry::client::{self, Said, write_request};
use wire::registry::{
    Incoming, OPS, Snapshot, decode, write_answer, write_bookmark, write_bye, write_denied, write_event,
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

/// Granted or refused, the reply is one line, repeats the id as it was written, and adds little to it.
fn answered(incoming: &Incoming) {
    let mut reply = Vec::new();
    match &incoming.request {
        Ok(_) => write_answer(&mut reply, &Answer::Kept { lost: Vec::new() }, "epoch", incoming.id),
        Err(refusal) => write_denied(&mut reply, &refusal.clone().into(), incoming.id),
    }
    let (asked, repeated) = (incoming.id.map(RawValue::get), decode(only_line(&reply)).id.map(RawValue::get));
    assert_eq!(repeated, asked);
    assert!(reply.len() <= 256 + asked.map_or(0, str::len), "{} bytes of reply", reply.len());
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
        Said::Snapshot { epoch, age, roster, services } => {
            let (epoch, roster, services) = (epoch.clone(), roster.clone().into(), services.clone());
            Snapshot::new(epoch, *age, roster, services).write(&mut again);
        }
        Said::Bookmark { rev } => write_bookmark(&mut again, *rev),
        Said::Bye { retry_after_ms } => write_bye(&mut again, *retry_after_ms),
        // How a granted reply is written hangs on its request, and nobody here writes what is unknown.
        Said::Reply(Ok(_)) | Said::Unknown { .. } => return,
    }
    assert_eq!(client::decode(only_line(&again)), Ok(said));
}
