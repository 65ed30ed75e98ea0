//! What the server answers.

use engine::names::UserName;
use engine::registry::{Answer, Denied};
use serde::Serialize;
use serde_json::value::RawValue;

use super::listing::{self, ServiceLine, UserLine};
use super::write_line;

/// A granted reply: `{"ok":true,…}`. Absent fields are not written.
#[derive(Default, Serialize)]
struct Granted<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<UserLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<Vec<ServiceLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
}

/// A refused reply: `{"ok":false,"code":…,"message":…}`.
#[derive(Serialize)]
struct Refused<'a> {
    ok: bool,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
}

/// Appends the reply to a request that was granted.
pub fn write_answer(out: &mut Vec<u8>, answer: &Answer, epoch: &str, id: Option<&RawValue>) {
    let plain = Granted { ok: true, id, ..Granted::default() };
    let epoch = Some(epoch);
    let reply = match answer {
        Answer::Registered { lease, ttl_ms, rev, .. } => {
            Granted { lease: Some(*lease), ttl_ms: Some(*ttl_ms), rev: Some(*rev), epoch, ..plain }
        }
        Answer::Kept { lost } => {
            let lost: Vec<_> = lost.iter().map(UserName::as_str).collect();
            Granted { lost: Some(lost).filter(|lost| !lost.is_empty()), ..plain }
        }
        Answer::Granted { rev, generation } => {
            Granted { rev: Some(*rev), generation: Some(*generation), ..plain }
        }
        Answer::Gone { rev } => Granted { rev: Some(*rev), ..plain },
        Answer::Users(roster) => {
            Granted { rev: Some(roster.rev), epoch, users: Some(listing::users(roster)), ..plain }
        }
        Answer::Services { rev, services } => {
            Granted { rev: Some(*rev), epoch, services: Some(listing::services(services)), ..plain }
        }
        Answer::Watching { rev, .. } => Granted { rev: Some(*rev), epoch, ..plain },
    };
    write_line(out, &reply);
}

/// Appends the reply to a request, or to a line, that was refused.
pub fn write_denied(out: &mut Vec<u8>, denied: &Denied, id: Option<&RawValue>) {
    let Denied { refusal, holder } = denied;
    let holder = holder.as_ref().map(|label| label.as_str());
    write_line(out, &Refused { ok: false, code: refusal.code.as_str(), message: &refusal.words, holder, id });
}
