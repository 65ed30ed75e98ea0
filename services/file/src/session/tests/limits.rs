//! What is refused before a byte of it is stored, and how the connection stays in step.

use engine::file::FileName;

use super::*;

fn limited(limits: impl FnOnce(&mut Limits)) -> House {
    let mut rules = Rules::default();
    limits(&mut rules.limits);
    House::with(rules)
}

fn code(heard: &str) -> &str {
    heard.split(' ').next().unwrap()
}

#[tokio::test]
async fn a_refused_body_is_skipped_when_it_is_short() {
    let house = limited(|limits| limits.max_file = 10);
    let (heard, ended) = house.talk([upload("a", &noise(100_000)), b"LIST\n".to_vec()].concat()).await;
    assert_eq!(heard, "ERROR:too_large a file has at most 10 bytes here\nLIST 0\n");
    assert_eq!(ended, Ended::Quit);
    assert_eq!(house.top(), BTreeSet::new());
    assert_eq!(house.metric("file_transfers_total{direction=\"upload\",result=\"refused\"}"), 1.0);
}

#[tokio::test]
async fn a_refused_body_that_is_long_or_unknown_ends_the_connection() {
    let house = limited(|limits| limits.max_file = 10);
    for (sent, said) in [
        ("UPLOAD 1048577 a\n", "ERROR:too_large"),
        ("UPLOAD 18446744073709551615 a\n", "ERROR:too_large"),
        ("UPLOAD 18446744073709551616 a\nLIST\n", "ERROR:bad_request"),
        ("UPLOAD -1 a\nLIST\n", "ERROR:bad_request"),
        ("UPLOAD 0x10 a\nLIST\n", "ERROR:bad_request"),
        ("UPLOAD ? ../a\nLIST\n", "ERROR:bad_name"),
    ] {
        let (heard, ended) = house.talk(sent).await;
        assert_eq!((code(&heard), heard.lines().count(), ended), (said, 1, Ended::Refused), "{sent}");
    }
}

#[tokio::test]
async fn without_a_size_the_limit_is_met_on_the_way() {
    let house = limited(|limits| limits.max_file = 262_200);
    let (heard, ended) = house.talk([b"UPLOAD ? a\n", &*noise(262_201)].concat()).await;
    assert_eq!((code(&heard), ended), ("ERROR:too_large", Ended::Refused));
    assert_eq!(house.top(), BTreeSet::new());
}

#[tokio::test]
async fn the_quota_counts_what_is_there() {
    let house = limited(|limits| limits.quota = Some(10));
    let (heard, _) = house
        .talk([upload("a", b"123456"), upload("b", b"12345"), upload("a", b"1234567890")].concat())
        .await;
    let codes: Vec<&str> = heard.lines().map(code).collect();
    assert_eq!(codes, ["OK", "ERROR:quota", "OK"], "what is replaced does not count");
    assert!(house.talk("DELETE a\nUPLOAD 10 b\n0123456789").await.0.contains("\nOK 10 "));
}

#[tokio::test]
async fn the_disk_keeps_its_floor() {
    let house = limited(|limits| limits.keep_free = u64::MAX);
    let (heard, _) = house.talk([upload("a", b"1"), upload("b", b"")].concat()).await;
    let codes: Vec<&str> = heard.lines().map(code).collect();
    assert_eq!(codes, ["ERROR:no_space", "OK"], "nothing needs no room");
}

#[tokio::test]
async fn a_transfer_too_many_is_busy() {
    let house = limited(|limits| limits.transfers = 1);
    house.put("a", b"abc");
    let mut caller = house.dial();
    caller.send("UPLOAD 10 b\n012345678").await;
    let sent = [b"DOWNLOAD a\nRANGE 0 1 a\n".to_vec(), upload("c", b"x"), b"STAT a\n".to_vec()].concat();
    let (heard, _) = house.talk(sent).await;
    let codes: Vec<&str> = heard.lines().map(code).collect();
    assert_eq!(codes, ["ERROR:busy", "ERROR:busy", "ERROR:busy", "STAT"]);
    assert_eq!(house.metric("file_transfers_in_progress{direction=\"upload\"}"), 1.0);
    caller.send("9").await;
    assert!(caller.line().await.starts_with("OK 10 "));
    assert!(house.talk("DOWNLOAD a\n").await.0.starts_with("FILE 3 "));
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_is_told_and_closed() {
    let house = House::new();
    for trickle in ["", "STAT"] {
        let mut caller = house.dial();
        caller.send(trickle).await;
        assert_eq!(caller.rest().await, b"ERROR:idle_timeout nothing was asked for too long\n");
        drop(caller.stream);
        assert_eq!(caller.ended.await.unwrap(), Ended::Idle);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_too_slow_is_told_and_closed() {
    let house = House::new();
    house.put("a", &noise(1000));
    let mut sender = house.dial();
    sender.send("UPLOAD 10 b\nabc").await;
    assert_eq!(sender.rest().await, b"ERROR:too_slow the upload came too slowly\n");
    assert_eq!(sender.ended.await.unwrap(), Ended::Slow);
    let mut reader = house.dial();
    reader.send("DOWNLOAD a\n").await;
    assert_eq!(reader.ended.await.unwrap(), Ended::Slow);
    assert_eq!(house.top(), ["a".to_owned()].into());
    assert_eq!(house.metric("file_refused_requests_total{code=\"too_slow\"}"), 1.0);
}

/// A byte now and then keeps no place: what counts is how many come in each window. At just the least pace an
/// upload comes to its end, however long that takes.
#[tokio::test(start_paused = true)]
async fn who_trickles_is_too_slow_and_who_keeps_the_least_pace_is_not() {
    let mut rules = Rules::default();
    rules.terms.patience = Patience { bytes: 30, window: Duration::from_secs(30) };
    let house = House::with(rules);
    for (every, said, ended) in [(1500, "ERROR:too_slow ", Ended::Slow), (900, "OK 300 ", Ended::Quit)] {
        let caller = house.dial();
        let (mut reader, mut writer) = tokio::io::split(caller.stream);
        let trickling = tokio::spawn(async move {
            for byte in upload("a", &[b'x'; 300]) {
                writer.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_millis(every)).await;
            }
            writer.shutdown().await
        });
        let mut heard = String::new();
        reader.read_to_string(&mut heard).await.unwrap();
        assert!(heard.starts_with(said), "{every} ms: {heard}");
        assert_eq!(caller.ended.await.unwrap(), ended);
        let whole = trickling.await.unwrap().is_ok();
        assert_eq!((whole, house.path("a").exists()), (ended == Ended::Quit, ended == Ended::Quit));
    }
}

/// Whoever waits for an answer before the body gets it: nothing of a body is needed to refuse it.
#[tokio::test]
async fn a_limit_is_told_before_a_byte_of_the_body() {
    type Limit = fn(&mut Limits);
    let cases: [(Limit, &str); 4] = [
        (|limits| limits.max_file = 10, "ERROR:too_large "),
        (|limits| limits.quota = Some(10), "ERROR:quota "),
        (|limits| limits.keep_free = u64::MAX, "ERROR:no_space "),
        (|limits| limits.transfers = 1, "ERROR:busy "),
    ];
    for (limit, said) in cases {
        let house = limited(limit);
        let mut busy = house.dial();
        if said == "ERROR:busy " {
            busy.send("UPLOAD 10 b\n01234567").await;
        }
        for request in ["UPLOAD 11 a\n".to_owned(), format!("RESUME 11 {} a\n", hash(b"12345678901"))] {
            let mut caller = house.dial();
            caller.send(&request).await;
            let line = caller.line().await;
            assert!(line.starts_with(said), "{request}: {line}");
        }
    }
}

/// A folder in memory, where there is one.
fn in_memory() -> Option<TempDir> {
    let memory = tempfile::tempdir_in("/dev/shm").map_err(|error| error.to_string());
    strike::or_skip("folder in memory", memory)
}

/// More files in turn than hashes are kept of: their tags are in memory too.
#[tokio::test]
async fn in_a_folder_in_memory_no_number_of_files_waits_for_a_thread() {
    let Some(folder) = in_memory() else { return };
    let house = House::at(folder, Rules { known_hashes: 1, ..Rules::default() });
    assert!(house.talk([upload("a", b"one"), upload("b", b"other")].concat()).await.0.starts_with("OK 3 "));
    house.service.tell();
    assert_eq!(house.metric("file_known_hashes"), 1.0);
    for (name, bytes) in [("a", b"one".as_slice()), ("b", b"other")].repeat(2) {
        let found = house.service.store.read_cached(&FileName::parse(name).unwrap());
        assert_eq!(found.map(|found| found.hash), Some(hash(bytes)), "{name}");
    }
    house.put("a", b"edited");
    assert!(house.service.store.read_cached(&FileName::parse("a").unwrap()).is_none(), "it is to be hashed");
}

/// In a folder that waits for no disk small uploads are stored without another thread, under the same rules.
#[tokio::test]
async fn a_folder_in_memory_keeps_the_same_rules() {
    let Some(folder) = in_memory() else { return };
    let mut rules = Rules::default();
    rules.limits.quota = Some(100_000);
    let house = House::at(folder, rules);
    // Over a pipe of eight bytes the rest of a body is never there at once; over a socket it is.
    let sent = [
        upload("a/b", b"small"),
        upload("a", b"no file"),
        upload("c", &noise(60_000)),
        upload("d", &noise(50_000)),
    ];
    let (near, mut far) = tokio::io::duplex(200_000);
    far.write_all(&[&sent.concat(), &b"STAT a/b\n"[..]].concat()).await.unwrap();
    far.shutdown().await.unwrap();
    let ended = serve(near, near_owner(), house.service.clone(), std::future::pending()).await;
    let mut heard = String::new();
    far.read_to_string(&mut heard).await.unwrap();
    let codes: Vec<&str> = heard.lines().map(code).collect();
    assert_eq!(codes, ["OK", "ERROR:bad_name", "OK", "ERROR:quota", "STAT"]);
    assert_eq!((ended, house.get("a/b")), (Ended::Quit, b"small".to_vec()));
    assert_eq!(house.top(), ["a", "c"].map(str::to_owned).into());
}
