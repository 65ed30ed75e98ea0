//! Large bodies over real sockets, which a thread moves.

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::session::Socket;

/// More than a piece, than what a wait is for, and than one write of a client.
const LARGE: usize = 3 << 20;

impl House {
    /// A connection with a socket at both ends.
    pub(super) async fn connect(&self) -> (TcpStream, JoinHandle<Ended>) {
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let near = TcpStream::connect(port.local_addr().unwrap()).await.unwrap();
        let (far, _) = port.accept().await.unwrap();
        let service = self.service.clone();
        let ended = tokio::spawn(async move {
            serve(Socket::from(far), near_owner(), service, std::future::pending()).await
        });
        (near, ended)
    }

    /// A whole conversation: sends everything, closes its side, and reads to the end.
    async fn converse(&self, sent: &[u8]) -> (Vec<u8>, Ended) {
        let (mut near, ended) = self.connect().await;
        let (mut reader, mut writer) = near.split();
        let mut heard = Vec::new();
        let send = async {
            writer.write_all(sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let (_, read) = tokio::join!(send, reader.read_to_end(&mut heard));
        read.unwrap();
        (heard, ended.await.unwrap())
    }
}

/// Sends bytes on and on, one at a time, until the service has said everything and ended the stream in order.
pub(super) async fn sends_until_told(near: &mut TcpStream) -> String {
    let (mut reader, mut writer) = near.split();
    let mut heard = String::new();
    // A reset is told once, to whoever does something next: the one who sends or the one who reads.
    let sending = async {
        loop {
            writer.write_all(b"x").await.expect("the connection is not reset");
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        read = reader.read_to_string(&mut heard) => read.expect("the connection is not reset"),
        never = sending => never,
    };
    heard
}

/// A body that a request could be seen in: of lines that delete the file.
fn lines(len: usize) -> Vec<u8> {
    b"DELETE a\n".iter().copied().cycle().take(len).collect()
}

#[tokio::test]
async fn requests_may_wait_behind_a_large_upload_and_a_large_download() {
    let house = House::new();
    let (large, last) = (noise(LARGE), lines(LARGE + 1));
    let sent = [
        upload("a", &large),
        upload("b", b"between"),
        upload("c", &last),
        b"DOWNLOAD a\nSTAT b\nRANGE 1 3000000 c\nDELETE b\n".to_vec(),
    ];
    let (heard, ended) = house.converse(&sent.concat()).await;
    let stat = house.talk("STAT b\nSTAT a\n").await.0;
    assert!(stat.starts_with("ERROR:not_found ") && stat.contains(&format!("\nSTAT {LARGE} ")), "{stat}");
    let head = format!(
        "OK {LARGE} {a} a\nOK 7 {b} b\nOK {} {c} c\nFILE {LARGE} {a} a\n",
        LARGE + 1,
        a = hash(&large),
        b = hash(b"between"),
        c = hash(&last)
    );
    let rest = heard.strip_prefix(head.as_bytes()).unwrap().strip_prefix(&*large).unwrap();
    assert!(rest.starts_with(format!("STAT 7 {} ", hash(b"between")).as_bytes()));
    let tail = [&last[1..3_000_001], b"OK deleted b\n"].concat();
    assert!(rest.ends_with(&tail) && ended == Ended::Quit);
}

#[tokio::test]
async fn a_large_body_one_byte_a_segment() {
    let house = House::new();
    let bytes = noise(WORTH_A_THREAD as usize + 100);
    let (mut near, ended) = house.connect().await;
    near.set_nodelay(true).unwrap();
    let sent = [upload("a", &bytes), b"STAT a\n".to_vec()].concat();
    let (first, rest) = sent.split_at(2000);
    for byte in first {
        near.write_all(&[*byte]).await.unwrap();
    }
    for piece in rest.chunks(1000) {
        near.write_all(piece).await.unwrap();
    }
    near.shutdown().await.unwrap();
    let mut heard = String::new();
    near.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with(&format!("OK {} {} a\nSTAT ", bytes.len(), hash(&bytes))), "{heard}");
    assert_eq!(ended.await.unwrap(), Ended::Quit);
}

#[tokio::test]
async fn a_large_body_that_is_shorter_than_declared_is_absent() {
    let house = House::new();
    house.put("a", b"old");
    let sent = [format!("UPLOAD {LARGE} a\n").as_bytes(), &noise(LARGE)[1..]].concat();
    let (heard, ended) = house.converse(&sent).await;
    let told = format!("ERROR:bad_request {} of {LARGE} bytes came\n", LARGE - 1);
    assert_eq!((heard, ended), (told.into_bytes(), Ended::Lost));
    assert_eq!((house.get("a"), house.top()), (b"old".to_vec(), ["a".to_owned()].into()));
}

#[tokio::test]
async fn what_comes_behind_a_large_body_is_the_next_request() {
    let house = House::new();
    let sent = [upload("a", &noise(LARGE)), b"and more\nSTAT a\n".to_vec()].concat();
    let (heard, ended) = house.converse(&sent).await;
    let heard = String::from_utf8(heard).unwrap();
    let starts: Vec<&str> = heard.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!((starts, ended), (vec!["OK", "ERROR:bad_request", "STAT"], Ended::Quit));
}

#[tokio::test]
async fn without_a_size_a_large_body_ends_with_the_stream() {
    let house = House::new();
    let bytes = noise(LARGE);
    let (heard, ended) = house.converse(&[b"UPLOAD ? a\n", &*bytes].concat()).await;
    let told = format!("OK {LARGE} {} a\n", hash(&bytes));
    assert_eq!((heard, ended), (told.into_bytes(), Ended::Done));
    assert!(house.get("a") == bytes);
}

/// What is on its way lies in the file's own memory, which the kernel wipes behind a new end. The connection ends
/// before the size that was told all the same.
#[tokio::test]
async fn a_file_that_shrinks_under_the_kernel_ends_the_connection_and_is_never_padded() {
    // More than the buffers of both ends take, so that it is still being sent.
    let (size, cut) = (64 << 20, 1 << 20);
    let house = House::new();
    let whole = noise(size);
    house.put("a", &whole);
    let (mut near, ended) = house.connect().await;
    near.write_all(b"DOWNLOAD a\nSTAT a\n").await.unwrap();
    let mut heard = vec![0; 100_000];
    near.read_exact(&mut heard).await.unwrap();
    fs::OpenOptions::new().write(true).open(house.path("a")).unwrap().set_len(cut as u64).unwrap();
    near.read_to_end(&mut heard).await.unwrap();
    let header = format!("FILE {size} {} a\n", hash(&whole));
    let bytes = heard.strip_prefix(header.as_bytes()).unwrap();
    assert!(bytes.len() < size, "{} bytes", bytes.len());
    let (kept, gone) = bytes.split_at(bytes.len().min(cut));
    assert!(whole.starts_with(kept), "what is still there comes as it is");
    let as_it_was = |(at, byte): (usize, &u8)| *byte == whole[kept.len() + at] || *byte == 0;
    assert!(gone.iter().enumerate().all(as_it_was), "what was on its way the kernel may have wiped");
    assert_eq!(ended.await.unwrap(), Ended::Broken);
    assert_eq!(house.metric("file_transfers_total{direction=\"download\",result=\"failed\"}"), 1.0);
}

#[tokio::test]
async fn who_stalls_in_a_large_body_is_told_and_closed() {
    let mut rules = Rules::default();
    rules.terms.patience = Patience { bytes: 8 << 20, window: Duration::from_millis(50) };
    let house = House::with(rules);
    house.put("large", &noise(64 << 20));
    let (mut sender, ended) = house.connect().await;
    sender.write_all(&[format!("UPLOAD {LARGE} a\n").as_bytes(), &noise(200_000)].concat()).await.unwrap();
    let mut heard = String::new();
    sender.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "ERROR:too_slow the upload came too slowly\n");
    assert_eq!((ended.await.unwrap(), house.top()), (Ended::Slow, ["large".to_owned()].into()));
    let (mut reader, ended) = house.connect().await;
    reader.write_all(b"DOWNLOAD large\n").await.unwrap();
    assert_eq!(ended.await.unwrap(), Ended::Slow);
}

/// What nobody has read when a connection is closed makes the kernel reset it.
#[tokio::test]
async fn who_is_too_slow_hears_why_although_it_sends_on() {
    let mut rules = Rules::default();
    rules.terms.patience = Patience { bytes: 8 << 20, window: Duration::from_millis(50) };
    let house = House::with(rules);
    for size in [WORTH_A_THREAD as usize - 1, LARGE] {
        let (mut near, ended) = house.connect().await;
        near.write_all(format!("UPLOAD {size} a\n").as_bytes()).await.unwrap();
        let heard = sends_until_told(&mut near).await;
        drop(near);
        assert_eq!(heard, "ERROR:too_slow the upload came too slowly\n", "{size}");
        assert_eq!(ended.await.unwrap(), Ended::Slow);
    }
}

/// As much as the buffers of both ends take may be under way when the words come.
#[tokio::test]
async fn who_is_refused_hears_why_behind_all_that_it_had_sent_by_then() {
    let mut rules = Rules::default();
    rules.limits.max_file = 10;
    let house = House::with(rules);
    let (mut near, ended) = house.connect().await;
    near.write_all(b"UPLOAD 100000000 a\n").await.unwrap();
    near.write_all(&noise(8 << 20)).await.expect("the connection is not reset");
    let mut heard = String::new();
    near.read_to_string(&mut heard).await.unwrap();
    drop(near);
    assert_eq!(heard, "ERROR:too_large a file has at most 10 bytes here\n");
    assert_eq!(ended.await.unwrap(), Ended::Refused);
}

/// The old connection may be of another process of the same peer, which is still there and sends on.
#[tokio::test]
async fn who_is_superseded_hears_why_although_it_sends_on() {
    let house = House::new();
    for size in [WORTH_A_THREAD as usize - 1, LARGE] {
        let bytes = noise(size);
        let request = format!("RESUME {size} {} a\n", hash(&bytes));
        let (mut old, ended) = house.connect().await;
        old.write_all(request.as_bytes()).await.unwrap();
        let mut first = vec![0; b"CONTINUE 0\n".len()];
        old.read_exact(&mut first).await.unwrap();
        let takes_over = async {
            let mut new = house.dial();
            new.send(&request).await;
            assert!(new.line().await.starts_with("CONTINUE "), "it waits for nothing else");
        };
        let (heard, ()) = tokio::join!(sends_until_told(&mut old), takes_over);
        drop(old);
        assert_eq!(heard, "ERROR:busy another connection goes on with this upload\n", "{size}");
        assert_eq!(ended.await.unwrap(), Ended::Superseded);
    }
}

/// A socket that is lent comes back as it was: the runtime hears of what comes next.
#[tokio::test]
async fn a_connection_goes_on_after_each_large_body() {
    let house = House::new();
    let bytes = noise(LARGE);
    let (mut near, ended) = house.connect().await;
    for _ in 0..3 {
        near.write_all(&upload("a", &bytes)).await.unwrap();
        let told = format!("OK {LARGE} {} a\n", hash(&bytes));
        let mut heard = vec![0; told.len()];
        near.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, told.as_bytes());
        near.write_all(b"DOWNLOAD a\n").await.unwrap();
        let head = format!("FILE {LARGE} {} a\n", hash(&bytes));
        let mut heard = vec![0; head.len() + LARGE];
        near.read_exact(&mut heard).await.unwrap();
        assert!(heard == [head.as_bytes(), &bytes].concat());
    }
    drop(near);
    assert_eq!(ended.await.unwrap(), Ended::Quit);
}
