//! Bodies: whole or absent, and in step with what follows.

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::session::Socket;

const GOING_AWAY: &[u8] = b"INFO:server is going away\n";

#[tokio::test]
async fn a_body_of_many_chunks_comes_back_as_it_went() {
    let house = House::new();
    let bytes = noise(270_001);
    let (heard, _) = house.talk(upload("deep/er/big", &bytes)).await;
    assert_eq!(heard, format!("OK 270001 {} deep/er/big\n", hash(&bytes)));
    let (heard, _) = house.exchange(b"DOWNLOAD deep/er/big\n").await;
    let header = format!("FILE 270001 {} deep/er/big\n", hash(&bytes));
    assert_eq!(heard, [header.as_bytes(), &bytes].concat());
    assert_eq!(house.metric("file_transfers_total{direction=\"upload\",result=\"ok\"}"), 1.0);
    assert_eq!(house.metric("file_transfers_total{direction=\"download\",result=\"ok\"}"), 1.0);
    assert_eq!(house.metric("file_transferred_bytes_total{direction=\"upload\"}"), 270_001.0);
    assert_eq!(house.metric("file_transferred_bytes_total{direction=\"download\"}"), 270_001.0);
    assert_eq!(house.metric("file_transfer_duration_seconds_count{direction=\"download\"}"), 1.0);
    assert_eq!(house.metric("file_transfers_in_progress{direction=\"upload\"}"), 0.0);
    assert_eq!(house.metric("file_stored_files"), 1.0);
    assert_eq!(house.metric("file_storage_bytes{state=\"stored\"}"), 270_001.0);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let house = House::new();
    let (heard, _) = house.talk("UPLOAD 0 a\nDOWNLOAD a\nSTAT a\n").await;
    let empty = hash(b"");
    assert!(heard.starts_with(&format!("OK 0 {empty} a\nFILE 0 {empty} a\nSTAT 0 {empty} ")));
}

#[tokio::test]
async fn requests_may_wait_behind_an_upload() {
    let house = House::new();
    let sent =
        [upload("a", b"UPLOAD 9 b\n"), upload("a", b"second"), b"STAT a\nDELETE a\n".to_vec()].concat();
    let (heard, ended) = house.talk(sent).await;
    let starts: Vec<&str> = heard.lines().map(|line| &line[..5]).collect();
    assert_eq!((starts, ended), (vec!["OK 11", "OK 6 ", "STAT ", "OK de"], Ended::Quit));
}

#[tokio::test]
async fn what_comes_behind_a_body_is_the_next_request() {
    let house = House::new();
    let resume = format!("RESUME 5 {} b\nhello and more\n", hash(b"hello"));
    let sent = [upload("a", b"hello"), b" and more\n".to_vec(), resume.into_bytes(), b"STAT a\n".to_vec()];
    let (heard, ended) = house.talk(sent.concat()).await;
    let starts: Vec<&str> = heard.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = ["OK", "ERROR:bad_request", "CONTINUE", "OK", "ERROR:bad_request", "STAT"];
    assert_eq!((starts.as_slice(), ended), (&expected[..], Ended::Quit), "{heard}");
    assert_eq!([house.get("a"), house.get("b")], [b"hello", b"hello"]);
}

#[tokio::test]
async fn without_a_size_the_end_of_the_stream_is_the_end_of_the_file() {
    let house = House::new();
    for bytes in [&b"to the end\nof it"[..], b""] {
        let (heard, ended) = house.talk([b"UPLOAD ? a\n", bytes].concat()).await;
        assert_eq!(heard, format!("OK {} {} a\n", bytes.len(), hash(bytes)));
        assert_eq!((house.get("a"), ended), (bytes.to_vec(), Ended::Done));
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_the_old_file_and_nothing_else() {
    let house = House::new();
    house.put("a", b"old");
    let (heard, ended) = house.talk("UPLOAD 10 a\nnew").await;
    assert_eq!((heard.as_str(), ended), ("ERROR:bad_request 3 of 10 bytes came\n", Ended::Lost));
    assert_eq!((house.get("a"), house.top()), (b"old".to_vec(), ["a".to_owned()].into()));
    assert_eq!(house.metric("file_transfers_total{direction=\"upload\",result=\"cut\"}"), 1.0);
    assert_eq!(house.metric("file_storage_bytes{state=\"promised\"}"), 0.0);
    assert_eq!(house.metric("file_disconnects_total{reason=\"lost\"}"), 1.0);
}

/// The end of the stream is the end of a file without a size, so no other end may be taken for it.
#[tokio::test]
async fn without_a_size_a_reset_is_no_end_of_the_file() {
    let house = House::new();
    house.put("a", b"old");
    for sent in [&b"UPLOAD ? a\nhalf of it"[..], b"UPLOAD ? a\n"] {
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut near = TcpStream::connect(port.local_addr().unwrap()).await.unwrap();
        let (far, _) = port.accept().await.unwrap();
        near.write_all(sent).await.unwrap();
        near.set_zero_linger().unwrap();
        drop(near);
        let ended =
            serve(Socket::from(far), near_owner(), house.service.clone(), std::future::pending()).await;
        assert_eq!((ended, house.get("a"), house.top()), (Ended::Lost, b"old".into(), ["a".into()].into()));
    }
}

#[tokio::test]
async fn a_growing_file_is_nowhere_to_be_seen() {
    let house = House::new();
    house.put("a", b"old");
    let mut caller = house.dial();
    caller.send("UPLOAD 6 a\nnew").await;
    assert!(house.talk("LIST\n").await.0.starts_with("LIST 1\n3 "));
    assert!(house.exchange(b"DOWNLOAD a\n").await.0.ends_with(b"old"));
    caller.send("est").await;
    assert!(caller.line().await.starts_with("OK 6 "));
    assert_eq!(house.get("a"), b"newest");
}

#[tokio::test]
async fn of_two_uploads_the_later_to_finish_wins() {
    let house = House::new();
    let (mut first, mut second) = (house.dial(), house.dial());
    first.send("UPLOAD 5 a\nfir").await;
    second.send("UPLOAD 6 a\nsecond").await;
    assert!(second.line().await.starts_with("OK 6 "));
    first.send("st").await;
    assert!(first.line().await.starts_with("OK 5 "));
    assert_eq!(house.get("a"), b"first");
    house.service.tell();
    assert_eq!(house.metric("file_stored_files"), 1.0);
    assert_eq!(house.metric("file_storage_bytes{state=\"stored\"}"), 5.0);
}

#[tokio::test]
async fn a_reader_gets_one_whole_version() {
    let house = House::new();
    let (old, new) = (noise(300_000), vec![7; 300_000]);
    house.put("a", &old);
    let mut reader = house.dial();
    reader.send("DOWNLOAD a\n").await;
    assert!(reader.line().await.starts_with("FILE 300000 "));
    assert!(house.talk(upload("a", &new)).await.0.starts_with("OK "));
    let mut bytes = vec![0; 300_000];
    reader.stream.read_exact(&mut bytes).await.unwrap();
    assert!(bytes == old, "not a byte of the new version");
}

#[tokio::test]
async fn a_file_that_shrinks_ends_the_connection_and_is_never_padded() {
    let house = House::new();
    house.put("a", &noise(1_000_000));
    let mut caller = house.dial();
    caller.send("DOWNLOAD a\nSTAT a\n").await;
    assert!(caller.line().await.starts_with("FILE 1000000 "));
    fs::OpenOptions::new().write(true).open(house.path("a")).unwrap().set_len(300_000).unwrap();
    let rest = caller.rest().await;
    assert!(rest.len() <= 300_000 && noise(1_000_000).starts_with(&rest));
    assert_eq!(caller.ended.await.unwrap(), Ended::Broken);
    assert_eq!(house.metric("file_transfers_total{direction=\"download\",result=\"failed\"}"), 1.0);
}

#[tokio::test]
async fn a_peer_that_vanishes_in_a_download_is_let_go() {
    let house = House::new();
    house.put("a", &noise(1_000_000));
    let mut caller = house.dial();
    caller.send("DOWNLOAD a\n").await;
    caller.line().await;
    assert_eq!(caller.vanish().await, Ended::Lost);
    assert_eq!(house.metric("file_transfers_in_progress{direction=\"download\"}"), 0.0);
    assert_eq!(house.metric("file_transfers_total{direction=\"download\",result=\"cut\"}"), 1.0);
}

#[tokio::test]
async fn a_drain_lets_a_transfer_finish_and_tells_who_waits() {
    let house = House::new();
    let (mut idle, mut busy) = (house.dial(), house.dial());
    // More behind the line than the pipe holds: when it is gone, the line has been read.
    busy.send("UPLOAD 20 a\n0123456789").await;
    drop((idle.drain.take(), busy.drain.take()));
    assert_eq!(idle.rest().await, GOING_AWAY);
    assert_eq!(idle.ended.await.unwrap(), Ended::Drain);
    busy.send("0123456789").await;
    assert!(busy.line().await.starts_with("OK 20 "));
    assert_eq!((busy.rest().await, busy.ended.await.unwrap()), (GOING_AWAY.to_vec(), Ended::Drain));
}

#[tokio::test]
async fn a_drain_says_nothing_in_the_middle_of_a_download() {
    let house = House::new();
    let bytes = noise(300_000);
    house.put("a", &bytes);
    let mut caller = house.dial();
    caller.send("DOWNLOAD a\n").await;
    caller.line().await;
    drop(caller.drain.take());
    assert!(caller.rest().await == [&bytes, GOING_AWAY].concat());
}
