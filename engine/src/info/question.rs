//! What can be asked.

/// One request, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'a> {
    /// How the whole stack is.
    Status,
    /// What time it is.
    Time,
    /// Who is here, after a name.
    Users {
        /// The last name that the asker has; from the first one on when there is none.
        after: Option<&'a str>,
    },
    /// Which rooms there are, after a name.
    Rooms {
        /// The last room that the asker has, without `#`.
        after: Option<&'a str>,
    },
    /// Which services there are, after an instance's name.
    Services {
        /// The last instance that the asker has.
        after: Option<&'a str>,
    },
    /// The same words back.
    Ping(&'a str),
    /// Anything else; the answer tells what can be asked.
    Unknown,
}

/// A question without its arguments: the label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Question::Status`]
    Status,
    /// [`Question::Time`]
    Time,
    /// [`Question::Users`]
    Users,
    /// [`Question::Rooms`]
    Rooms,
    /// [`Question::Services`]
    Services,
    /// [`Question::Ping`]
    Ping,
    /// [`Question::Unknown`]
    Unknown,
}

impl Kind {
    /// Every kind, in the order of their declaration: `ALL[kind as usize] == kind`.
    pub const ALL: [Kind; 7] =
        [Kind::Status, Kind::Time, Kind::Users, Kind::Rooms, Kind::Services, Kind::Ping, Kind::Unknown];

    /// The kind in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Status => "status",
            Kind::Time => "time",
            Kind::Users => "users",
            Kind::Rooms => "rooms",
            Kind::Services => "services",
            Kind::Ping => "ping",
            Kind::Unknown => "unknown",
        }
    }
}

impl Question<'_> {
    /// The question without its arguments.
    pub fn kind(&self) -> Kind {
        match self {
            Question::Status => Kind::Status,
            Question::Time => Kind::Time,
            Question::Users { .. } => Kind::Users,
            Question::Rooms { .. } => Kind::Rooms,
            Question::Services { .. } => Kind::Services,
            Question::Ping(_) => Kind::Ping,
            Question::Unknown => Kind::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_its_place_in_the_list() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at, "{}", kind.as_str());
        }
        assert_eq!(Question::Ping("x").kind(), Kind::Ping);
    }
}
