//! Chat: on a whole screen for a person at a terminal, in lines for pipes and scripts.

mod clock;
mod command;
mod events;
mod line;
mod link;
mod model;
mod past;
mod plain;
mod presence;
mod printer;
mod screen;
mod session;
mod window;

use std::time::Duration;

use engine::names::RoomName;
use engine::{Code, Refusal};

use self::model::End;
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome, counted};
use crate::naming::Naming;

pub(crate) use self::link::Link;
pub(crate) use self::past::read as read_past;
pub(crate) use self::plain::{run as run_plain, say, tail};
pub(crate) use self::window::{Taste, run as run_window};

/// Where to chat, and as whom.
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) naming: Naming,
    pub(crate) room: RoomName,
    pub(crate) timeout: Duration,
    pub(crate) json: bool,
}

/// What the end means for whoever asked; `refusal` is one that nobody was shown.
fn verdict(end: End, options: &Options, refusal: Option<Refusal>) -> Outcome {
    let endpoint = &options.endpoint;
    match end {
        End::Done { .. } => refusal.map_or(Ok(()), |refusal| Err(refusal.into())),
        End::Refused(refusal) if refusal.code == Code::NameTaken => {
            Err(Failure::NameTaken(options.naming.name.clone()))
        }
        End::Refused(refusal) => Err(refusal.into()),
        End::NeverIn => Err(endpoint.lost("before the chat began")),
        End::Stranger { problem } => Err(endpoint.garbled(problem)),
        End::Silent => Err(endpoint.no_answer(options.timeout)),
        End::Lost { open: 0 } => Err(endpoint.lost("and did not come back")),
        End::Lost { open } => {
            let lines = counted(open, "line was", "lines were");
            Err(endpoint.lost(format!("and did not come back; {lines} not confirmed")))
        }
    }
}
