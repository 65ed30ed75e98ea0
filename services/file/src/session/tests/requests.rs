//! Each request, and what it answers.

use super::*;

#[tokio::test]
async fn every_request_in_one_conversation() {
    let house = House::new();
    let hello = hash(b"hello");
    let sent = [
        upload("notes/a b.txt", b"hello").as_slice(),
        b"DOWNLOAD notes/a b.txt\nRANGE 1 3 notes/a b.txt\nRANGE 4 99 notes/a b.txt\n",
        b"LIST\nDELETE notes/a b.txt\nLIST\n",
    ]
    .concat();
    let (heard, ended) = house.talk(sent).await;
    let stamp = heard.split("LIST 1\n").nth(1).unwrap().split(' ').nth(2).unwrap();
    let expected = format!(
        "OK 5 {hello} notes/a b.txt\nFILE 5 {hello} notes/a b.txt\nhello\
         PART 1 3 5 {hello} notes/a b.txt\nellPART 4 1 5 {hello} notes/a b.txt\no\
         LIST 1\n5 {hello} {stamp} notes/a b.txt\nOK deleted notes/a b.txt\nLIST 0\n"
    );
    assert_eq!((heard, ended), (expected, Ended::Quit));
    assert_eq!(house.top(), BTreeSet::new(), "the empty folder went with its last file");
}

#[tokio::test]
async fn stat_says_when_in_rfc_3339() {
    let house = House::new();
    house.put("a", b"abc");
    let (heard, _) = house.talk("STAT a\n").await;
    let words: Vec<&str> = heard.trim_end().split(' ').collect();
    assert_eq!([words[0], words[1], words[2], words[4]], ["STAT", "3", &*hash(b"abc").to_hex(), "a"]);
    let modified = fs::metadata(house.path("a")).unwrap().modified().unwrap();
    assert_eq!(words[3], humantime::format_rfc3339_millis(modified).to_string());
}

#[tokio::test]
async fn lists_are_sorted_by_the_bytes_of_the_whole_name() {
    let house = House::new();
    for name in ["b", "a/z", "a-b", "a b", "a/b/c", "aé", "B", "a.b"] {
        house.put(name, name.as_bytes());
    }
    house.put(".hidden/x", b"x");
    house.put("e\u{301}", b"not in NFC, so that no request can name it");
    let names = |heard: String| -> Vec<String> {
        heard.lines().skip(1).map(|line| line.splitn(4, ' ').nth(3).unwrap().to_owned()).collect()
    };
    let (all, _) = house.talk("LIST\n").await;
    assert!(all.starts_with("LIST 8\n"));
    assert_eq!(names(all), ["B", "a b", "a-b", "a.b", "a/b/c", "a/z", "aé", "b"]);
    assert_eq!(names(house.talk("LIST a/\n").await.0), ["a/b/c", "a/z"]);
    assert_eq!(names(house.talk("LIST a/b/c\n").await.0), ["a/b/c"], "a prefix may be a whole name");
    assert_eq!(house.talk("LIST ../\nLIST zz\n").await.0, "LIST 0\nLIST 0\n");
}

#[tokio::test]
async fn what_is_put_there_by_hand_is_hashed_and_hashed_again_when_it_changes() {
    let house = House::new();
    house.put("a", b"one");
    assert!(house.talk("STAT a\n").await.0.contains(&*hash(b"one").to_hex()));
    house.put("a", b"other");
    assert!(house.talk("STAT a\n").await.0.contains(&*hash(b"other").to_hex()));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::new();
    house.put("folder/a", b"a");
    let sent =
        "DOWNLOAD x\nSTAT x/y\nDELETE x\nRANGE 0 1 x\nDOWNLOAD folder\nDELETE folder\nSTAT folder/a/b\n";
    let (heard, ended) = house.talk(sent).await;
    assert_eq!(heard, "ERROR:not_found there is no such file\n".repeat(7));
    assert_eq!(ended, Ended::Quit);
    assert_eq!(house.metric("file_refused_requests_total{code=\"not_found\"}"), 7.0);
}

#[tokio::test]
async fn a_range_past_the_end_is_an_error_and_at_the_end_is_empty() {
    let house = House::new();
    house.put("a", b"abc");
    let (heard, _) = house.talk("RANGE 4 1 a\nRANGE 3 1 a\nRANGE 0 18446744073709551615 a\n").await;
    let h = hash(b"abc");
    assert_eq!(heard, format!("ERROR:range the file has 3 bytes\nPART 3 0 3 {h} a\nPART 0 3 3 {h} a\nabc"));
}

#[tokio::test]
async fn lines_that_are_no_requests_are_answered_and_the_connection_stays() {
    let house = House::new();
    house.put("a", b"");
    let (heard, ended) =
        house.talk(b"HELLO\n\nSTAT\n\xff\xfe\nRANGE -1 5 a\nRESUME 0x10 00 a\nSTAT a\r\n").await;
    let codes: Vec<&str> = heard.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let bad = "ERROR:bad_request";
    assert_eq!(codes, [bad, bad, bad, "ERROR:bad_utf8", bad, bad, "STAT"]);
    assert_eq!(ended, Ended::Quit);
}

#[tokio::test]
async fn a_line_too_long_ends_the_connection() {
    let house = House::new();
    let (heard, ended) = house.talk(format!("STAT {}\nSTAT a\n", "a".repeat(4096))).await;
    assert_eq!(heard, "ERROR:line_too_long the line is longer than this port takes\n");
    assert_eq!(ended, Ended::Refused);
}

#[tokio::test]
async fn names_are_one_after_nfc_and_odd_ones_work() {
    let house = House::new();
    let (heard, _) = house
        .talk([upload("zoe\u{308}", b"1"), upload("%2e%2e", b"2"), upload("🦀 .txt", b"3")].concat())
        .await;
    assert_eq!(heard.lines().filter(|line| line.starts_with("OK 1 ")).count(), 3);
    assert_eq!(house.top(), ["zo\u{eb}", "%2e%2e", "🦀 .txt"].map(str::to_owned).into());
    assert!(house.talk("STAT zo\u{eb}\n").await.0.starts_with("STAT 1 "));
}

#[tokio::test]
async fn bad_names_are_counted_by_their_reason_and_leave_nothing() {
    let house = House::new();
    let names =
        ["../x", "/etc/passwd", "a//b", ".a", "a\\b", "a\u{202e}b", "a\u{ff0f}b", "a\0b", "a\tb", "", "a/.."];
    for name in names {
        let (heard, ended) = house.talk([upload(name, b"12345"), b"LIST\n".to_vec()].concat()).await;
        assert!(heard.starts_with("ERROR:bad_name ") && heard.ends_with("\nLIST 0\n"), "{name:?}: {heard}");
        assert_eq!(ended, Ended::Quit, "{name:?}");
    }
    assert_eq!(house.metric("file_rejected_names_total{reason=\"traversal\"}"), 2.0);
    assert_eq!(house.metric("file_rejected_names_total{reason=\"direction\"}"), 1.0);
    assert_eq!(house.top(), BTreeSet::new());
}
