//! The form of the original design, with a line end and without one.

use super::*;

fn patient() -> House {
    let mut rules = Rules::default();
    rules.terms.pause = Some(Duration::from_millis(100));
    House::with(rules)
}

#[tokio::test(start_paused = true)]
async fn with_a_line_end_it_needs_no_pause() {
    let house = House::new();
    let (heard, ended) = house.talk("UPLOAD:a.txt:hello: world\nLIST\n").await;
    assert_eq!((heard.as_str(), ended), ("File a.txt uploaded successfully\n", Ended::Done));
    assert_eq!(house.get("a.txt"), b"hello: world");
    assert_eq!(house.talk("DOWNLOAD:a.txt\n").await, ("FILE:hello: world".to_owned(), Ended::Done));
    assert_eq!(house.talk("DOWNLOAD:b\nLIST\n").await, ("ERROR:File not found\n".to_owned(), Ended::Done));
    assert!(house.talk("UPLOAD:../a:x\n").await.0.starts_with("ERROR:bad_name "));
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_a_request() {
    let house = patient();
    let mut caller = house.dial();
    caller.send("UPLOAD:a.txt:two\nlines\n").await;
    assert_eq!(caller.rest().await, b"File a.txt uploaded successfully\n");
    assert_eq!(house.get("a.txt"), b"two\nlines\n");
    let mut caller = house.dial();
    caller.send("DOWNLOAD:a.txt").await;
    assert_eq!(caller.rest().await, b"FILE:two\nlines\n");
    let mut caller = house.dial();
    caller.send("STAT a.txt").await;
    assert!(caller.line().await.starts_with("STAT 10 "));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_ends_a_request_too() {
    let house = patient();
    assert_eq!(house.talk(b"UPLOAD:a:\xff\n\0").await.0, "File a uploaded successfully\n");
    assert_eq!(house.get("a"), b"\xff\n\0");
    assert!(house.talk("STAT a").await.0.starts_with("STAT 3 "));
    assert_eq!(house.talk("UPLOAD 2 b\nhi").await.0, format!("OK 2 {} b\n", hash(b"hi")));
}

#[tokio::test(start_paused = true)]
async fn without_the_flag_half_a_line_is_told_and_does_nothing() {
    let house = House::new();
    let told = ("ERROR:bad_request the line has no end\n".to_owned(), Ended::Refused);
    assert_eq!(house.talk("UPLOAD:a:x").await, told);
    assert_eq!(house.talk("STAT a").await, told);
    assert_eq!(house.top(), BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn an_upload_without_an_end_has_its_limit() {
    let house = patient();
    let largest = noise(64 * 1024 - b"UPLOAD:a:".len());
    assert!(house.exchange(&[b"UPLOAD:a:", &*largest].concat()).await.0.starts_with(b"File a "));
    assert!(house.get("a") == largest);
    let (heard, ended) = house.talk([b"UPLOAD:b:", &*largest, b"x"].concat()).await;
    assert_eq!(heard, "ERROR:too_large an UPLOAD: request has at most 64 KiB\n");
    assert_eq!((ended, house.top()), (Ended::Refused, ["a".to_owned()].into()));
}
