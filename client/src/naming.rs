//! What a person is called who did not say.

use engine::names::UserName;

/// A name and whether its owner asked for it: one that nobody asked for may be changed when it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Naming {
    pub(crate) name: UserName,
    pub(crate) chosen: bool,
}

impl Naming {
    /// A name that somebody typed.
    pub(crate) fn chosen(name: UserName) -> Self {
        Naming { name, chosen: true }
    }

    /// A name that somebody had the last time.
    pub(crate) fn remembered(name: UserName) -> Self {
        Naming { name, chosen: false }
    }

    /// The name one has at this machine, or a guest's.
    pub(crate) fn of_this_login() -> Self {
        let login = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|var| std::env::var(var).ok());
        let name = login.as_deref().and_then(make_valid).unwrap_or_else(|| guest(rand::random()));
        Naming { name, chosen: false }
    }
}

/// The login name with everything left out that a user name can't hold; `None` when nothing is left.
fn make_valid(login: &str) -> Option<UserName> {
    // Windows domains and mail addresses: the person is the part that names the person.
    let person = login.rsplit('\\').next().unwrap_or(login);
    let person = person.split('@').next().unwrap_or(person);
    let fits = |c: &char| UserName::parse(&format!("_{c}")).is_ok();
    let kept: String = person.chars().filter(fits).take(UserName::MAX_CHARS).collect();
    UserName::parse(kept.trim_start_matches(['-', '.'])).ok()
}

/// `guest-3f2a`.
pub(crate) fn guest(dice: u16) -> UserName {
    UserName::parse(&format!("guest-{dice:04x}")).expect("letters, a hyphen and digits are a name")
}

/// The name with four digits behind it, for when it is taken: `alice-3f2a`.
pub(crate) fn beside(name: &UserName, dice: u16) -> UserName {
    let room = UserName::MAX_CHARS - "-3f2a".len();
    let stem: String = name.as_str().chars().take(room).collect();
    UserName::parse(&format!("{stem}-{dice:04x}")).unwrap_or_else(|_| guest(dice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_become_names() {
        for (login, name) in [
            ("alice", Some("alice")),
            ("DOMAIN\\alice", Some("alice")),
            ("alice@example.org", Some("alice")),
            ("Al Ice", Some("AlIce")),
            (".hidden", Some("hidden")),
            ("root\u{1b}[2J", Some("root2J")),
            ("$$$", None),
            ("", None),
        ] {
            assert_eq!(make_valid(login).as_ref().map(UserName::as_str), name, "{login:?}");
        }
        assert_eq!(make_valid(&"x".repeat(99)).unwrap().as_str().len(), 32);
    }

    #[test]
    fn a_name_that_is_taken_gets_digits() {
        let alice = UserName::parse("alice").unwrap();
        assert_eq!(beside(&alice, 0x3f2a).as_str(), "alice-3f2a");
        let long = UserName::parse(&"x".repeat(32)).unwrap();
        assert_eq!(beside(&long, 1).as_str().len(), 32);
        assert_eq!(guest(7).as_str(), "guest-0007");
    }
}
