//! Who holds which name.

use std::collections::BTreeMap;

use super::UserName;

/// Names and their holders. A name is held under its folded form and under its looks, so that a spelling
/// which is the same by either rule finds the holder.
#[derive(Debug, Clone)]
pub struct NameIndex<H> {
    folded: BTreeMap<Box<str>, H>,
    looks: BTreeMap<Box<str>, H>,
}

impl<H> Default for NameIndex<H> {
    fn default() -> Self {
        NameIndex { folded: BTreeMap::new(), looks: BTreeMap::new() }
    }
}

impl<H: Copy + Eq> NameIndex<H> {
    /// Whoever holds this name or one that is the same. A name that folds like one person's and looks
    /// like another's answers with the first of them.
    pub fn holder(&self, name: &UserName) -> Option<H> {
        self.folded.get(&name.folded()).or_else(|| self.looks.get(&name.skeleton())).copied()
    }

    /// Gives the name to a holder.
    ///
    /// # Errors
    /// The one who has it already.
    pub fn claim(&mut self, name: &UserName, holder: H) -> Result<(), H> {
        match self.holder(name) {
            Some(other) => Err(other),
            None => {
                self.put(name, holder);
                Ok(())
            }
        }
    }

    /// Changes a holder's name in one step; the new one may be the same as the old in another spelling.
    ///
    /// # Errors
    /// Somebody else who has the new name; then the old one is still held.
    pub fn rename(&mut self, old: &UserName, new: &UserName, holder: H) -> Result<(), H> {
        let by_fold = self.folded.get(&new.folded());
        let by_looks = self.looks.get(&new.skeleton());
        if let Some(&other) = [by_fold, by_looks].into_iter().flatten().find(|&&h| h != holder) {
            return Err(other);
        }
        self.release(old);
        self.put(new, holder);
        Ok(())
    }

    /// Frees a name, in the spelling it was claimed in.
    pub fn release(&mut self, name: &UserName) {
        self.folded.remove(&name.folded());
        self.looks.remove(&name.skeleton());
    }

    /// How many names are held.
    pub fn len(&self) -> usize {
        self.folded.len()
    }

    /// Whether nobody holds a name.
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    fn put(&mut self, name: &UserName, holder: H) {
        self.folded.insert(name.folded(), holder);
        self.looks.insert(name.skeleton(), holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(written: &str) -> UserName {
        UserName::parse(written).unwrap()
    }

    #[test]
    fn a_name_has_one_holder_in_every_spelling() {
        let mut index = NameIndex::default();
        index.claim(&name("Bob"), 1).unwrap();
        assert_eq!(index.claim(&name("bob"), 2), Err(1));
        assert_eq!(
            index.claim(&name("ВОВ"), 2),
            Ok(()),
            "Cyrillic capitals look like BOB, and nobody is BOB"
        );
        assert_eq!(index.claim(&name("BOB"), 3), Err(1));
        index.release(&name("Bob"));
        assert_eq!(index.claim(&name("bob"), 4), Ok(()));
    }

    #[test]
    fn one_may_respell_oneself_but_not_take_anothers_looks() {
        let mut index = NameIndex::default();
        index.claim(&name("bob"), 1).unwrap();
        index.claim(&name("user1"), 2).unwrap();
        assert_eq!(index.rename(&name("bob"), &name("BOB"), 1), Ok(()));
        assert_eq!(index.rename(&name("BOB"), &name("userl"), 1), Err(2));
        assert_eq!(index.holder(&name("bob")), Some(1));
        assert_eq!(index.len(), 2);
    }
}
