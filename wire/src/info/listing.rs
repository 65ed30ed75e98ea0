//! A list that is told in pages, by name.

use serde::Serialize;

use super::{MAX_REPLY, say};

/// What an entry and, behind it, its name may take together, so that a page's frame still fits around them.
const MAX_ENTRY: usize = 1_100;

/// A list whose entries are encoded once, next to each other, so that a page is one copy out of it
/// however long the list is.
///
/// Pages go by name, not by number: whoever comes or goes between two of them shifts nothing.
#[derive(Debug)]
pub(super) struct Listing {
    /// `{"users":[`
    opening: String,
    /// Every entry's JSON with a comma behind it.
    entries: String,
    /// Where each entry ends in `entries`, its comma included.
    ends: Vec<usize>,
    /// Every entry's name.
    names: Vec<Box<str>>,
    /// `],"total":2,"next":`
    closing: String,
    /// `,"rev":7}`
    end: String,
    /// What stands behind the last entry: `],"total":2,"next":null,"rev":7}`
    last: String,
    first: Vec<u8>,
}

/// What is told beside the entries of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    /// What it is a list of; its field in JSON.
    pub(super) what: &'static str,
    /// How many entries there are.
    pub(super) total: u64,
    /// The revision it is of.
    pub(super) rev: u64,
}

impl Listing {
    /// A list of names and what is told of each, sorted by name, no name twice.
    pub(super) fn new<'a, T: Serialize>(
        about: About,
        entries: impl IntoIterator<Item = (&'a str, T)>,
    ) -> Self {
        let closing = format!(r#"],"total":{},"next":"#, about.total);
        let end = format!(r#","rev":{}}}"#, about.rev);
        let mut listing = Listing {
            opening: format!(r#"{{"{}":["#, about.what),
            entries: String::new(),
            ends: Vec::new(),
            names: Vec::new(),
            last: format!("{closing}null{end}"),
            closing,
            end,
            first: Vec::new(),
        };
        for (name, entry) in entries {
            listing.push(name, &say::json(&entry));
        }
        let mut first = Vec::new();
        listing.write_page(0, &mut first);
        listing.first = first;
        listing
    }

    /// A list that tells how many there are, and nobody.
    pub(super) fn counted(about: About) -> Self {
        Listing::new(about, std::iter::empty::<(&str, ())>())
    }

    /// The page after a name; `space` holds it where it is not the first one.
    pub(super) fn page<'a>(&'a self, after: Option<&str>, space: &'a mut Vec<u8>) -> &'a [u8] {
        let Some(after) = after else { return &self.first };
        self.write_page(self.behind(after), space);
        space
    }

    /// All that stands behind a name, in pieces to be written one after the other.
    pub(super) fn whole(&self, after: Option<&str>) -> [&[u8]; 3] {
        let from = after.map_or(0, |after| self.start(self.behind(after)));
        let entries = &self.entries[from..];
        let entries = entries.strip_suffix(',').unwrap_or_default();
        [self.opening.as_bytes(), entries.as_bytes(), self.last.as_bytes()]
    }

    /// The first entry behind a name, which need not be there any more.
    fn behind(&self, after: &str) -> usize {
        self.names.partition_point(|name| **name <= *after)
    }

    fn push(&mut self, name: &str, entry: &str) {
        if fits_a_page(name, entry) {
            self.entries.push_str(entry);
            self.entries.push(',');
            self.ends.push(self.entries.len());
            self.names.push(name.into());
        }
    }

    /// Writes the page that begins at an entry. How long its closing is depends on where it ends, so it
    /// ends at the last entry where both fit.
    fn write_page(&self, from: usize, page: &mut Vec<u8>) {
        page.clear();
        page.extend_from_slice(self.opening.as_bytes());
        let body = page.len();
        for until in (from..=self.furthest(from)).rev() {
            page.truncate(body);
            self.write_rest(from, until, page);
            if page.len() <= MAX_REPLY {
                return;
            }
        }
    }

    fn write_rest(&self, from: usize, until: usize, page: &mut Vec<u8>) {
        let entries = &self.entries[self.start(from)..self.start(until)];
        page.extend_from_slice(entries.strip_suffix(',').unwrap_or_default().as_bytes());
        page.extend_from_slice(self.closing.as_bytes());
        let more = until < self.names.len();
        let next = until.checked_sub(1).filter(|_| more).map(|last| &self.names[last]);
        serde_json::to_writer(&mut *page, &next).expect("a name always has a JSON form");
        page.extend_from_slice(self.end.as_bytes());
    }

    /// Where a page that begins at an entry would end if its closing named a name of one letter.
    fn furthest(&self, from: usize) -> usize {
        const SHORTEST: usize = r#""a""#.len();
        let frame = self.opening.len() + self.closing.len() + SHORTEST + self.end.len();
        let room = self.start(from) + MAX_REPLY + 1 - frame;
        from + self.ends[from..].partition_point(|end| *end <= room)
    }

    fn start(&self, entry: usize) -> usize {
        entry.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

/// Whether a page can hold the entry and end with it. What can't be told is still counted. A name in JSON
/// is never longer than the entry that it is part of, so for most entries their length is enough to know.
fn fits_a_page(name: &str, entry: &str) -> bool {
    entry.len() <= MAX_ENTRY / 2 || entry.len() + say::json(&name).len() <= MAX_ENTRY
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const USERS: About = About { what: "users", total: 2, rev: 7 };

    fn users<'a>(names: impl IntoIterator<Item = &'a str>) -> Listing {
        Listing::new(USERS, names.into_iter().map(|name| (name, name)))
    }

    fn page(listing: &Listing, after: Option<&str>) -> String {
        let mut space = b"what stood here before".to_vec();
        String::from_utf8(listing.page(after, &mut space).to_vec()).unwrap()
    }

    /// Follows `next` to the end and returns every name told, and on how many pages.
    fn walk(listing: &Listing) -> (Vec<String>, usize) {
        let (mut told, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let text = page(listing, after.as_deref());
            assert!(text.len() <= MAX_REPLY, "{} bytes", text.len());
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            told.extend(body["users"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().into()));
            pages += 1;
            after = body["next"].as_str().map(str::to_owned);
            if after.is_none() {
                return (told, pages);
            }
        }
    }

    #[test]
    fn golden_pages() {
        let both = users(["alice", "bob"]);
        assert_eq!(page(&both, None), r#"{"users":["alice","bob"],"total":2,"next":null,"rev":7}"#);
        assert_eq!(page(&both, Some("alice")), r#"{"users":["bob"],"total":2,"next":null,"rev":7}"#);
        assert_eq!(page(&both, Some("alicf")), r#"{"users":["bob"],"total":2,"next":null,"rev":7}"#);
        assert_eq!(page(&both, Some("bob")), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
        let counted = Listing::counted(USERS);
        assert_eq!(page(&counted, None), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
        assert_eq!(page(&counted, Some("a")), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
    }

    #[test]
    fn golden_wholes() {
        let whole = |listing: &Listing, after| String::from_utf8(listing.whole(after).concat()).unwrap();
        let both = users(["alice", "bob"]);
        assert_eq!(whole(&both, None), r#"{"users":["alice","bob"],"total":2,"next":null,"rev":7}"#);
        assert_eq!(whole(&both, Some("alice")), r#"{"users":["bob"],"total":2,"next":null,"rev":7}"#);
        assert_eq!(whole(&both, Some("z")), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
        assert_eq!(whole(&Listing::counted(USERS), None), r#"{"users":[],"total":2,"next":null,"rev":7}"#);
    }

    #[test]
    fn a_hundred_thousand_names_are_told_once_each_on_full_pages() {
        let names: Vec<String> = (0..100_000).map(|n| format!("user{n:06}")).collect();
        let listing = users(names.iter().map(String::as_str));
        let (told, pages) = walk(&listing);
        assert_eq!(told, names);
        assert_eq!(pages, 100_000usize.div_ceil(88), "88 names of 13 bytes with their commas on each");
        let whole: serde_json::Value = serde_json::from_slice(&listing.whole(None).concat()).unwrap();
        assert_eq!(whole["users"].as_array().unwrap().len(), names.len());
    }

    #[test]
    fn what_no_page_holds_is_counted_and_not_told() {
        let huge = "h".repeat(600);
        let (told, _) = walk(&users(["a", &huge, "z"]));
        assert_eq!(told, ["a", "z"]);
        assert!(page(&users([huge.as_str()]), None).contains(r#""total":2"#));
    }

    /// The listing that a reader happens to meet differs from page to page.
    #[test]
    fn a_hundred_thousand_who_stay_are_told_once_while_others_come_and_go() {
        let stay: Vec<String> = (0..100_000).map(|n| format!("user{n:06}")).collect();
        let met = ["", "a", "b"].map(|guest| {
            let guests =
                (0..5_000).map(|n| format!("user{:06}{guest}", n * 20)).filter(|_| !guest.is_empty());
            let here: BTreeSet<String> = stay.iter().cloned().chain(guests).collect();
            users(here.iter().map(String::as_str))
        });
        let (mut told, mut after) = (Vec::new(), None::<String>);
        for listing in met.iter().cycle() {
            let body: serde_json::Value = serde_json::from_str(&page(listing, after.as_deref())).unwrap();
            told.extend(body["users"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()));
            after = body["next"].as_str().map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        assert!(told.is_sorted_by(|one, next| one < next), "nobody twice, guests included");
        told.retain(|name| name.len() == "user000000".len());
        assert_eq!(told, stay);
    }

    proptest! {
        // Each case encodes hundreds of entries.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn every_name_once_whatever_the_names(names in proptest::collection::btree_set("\\PC{1,60}", 0..60)) {
            let listing = users(names.iter().map(String::as_str));
            let (told, _) = walk(&listing);
            prop_assert_eq!(told, names.iter().cloned().collect::<Vec<_>>());
        }

        /// People come and go while somebody reads: who was there all the time is told exactly once.
        #[test]
        fn who_stays_is_told_once_while_others_come_and_go(
            stay in proptest::collection::btree_set("[a-z]{8,20}", 1..150),
            guests in proptest::collection::vec(proptest::collection::btree_set("[a-z]{8,20}", 0..60), 1..6),
        ) {
            let mut guests = guests.iter().cycle();
            let (mut told, mut after) = (Vec::new(), None::<String>);
            loop {
                let now: BTreeSet<_> = stay.iter().chain(guests.next().unwrap()).map(String::as_str).collect();
                let text = page(&users(now), after.as_deref());
                let body: serde_json::Value = serde_json::from_str(&text).unwrap();
                told.extend(body["users"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()));
                after = body["next"].as_str().map(str::to_owned);
                if after.is_none() { break }
            }
            told.retain(|name| stay.contains(name));
            prop_assert_eq!(told, stay.into_iter().collect::<Vec<_>>());
        }
    }
}
