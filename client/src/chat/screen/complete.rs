//! What a Tab makes of the beginning of a word.

use std::collections::HashSet;

use super::commands::NAMES;

/// What words there are.
pub(super) struct Words<'a> {
    /// Names in the talk that one looks at, the likeliest first.
    pub(super) here: Vec<&'a str>,
    /// Names in all talks.
    pub(super) everywhere: Vec<&'a str>,
    /// Rooms one is in.
    pub(super) own_rooms: Vec<&'a str>,
    /// Rooms one is not in.
    pub(super) other_rooms: Vec<&'a str>,
}

/// A word that is being completed: Tab goes through what it can become.
#[derive(Debug)]
pub(super) struct Completion {
    /// Where the word begins, in bytes.
    start: usize,
    options: Vec<String>,
    at: usize,
}

impl Completion {
    /// Looks for what the word in front of the cursor can become; `None` when that is nothing.
    pub(super) fn begin(line: &str, cursor: usize, words: &Words<'_>) -> Option<Self> {
        let before = &line[..cursor];
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let options = options(before, start, words);
        (!options.is_empty()).then_some(Completion { start, options, at: 0 })
    }

    /// The text for the word's place, and where that begins.
    pub(super) fn shown(&self) -> (usize, &str) {
        (self.start, &self.options[self.at])
    }

    /// Whether there is nothing else to go to.
    pub(super) fn is_settled(&self) -> bool {
        self.options.len() == 1
    }

    /// Goes to the next option, or to the one before.
    pub(super) fn step(&mut self, forward: bool) {
        let count = self.options.len();
        self.at = (self.at + if forward { 1 } else { count - 1 }) % count;
    }
}

fn options(before: &str, start: usize, words: &Words<'_>) -> Vec<String> {
    let word = &before[start..];
    let room = word.trim_start_matches('#');
    let (own, other) = (&words.own_rooms, &words.other_rooms);
    match before[..start].split_whitespace().next() {
        None if word.starts_with('/') => matching([NAMES], word, " "),
        None if !word.is_empty() => matching([&words.here], word, ": "),
        // Nobody goes where they are already, but one may look at it.
        Some("/join") => matching([other, own], room, " "),
        Some("/leave" | "/part" | "/close") => matching([own], room, " "),
        Some("/who") => matching([own, other], room, " "),
        Some("/msg" | "/query") if before[..start].split_whitespace().count() == 1 => {
            matching([&words.here, &words.everywhere], word, " ")
        }
        _ if word.is_empty() => Vec::new(),
        _ => match word.strip_prefix('@') {
            Some(name) => {
                let names = matching([&words.here], name, " ");
                names.into_iter().map(|name| format!("@{name}")).collect()
            }
            None => matching([&words.here], word, " "),
        },
    }
}

/// Those that begin like the word, in any case, each once and with what follows it.
fn matching<const N: usize>(all: [&[&str]; N], word: &str, behind: &str) -> Vec<String> {
    let word = word.to_lowercase();
    let mut seen = HashSet::new();
    let all = all.into_iter().flatten().copied();
    all.filter(|one| one.to_lowercase().starts_with(&word) && seen.insert(*one))
        .map(|one| format!("{one}{behind}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options_for(before: &str) -> Vec<String> {
        let words = Words {
            here: vec!["bob", "Alice", "albert", "bob"],
            everywhere: vec!["bob", "brenda"],
            own_rooms: vec!["lobby"],
            other_rooms: vec!["dev", "dogs"],
        };
        Completion::begin(before, before.len(), &words).map_or(Vec::new(), |found| found.options)
    }

    #[test]
    fn each_place_has_its_words() {
        for (before, wanted) in [
            ("al", vec!["Alice: ", "albert: "]),
            ("hello al", vec!["Alice ", "albert "]),
            ("hello @b", vec!["@bob "]),
            ("/j", vec!["/join "]),
            ("/join ", vec!["dev ", "dogs ", "lobby "]),
            ("/join #d", vec!["dev ", "dogs "]),
            ("/leave ", vec!["lobby "]),
            ("/part l", vec!["lobby "]),
            ("/cl", vec!["/clear ", "/close "]),
            ("/who ", vec!["lobby ", "dev ", "dogs "]),
            ("/msg b", vec!["bob ", "brenda "]),
            ("b", vec!["bob: "]),
            ("/msg bob al", vec!["Alice ", "albert "]),
            ("", vec![]),
            ("hello ", vec![]),
            ("zz", vec![]),
        ] {
            assert_eq!(options_for(before), wanted, "{before}");
        }
    }

    #[test]
    fn tab_goes_round() {
        let here = vec!["ann", "anna"];
        let words = Words { here, everywhere: vec![], own_rooms: vec![], other_rooms: vec![] };
        let mut found = Completion::begin("hi an", 5, &words).unwrap();
        assert_eq!(found.shown(), (3, "ann "));
        found.step(true);
        assert_eq!(found.shown(), (3, "anna "));
        found.step(true);
        assert_eq!(found.shown(), (3, "ann "));
        found.step(false);
        assert_eq!(found.shown(), (3, "anna "));
    }
}
