//! Every metric of the service, moved.

use super::*;

fn sample(name: &str, direction: &str, result: &str) -> String {
    format!("file_{name}{{direction=\"{direction}\",result=\"{result}\"}}")
}

/// In each direction a transfer that is done, one that is refused, one that is cut, and one that fails.
#[tokio::test]
async fn transfers_are_counted_by_how_they_end() {
    let mut rules = Rules::default();
    rules.limits.max_file = 2_000_000;
    let house = House::with(rules);
    house.exchange(&[upload("a", &noise(1_000_000)), b"DOWNLOAD a\n".to_vec()].concat()).await;
    house.talk("UPLOAD 3000000 b\n").await;
    house.talk("UPLOAD 10 b\nhalf").await;
    house.talk("DOWNLOAD nothing\n").await;
    let mut reader = house.dial();
    reader.send("DOWNLOAD a\n").await;
    reader.line().await;
    reader.vanish().await;
    let mut reader = house.dial();
    reader.send("DOWNLOAD a\n").await;
    reader.line().await;
    fs::OpenOptions::new().write(true).open(house.path("a")).unwrap().set_len(1000).unwrap();
    reader.rest().await;
    // A folder that is gone fails as a disk would.
    fs::remove_dir_all(house.folder.path()).unwrap();
    assert!(house.talk(upload("c", b"x")).await.0.starts_with("ERROR:unavailable "));
    for direction in ["upload", "download"] {
        for result in ["ok", "refused", "cut", "failed"] {
            let sample = sample("transfers_total", direction, result);
            assert_eq!(house.metric(&sample), 1.0, "{sample}");
        }
        let took = format!("file_transfer_duration_seconds_count{{direction=\"{direction}\"}}");
        assert_eq!(house.metric(&took), 4.0);
        let moved = format!("file_transferred_bytes_total{{direction=\"{direction}\"}}");
        assert!(house.metric(&moved) > 1_000_000.0);
    }
}

/// Everybody who can end in a way of their own does, once.
#[tokio::test(start_paused = true)]
async fn connections_are_counted_by_how_they_end() {
    let house = House::new();
    house.put("a", &noise(1_000_000));
    let dial = async |sent: String| {
        let mut caller = house.dial();
        caller.send(sent).await;
        caller
    };
    house.talk("").await;
    dial("UPLOAD 10 b\n012345678".to_owned()).await.vanish().await;
    house.talk("UPLOAD ? b\nx").await;
    let mut drained = house.dial();
    drop(drained.drain.take());
    drained.ended.await.unwrap();
    dial("LIST".to_owned()).await.hears_out().await;
    dial("UPLOAD 10 b\nabc".to_owned()).await.hears_out().await;
    house.talk("a".repeat(4097)).await;
    let resume = format!("RESUME 10 {} c\n", hash(b"0123456789"));
    let mut old = dial(resume.clone()).await;
    assert_eq!(old.line().await, "CONTINUE 0");
    let (heard, ended) = house.talk(resume + "0123456789").await;
    assert!(heard.starts_with("CONTINUE 0\nOK ") && ended == Ended::Quit, "{heard}");
    old.hears_out().await;
    let mut reader = dial("DOWNLOAD a\n".to_owned()).await;
    reader.line().await;
    fs::OpenOptions::new().write(true).open(house.path("a")).unwrap().set_len(1000).unwrap();
    reader.hears_out().await;
    for ended in Ended::ALL {
        let sample = format!("file_disconnects_total{{reason=\"{}\"}}", ended.as_str());
        let times = if *ended == Ended::Quit { 2.0 } else { 1.0 };
        assert_eq!(house.metric(&sample), times, "{sample}");
    }
}

#[tokio::test]
async fn what_runs_and_what_is_there_is_told() {
    let house = House::new();
    house.put("a", &noise(1_000_000));
    let (mut sender, mut resumer, mut reader) = (house.dial(), house.dial(), house.dial());
    reader.send("DOWNLOAD a\n").await;
    reader.line().await;
    sender.send("UPLOAD 20 b\n0123456789").await;
    resumer.send(format!("RESUME 10 {} c\n", hash(b"0123456789"))).await;
    assert_eq!(resumer.line().await, "CONTINUE 0");
    resumer.send("01234").await;
    resumer.vanish().await;
    assert!(house.talk(upload("d", b"12345")).await.0.starts_with("OK "));
    let now = |sample: &str| house.metric(sample);
    assert_eq!(now("file_transfers_in_progress{direction=\"upload\"}"), 1.0);
    assert_eq!(now("file_transfers_in_progress{direction=\"download\"}"), 1.0);
    assert_eq!(now("file_stored_files"), 1.0, "what was put there by hand is counted every hour");
    assert_eq!(now("file_storage_bytes{state=\"stored\"}"), 5.0);
    assert_eq!(now("file_storage_bytes{state=\"partial\"}"), 5.0);
    assert_eq!(now("file_storage_bytes{state=\"promised\"}"), 20.0);
    house.service.store.recount().unwrap();
    house.service.tell();
    assert_eq!(now("file_stored_files"), 2.0);
    assert_eq!(now("file_storage_bytes{state=\"stored\"}"), 1_000_005.0);
}
