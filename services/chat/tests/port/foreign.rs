//! Peers that have taken the port for another protocol's.

use super::world::{Client, World};

/// How OpenSSL begins: a handshake record of 512 bytes, with line ends among them.
fn tls_hello() -> Vec<u8> {
    let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    hello.resize(517, b'\n');
    hello
}

/// Sends bytes so many at a time, and reads what comes after the prompt, to the end of the stream.
async fn told(world: &World, sent: &[u8], piece: usize) -> String {
    let mut client = Client::connect(world.addr()).await;
    for piece in sent.chunks(piece) {
        // Whatever comes behind the bytes that gave it away may find nobody who reads.
        if !client.try_send_bytes(piece).await {
            break;
        }
    }
    client.rest().await.strip_prefix("USERNAME:\n").unwrap().to_owned()
}

async fn is_counted(world: &World, reason: &str, times: f64) {
    let sample = format!("chat_disconnects_total{{reason=\"{reason}\"}}");
    world.metric_is(&sample, |count| count == times).await;
}

#[tokio::test]
async fn a_tls_hello_is_answered_by_the_close() {
    let world = World::new().await;
    for piece in [usize::MAX, 5, 1] {
        assert_eq!(told(&world, &tls_hello(), piece).await, "");
    }
    is_counted(&world, "tls", 3.0).await;
}

#[tokio::test]
async fn an_http_request_is_answered_by_the_close() {
    let world = World::new().await;
    let methods = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "DELETE"];
    for method in methods {
        let request = format!("{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        for piece in [usize::MAX, 1] {
            // Behind the prompt, nothing would be an answer to it.
            assert_eq!(told(&world, request.as_bytes(), piece).await, "", "{method}");
        }
    }
    is_counted(&world, "http", 2.0 * methods.len() as f64).await;
}

#[tokio::test]
async fn an_ssh_client_is_answered_by_the_close() {
    let world = World::new().await;
    for piece in [usize::MAX, 1] {
        assert_eq!(told(&world, b"SSH-2.0-OpenSSH_9.2\r\n", piece).await, "");
    }
    is_counted(&world, "ssh", 2.0).await;
}

/// A web page can make a browser send what it likes to any port, behind a request line that it can't leave
/// out.
#[tokio::test]
async fn a_web_page_says_nothing() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    told(&world, b"POST / HTTP/1.1\r\n\r\neve\nhello from the web\n/quit\n", usize::MAX).await;
    bob.send("/who").await;
    bob.expect("INFO:lobby: bob").await;
    assert_eq!(world.metric("chat_messages_rejected_total{reason=\"bad_name\"}").await, 0.0);
}

/// Nobody in front of the server is believed about who somebody is.
#[tokio::test]
async fn the_header_of_a_proxy_is_a_bad_name() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.send("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r").await;
    client.expect_error("bad_name").await;
    client.expect("USERNAME:").await;
    client.send_bytes(b"alice\n/who\n").await;
    client.expect("INFO:lobby: alice").await;
    let second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\xde\xad\0\x50alice\n";
    let told = told(&world, second, usize::MAX).await;
    assert!(told.lines().last().unwrap().starts_with("ERROR:too_many_attempts "), "{told}");
}

#[tokio::test]
async fn only_the_first_line_tells() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    for name in ["GET", "POST", "HTTP", "SSH", "SSH-2.0"] {
        let mut client = world.stranger().await;
        client.send_bytes(format!("{name}\r\nGET / HTTP/1.1\r\nSSH-2.0-x\n/quit\n").as_bytes()).await;
        bob.expect(&format!("MSG:{name} joined the chat")).await;
        bob.expect(&format!("MSG:[{name}] GET / HTTP/1.1")).await;
        bob.expect(&format!("MSG:[{name}] SSH-2.0-x")).await;
        bob.expect(&format!("MSG:{name} left the chat")).await;
    }
    let mut late = world.stranger().await;
    for refused in ["-", "GET / HTTP/1.1"] {
        late.send(refused).await;
        late.expect_error("bad_name").await;
        late.expect("USERNAME:").await;
    }
    late.send_bytes(&tls_hello()).await;
    late.expect_error("bad_utf8").await;
    late.expect_error("too_many_attempts").await;
}
