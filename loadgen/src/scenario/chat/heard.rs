//! Is it one of ours? A message held against the plan.

use super::familiar::Known;
use crate::payload::{self, Unreadable};
use crate::scenario::Scene;

/// A message as it came.
pub(super) struct Heard<'a> {
    pub(super) room: &'a [u8],
    pub(super) id: u64,
    pub(super) from: &'a [u8],
    pub(super) text: &'a [u8],
}

impl Heard<'_> {
    /// What it is, when both the line and the plan say so.
    pub(super) fn recognise(&self, scene: &Scene) -> Result<Known, Unreadable> {
        let sender = scene.roster.user_named(self.from).ok_or(Unreadable::Foreign)?;
        let header = payload::read(self.text).map_err(|_| Unreadable::Corrupt)?;
        let number = scene.schedule.message(sender, header.sequence).ok_or(Unreadable::Corrupt)?;
        let own = scene.roster.room_of(sender);
        let genuine = header.run == scene.roster.run()
            && header.sender == sender
            && u32::from(header.room) == own
            && header.due == scene.due(number);
        if !genuine {
            return Err(Unreadable::Corrupt);
        }
        let is_home = scene.roster.room_name(own).as_bytes() == self.room;
        let room = if is_home { own } else { u32::MAX };
        Ok(Known { room, id: self.id, sender, sequence: header.sequence, number, due: header.due })
    }
}
