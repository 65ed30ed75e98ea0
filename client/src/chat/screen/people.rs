//! Who is in a room.

use std::collections::BTreeMap;

use engine::names::UserName;

/// The others in a room, in the order in which people look for names.
#[derive(Debug, Default)]
pub(super) struct People {
    names: BTreeMap<Box<str>, UserName>,
    /// What the server says when it only counts.
    counted: Option<u32>,
}

impl People {
    pub(super) fn of(members: &[UserName]) -> Self {
        let names = members.iter().map(|name| (name.folded(), name.clone())).collect();
        People { names, counted: None }
    }

    pub(super) fn joined(&mut self, name: &UserName) {
        self.names.insert(name.folded(), name.clone());
    }

    pub(super) fn left(&mut self, name: &UserName) {
        self.names.remove(&name.folded());
    }

    /// True when that was somebody here.
    pub(super) fn renamed(&mut self, name: &UserName, to: &UserName) -> bool {
        let here = self.names.remove(&name.folded()).is_some();
        if here {
            self.joined(to);
        }
        here
    }

    /// In a large room nobody is named who comes or goes.
    pub(super) fn counted(&mut self, count: u32) {
        self.counted = Some(count);
    }

    /// How many are here, with the reader.
    pub(super) fn count(&self) -> u32 {
        let named = u32::try_from(self.names.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.counted.unwrap_or(named)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &UserName> {
        self.names.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_look_for_them() {
        let name = |name| UserName::parse(name).unwrap();
        let mut people = People::of(&["Zoe", "bob", "Alice"].map(name));
        people.joined(&name("carol"));
        people.left(&name("bob"));
        assert!(people.renamed(&name("Zoe"), &name("ann")));
        assert!(!people.renamed(&name("nobody"), &name("somebody")));
        let names: Vec<&str> = people.iter().map(UserName::as_str).collect();
        assert_eq!((names, people.count()), (vec!["Alice", "ann", "carol"], 4));
        people.counted(10_230);
        assert_eq!(people.count(), 10_230);
    }
}
