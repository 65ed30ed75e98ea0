//! Names that are none, over the wire: refused by every verb, and nothing comes of them.

use super::*;

/// Each breaks a rule of [`engine::file::FileName`]; what can't stand in a line is not among them.
const BAD: [&str; 44] = [
    "/",
    "/etc/passwd",
    "//a",
    "a//b",
    "a/",
    "a/b/",
    ".",
    "..",
    "../x",
    "./x",
    "a/..",
    "a/.",
    "a/../b",
    "a/../../x",
    "a/./b",
    "folder/../../outside",
    ".tmp",
    ".ssh/id",
    "a/.b",
    "...",
    "..a",
    ".parlance-upload-0",
    ".parlance-partial-0",
    "a\0",
    "\0",
    "a\0.txt",
    "a\tb",
    "a\rb",
    "\u{1b}[2J",
    "a\u{7f}",
    "a\u{85}b",
    "a\u{9b}31m",
    "\u{1}",
    "..\\x",
    "C:\\x",
    "\\\\srv\\s",
    "a\u{61c}",
    "a\u{200e}",
    "\u{202a}a",
    "\u{202e}txt.exe",
    "a\u{2066}",
    "a\u{2044}b",
    "..\u{2215}x",
    "..\u{ff0f}x",
];

#[tokio::test]
async fn a_bad_name_is_refused_by_every_verb_and_leaves_nothing() {
    let house = House::new();
    house.put("folder/a", b"abc");
    let too_long = ["n".repeat(256), "é".repeat(128), "d/".repeat(128)];
    let names: Vec<&str> = BAD.into_iter().chain(too_long.iter().map(String::as_str)).chain([""]).collect();
    for name in &names {
        let mut sent = upload(name, b"LIST\n12");
        for verb in ["DOWNLOAD", "STAT", "DELETE", "RANGE 0 1"] {
            sent.extend_from_slice(format!("{verb} {name}\n").as_bytes());
        }
        sent.extend_from_slice(format!("RESUME 7 {} {name}\nSTAT folder/a\n", hash(b"1234567")).as_bytes());
        let (heard, ended) = house.exchange(&sent).await;
        let heard = String::from_utf8(heard).unwrap();
        let refused = heard.lines().take_while(|line| line.starts_with("ERROR:bad_name ")).count();
        assert_eq!((refused, heard.lines().count(), ended), (6, 7, Ended::Quit), "{name:?}: {heard}");
    }
    assert_eq!(house.top(), ["folder".to_owned()].into());
    let counted = ["empty", "too_long", "absolute", "empty_part", "traversal", "hidden", "nul", "control"]
        .into_iter()
        .chain(["backslash", "direction", "slash_look_alike"])
        .map(|reason| house.metric(&format!("file_rejected_names_total{{reason=\"{reason}\"}}")))
        .inspect(|count| assert!(*count > 0.0));
    assert_eq!(counted.sum::<f64>(), 6.0 * names.len() as f64);
}

#[tokio::test]
async fn an_odd_name_works() {
    let house = House::new();
    let longest = "n".repeat(255);
    for name in
        ["a b", " a", "-rf", "a..b", "%2e%2e", "%2e%2e%2fx", "CON", "*?<>|\"'", "🦀", "日本/語", &longest]
    {
        let sent = [upload(name, b"abc"), format!("DOWNLOAD {name}\nDELETE {name}\n").into_bytes()].concat();
        let (heard, _) = house.talk(sent).await;
        let abc = hash(b"abc");
        assert_eq!(heard, format!("OK 3 {abc} {name}\nFILE 3 {abc} {name}\nabcOK deleted {name}\n"));
    }
    assert_eq!(house.top(), BTreeSet::new());
}
