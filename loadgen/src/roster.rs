//! Who the users of a run are, and which room each of them is in.

/// The users of one run, numbered from 0 and dealt out over its rooms like cards.
///
/// Names hold the run's own number, so that two runs neither take each other's names nor hear each other.
#[derive(Debug)]
pub struct Roster {
    run: u32,
    users: u32,
    /// So many of them, the first ones, are accounted for; the others read slowly on purpose.
    attentive: u32,
    rooms: u32,
    name_prefix: String,
    room_names: Vec<String>,
}

impl Roster {
    /// Deals `users` out over `rooms`; the last `slow` of them read slowly.
    pub fn new(run: u32, users: u32, slow: u32, rooms: u32) -> Self {
        let name_prefix = format!("l{run:08x}-");
        let room_names = (0..rooms).map(|room| format!("load-{run:08x}-{room}")).collect();
        Roster { run, users, attentive: users - slow, rooms, name_prefix, room_names }
    }

    /// The run's number.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// How many users there are.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// How many rooms there are.
    pub fn rooms(&self) -> u32 {
        self.rooms
    }

    /// The room a user is in.
    pub fn room_of(&self, user: u32) -> u32 {
        user % self.rooms
    }

    /// A user's place among the members of its room.
    pub fn place_of(&self, user: u32) -> u32 {
        user / self.rooms
    }

    /// Everybody in a room who is accounted for.
    pub fn members(&self, room: u32) -> impl Iterator<Item = u32> + use<> {
        (room..self.attentive).step_by(self.rooms as usize)
    }

    /// How many in a room are accounted for.
    pub fn size(&self, room: u32) -> u32 {
        self.attentive.saturating_sub(room).div_ceil(self.rooms)
    }

    /// Whether a user reads slowly on purpose, so that nothing is owed to it.
    pub fn is_slow(&self, user: u32) -> bool {
        user >= self.attentive
    }

    /// To how many a speaker's message is owed: everybody in the room but itself.
    pub fn audience(&self, user: u32) -> u32 {
        self.size(self.room_of(user)) - 1
    }

    /// A user's name.
    pub fn user_name(&self, user: u32) -> String {
        format!("{}{user}", self.name_prefix)
    }

    /// A room's name.
    pub fn room_name(&self, room: u32) -> &str {
        &self.room_names[room as usize]
    }

    /// Whose name this is; `None` when it is nobody's of this run.
    pub fn user_named(&self, name: &[u8]) -> Option<u32> {
        let number = name.strip_prefix(self.name_prefix.as_bytes())?;
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        (number < self.users).then_some(number)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `users` in `rooms`.
    pub(crate) fn roster(users: u32, rooms: u32) -> Roster {
        Roster::new(0xbeef, users, 0, rooms)
    }

    #[test]
    fn slow_readers_are_in_a_room_and_owed_nothing() {
        let roster = Roster::new(1, 7, 2, 3);
        let rooms: Vec<Vec<u32>> = (0..3).map(|room| roster.members(room).collect()).collect();
        assert_eq!(rooms, [vec![0, 3], vec![1, 4], vec![2]]);
        assert_eq!([0, 1, 2].map(|room| roster.size(room)), [2, 2, 1]);
        assert_eq!((roster.room_of(5), roster.is_slow(5), roster.is_slow(4)), (2, true, false));
    }

    #[test]
    fn everybody_is_in_one_room() {
        let roster = roster(7, 3);
        let rooms: Vec<Vec<u32>> = (0..3).map(|room| roster.members(room).collect()).collect();
        assert_eq!(rooms, [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
        for room in 0..3 {
            let members: Vec<u32> = roster.members(room).collect();
            assert_eq!(roster.size(room) as usize, members.len());
            assert!(members.iter().all(|&user| roster.room_of(user) == room));
            assert!((0..).zip(&members).all(|(place, &user)| roster.place_of(user) == place));
        }
        assert_eq!(roster.audience(0), 2);
    }

    #[test]
    fn names_are_the_runs_own() {
        let roster = roster(7, 3);
        assert_eq!(roster.user_name(6), "l0000beef-6");
        assert_eq!(roster.room_name(2), "load-0000beef-2");
        assert_eq!(roster.user_named(b"l0000beef-6"), Some(6));
        for other in ["l0000beef-7", "l0000beee-6", "l0000beef-", "l0000beef-x", "alice", ""] {
            assert_eq!(roster.user_named(other.as_bytes()), None, "{other}");
        }
    }
}
