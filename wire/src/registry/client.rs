//! The client's direction: requests out, replies and events in.

use std::sync::Arc;

use engine::names::UserName;
use engine::registry::{Denied, Event, Label, Register, Request, Roster, ServiceReport};
use engine::{Code, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::{ByeLine, EventLine};
use super::listing::{self, ServiceLine};
use super::write_line;

/// A line of the server that makes no sense; says what was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the registry's line can't be read: {0}")]
pub struct Garbled(pub(super) &'static str);

impl Garbled {
    /// A reply lacks the revision that its request always gets.
    pub const REV: Garbled = Garbled("a revision");
    /// A register was granted without a lease.
    pub const LEASE: Garbled = Garbled("a lease");
}

impl From<Refusal> for Garbled {
    fn from(_: Refusal) -> Self {
        Garbled("a name")
    }
}

/// One line of the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// To a request; replies come in the order of the requests.
    Reply(Result<Reply, Denied>),
    /// One change.
    Event(Event),
    /// Everything at one revision, instead of events.
    Snapshot {
        /// The run of the registry that its revisions are of.
        epoch: Arc<str>,
        /// For how many milliseconds that run has lasted; 0 when the registry does not say.
        age: u64,
        /// Everybody and every service.
        roster: Roster,
        /// The services with their figures.
        services: Vec<ServiceReport>,
    },
    /// Everything up to this revision has been told.
    Bookmark {
        /// That revision.
        rev: u64,
    },
    /// The registry goes away: its last line.
    Bye {
        /// After how many milliseconds it asks to be tried again; each peer is told another.
        retry_after_ms: u64,
    },
    /// An event of a later version, with its revision.
    Unknown {
        /// That revision.
        rev: u64,
    },
}

/// A granted reply: what there is of it depends on the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The lease that a register granted.
    pub lease: Option<u64>,
    /// Its time to live in milliseconds.
    pub ttl_ms: Option<u64>,
    /// The registry's revision.
    pub rev: Option<u64>,
    /// The registry's run.
    pub epoch: Option<Arc<str>>,
    /// The services of a listing.
    pub services: Option<Vec<ServiceReport>>,
    /// Names that an older claim has taken from the lease, as a keepalive tells.
    pub lost: Vec<UserName>,
}

#[derive(Deserialize)]
struct ReplyLine {
    ok: bool,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    holder: Option<String>,
    lease: Option<u64>,
    ttl_ms: Option<u64>,
    rev: Option<u64>,
    epoch: Option<String>,
    services: Option<Vec<ServiceLine>>,
    #[serde(default)]
    lost: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ServerLine {
    Event(Box<EventLine>),
    Reply(Box<ReplyLine>),
    Bye(ByeLine),
}

/// Reads a line of the server, without its end.
///
/// # Errors
/// [`Garbled`].
pub fn decode(line: &str) -> Result<Said, Garbled> {
    match serde_json::from_str(line).map_err(|_| Garbled("a reply or an event"))? {
        ServerLine::Event(line) => event(*line),
        ServerLine::Reply(line) => Ok(Said::Reply(reply(*line)?)),
        ServerLine::Bye(line) => Ok(Said::Bye { retry_after_ms: line.retry_after_ms }),
    }
}

fn event(mut line: EventLine) -> Result<Said, Garbled> {
    let rev = line.rev;
    match line.event.as_str() {
        "bookmark" => return Ok(Said::Bookmark { rev }),
        "snapshot" => {
            let services = reports(line.services.take().unwrap_or_default())?;
            let roster = listing::roster(rev, line.users.take().unwrap_or_default(), &services)?;
            let epoch = line.epoch.ok_or(Garbled("a snapshot's epoch"))?.into();
            return Ok(Said::Snapshot { epoch, age: line.age_ms.unwrap_or(0), roster, services });
        }
        _ => {}
    }
    Ok(match line.change()? {
        Some(change) => Said::Event(Event { rev, change }),
        None => Said::Unknown { rev },
    })
}

fn reply(line: ReplyLine) -> Result<Result<Reply, Denied>, Garbled> {
    if !line.ok {
        let code = Code::ALL.iter().copied().find(|code| code.as_str() == line.code);
        let refusal = Refusal::new(code.unwrap_or(Code::Unavailable), line.message);
        let holder = line.holder.as_deref().map(Label::parse).transpose()?;
        return Ok(Err(Denied { refusal, holder }));
    }
    Ok(Ok(Reply {
        lease: line.lease,
        ttl_ms: line.ttl_ms,
        rev: line.rev,
        epoch: line.epoch.map(Into::into),
        services: line.services.map(reports).transpose()?,
        lost: line.lost.iter().map(|name| UserName::parse(name)).collect::<Result<_, _>>()?,
    }))
}

fn reports(lines: Vec<ServiceLine>) -> Result<Vec<ServiceReport>, Garbled> {
    lines.into_iter().map(ServiceLine::read).collect()
}

/// A request's line. Absent fields are not written.
#[derive(Default, Serialize)]
struct RequestLine<'a> {
    op: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "listing::is_false")]
    hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Map<String, Value>>,
}

/// Appends a request.
pub fn write_request(out: &mut Vec<u8>, request: &Request) {
    write_line(out, &line(request));
}

fn line(request: &Request) -> RequestLine<'_> {
    let op = |op| RequestLine { op, ..RequestLine::default() };
    match request {
        Request::Register(register) => RequestLine { op: "register", ..self::register(register) },
        Request::Keepalive { lease, stats } => {
            let stats = stats.as_deref().map(listing::object);
            RequestLine { lease: Some(*lease), stats, ..op("keepalive") }
        }
        Request::Join { lease, user, room, hold, age } => {
            let (user, room) = (Some(user.as_str()), Some(room.as_str()));
            RequestLine { lease: Some(*lease), user, room, hold: *hold, age_ms: old(*age), ..op("join") }
        }
        Request::Hold { lease, user, age } => {
            RequestLine { lease: Some(*lease), user: Some(user.as_str()), age_ms: old(*age), ..op("hold") }
        }
        Request::Leave { lease, user, room } => {
            let (user, room) = (Some(user.as_str()), Some(room.as_str()));
            RequestLine { lease: Some(*lease), user, room, ..op("leave") }
        }
        Request::Release { lease, user } => {
            RequestLine { lease: Some(*lease), user: Some(user.as_str()), ..op("release") }
        }
        Request::Rename { lease, user, to } => {
            let (user, to) = (Some(user.as_str()), Some(to.as_str()));
            RequestLine { lease: Some(*lease), user, to, ..op("rename") }
        }
        Request::Drop { lease } => RequestLine { lease: Some(*lease), ..op("drop") },
        Request::ListUsers => RequestLine { what: Some("users"), ..op("list") },
        Request::ListServices => RequestLine { what: Some("services"), ..op("list") },
        Request::Watch { epoch, since } => {
            RequestLine { epoch: epoch.as_deref(), since: *since, ..op("watch") }
        }
    }
}

/// An age that is worth a word.
fn old(age: u64) -> Option<u64> {
    Some(age).filter(|&age| age > 0)
}

fn register(register: &Register) -> RequestLine<'_> {
    RequestLine {
        lease: register.lease,
        service: Some(register.service.as_str()),
        instance: Some(register.instance.as_str()),
        addr: Some(register.addr.as_str()),
        ttl_ms: register.ttl_ms,
        meta: Some(listing::object(&register.meta)),
        ..RequestLine::default()
    }
}
