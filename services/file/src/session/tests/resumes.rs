//! Uploads that go on where they were cut off.

use super::*;

fn resume(name: &str, bytes: &[u8]) -> String {
    format!("RESUME {} {} {name}\n", bytes.len(), hash(bytes))
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut() {
    let house = House::new();
    house.put("a", b"old");
    let bytes = noise(300_000);
    let request = resume("a", &bytes);
    let (heard, ended) = house.exchange(&[request.as_bytes(), &bytes[..270_000]].concat()).await;
    let said = b"CONTINUE 0\nERROR:bad_request 270000 of 300000 bytes came\n";
    assert_eq!((heard.as_slice(), ended), (&said[..], Ended::Lost));
    assert_eq!(house.get("a"), b"old", "until it is whole");
    assert_eq!(house.metric("file_storage_bytes{state=\"partial\"}"), 270_000.0);
    let mut caller = house.dial();
    caller.send(&request).await;
    assert_eq!(caller.line().await, "CONTINUE 270000");
    caller.send(&bytes[270_000..]).await;
    assert_eq!(caller.line().await, format!("OK 300000 {} a", hash(&bytes)));
    assert!(house.get("a") == bytes);
    assert_eq!(house.top(), ["a".to_owned()].into());
    assert_eq!(house.metric("file_storage_bytes{state=\"partial\"}"), 0.0);
}

#[tokio::test]
async fn wrong_bytes_are_a_mismatch_and_nothing_is_stored() {
    let house = House::new();
    house.put("a", b"old");
    let sent = [resume("a", b"right").as_bytes(), b"wrongLIST\n"].concat();
    let (heard, ended) = house.talk(sent).await;
    let lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines[0], "CONTINUE 0");
    assert!(lines[1].starts_with("ERROR:hash_mismatch "), "{heard}");
    assert_eq!((lines[2], ended), ("LIST 1", Ended::Quit));
    assert_eq!((house.get("a"), house.top()), (b"old".to_vec(), ["a".to_owned()].into()));
    let mut caller = house.dial();
    caller.send(resume("a", b"right")).await;
    assert_eq!(caller.line().await, "CONTINUE 0", "the wrong bytes are forgotten");
    caller.send("right").await;
    assert!(caller.line().await.starts_with("OK 5 "));
}

#[tokio::test]
async fn a_cut_at_any_byte_can_be_resumed() {
    let bytes = noise(24);
    for cut in 0..=bytes.len() {
        let house = House::new();
        let request = resume("a", &bytes);
        house.exchange(&[request.as_bytes(), &bytes[..cut]].concat()).await;
        let mut caller = house.dial();
        caller.send(&request).await;
        assert_eq!(caller.line().await, format!("CONTINUE {cut}"));
        caller.send(&bytes[cut..]).await;
        assert!(caller.line().await.starts_with("OK 24 "), "{cut}");
        assert_eq!(house.top(), ["a".to_owned()].into());
    }
}

#[tokio::test]
async fn a_new_connection_takes_over_from_the_old() {
    let house = House::new();
    let (mut old, mut new) = (house.dial(), house.dial());
    old.send(resume("a", b"0123456789")).await;
    assert_eq!(old.line().await, "CONTINUE 0");
    old.send("01234").await;
    new.send(resume("a", b"0123456789")).await;
    let offset: usize = new.line().await.strip_prefix("CONTINUE ").unwrap().parse().unwrap();
    assert_eq!(old.hears_out().await, Ended::Superseded);
    new.send(&b"0123456789"[offset..]).await;
    assert!(new.line().await.starts_with("OK 10 "));
    assert_eq!(house.get("a"), b"0123456789");
}

#[tokio::test]
async fn who_missed_the_ok_gets_it_without_sending_again() {
    let house = House::new();
    house.talk(upload("a", b"hello")).await;
    let (heard, _) = house.talk(resume("a", b"hello")).await;
    assert_eq!(heard, format!("CONTINUE 5\nOK 5 {} a\n", hash(b"hello")));
}

#[tokio::test]
async fn a_refused_resume_has_no_body_behind_it() {
    let mut rules = Rules::default();
    rules.limits.max_file = 3;
    let house = House::with(rules);
    let (heard, ended) = house.talk([resume("a", b"hello").as_bytes(), b"LIST\n"].concat()).await;
    assert_eq!(heard, "ERROR:too_large a file has at most 3 bytes here\nLIST 0\n");
    assert_eq!((ended, house.top()), (Ended::Quit, BTreeSet::new()));
}

#[tokio::test]
async fn partial_uploads_are_swept_when_nobody_comes_back() {
    let house = House::new();
    house.talk([resume("a", b"0123456789").as_bytes(), b"01234"].concat()).await;
    let keep = Duration::from_secs(3600);
    let now = std::time::SystemTime::now();
    house.service.store.sweep_partials(keep, now).unwrap();
    assert_eq!(house.top().len(), 1);
    house.service.store.sweep_partials(keep, now + 2 * keep).unwrap();
    assert_eq!(house.top(), BTreeSet::new());
    house.service.tell();
    assert_eq!(house.metric("file_storage_bytes{state=\"partial\"}"), 0.0);
}

#[tokio::test]
async fn an_upload_is_its_owners_alone() {
    let house = House::new();
    let stranger = Owner::of([192, 0, 2, 7].into());
    let request = resume("a", b"0123456789");
    let (mut own, mut other) = (house.dial(), house.dial_as(stranger));
    own.send(&request).await;
    assert_eq!(own.line().await, "CONTINUE 0");
    own.send("01234").await;
    other.send(&request).await;
    assert_eq!(other.line().await, "CONTINUE 0", "not where somebody else is");
    other.send("wrong").await;
    other.vanish().await;
    own.vanish().await;
    assert_eq!(house.top().len(), 2, "both may come back");
    house.service.tell();
    assert_eq!(house.metric("file_storage_bytes{state=\"partial\"}"), 10.0);
    let mut own = house.dial();
    own.send(&request).await;
    assert_eq!(own.line().await, "CONTINUE 5", "and not what the other has sent");
    own.send("56789").await;
    assert!(own.line().await.starts_with("OK 10 "));
    let (heard, _) = house.talk("DELETE a\n").await;
    assert_eq!(heard, "OK deleted a\n");
    let mut other = house.dial_as(stranger);
    other.send(&request).await;
    assert_eq!(other.line().await, "CONTINUE 5");
    other.send("56789").await;
    assert!(other.line().await.starts_with("ERROR:hash_mismatch "), "one's own mistake");
}
