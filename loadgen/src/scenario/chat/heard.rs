//! Is it one of ours? A message held against the plan.

use crate::payload::{self, Header, Unreadable};
use crate::scenario::Scene;

/// A message as it came.
pub(super) struct Heard<'a> {
    pub(super) room: &'a [u8],
    pub(super) id: u64,
    pub(super) from: &'a [u8],
    pub(super) text: &'a [u8],
}

impl Heard<'_> {
    /// What it says it is, and its operation number, when both the line and the plan agree.
    pub(super) fn recognise(&self, scene: &Scene) -> Result<(Header, u32), Unreadable> {
        let sender = scene.roster.user_named(self.from).ok_or(Unreadable::Foreign)?;
        let header = payload::read(self.text).map_err(|_| Unreadable::Corrupt)?;
        let number = scene.schedule.message(sender, header.sequence).ok_or(Unreadable::Corrupt)?;
        let genuine = header.run == scene.roster.run()
            && header.sender == sender
            && u32::from(header.room) == scene.roster.room_of(sender)
            && header.due == scene.due(number);
        if genuine { Ok((header, number)) } else { Err(Unreadable::Corrupt) }
    }

    /// The number of the room it came in, when that is the receiver's own; of no room otherwise.
    pub(super) fn room_number(&self, scene: &Scene, receiver: u32) -> u32 {
        let own = scene.roster.room_of(receiver);
        if scene.roster.room_name(own).as_bytes() == self.room { own } else { u32::MAX }
    }
}
