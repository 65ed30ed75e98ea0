//! A file server.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use engine::file::Hash;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use wire::file::{Reply, Request};

/// What there is of an upload, in the hands of the connection that goes on with it.
type Partial = Arc<tokio::sync::Mutex<Option<Vec<u8>>>>;

#[derive(Default)]
struct Store {
    files: BTreeMap<String, Vec<u8>>,
    partial: HashMap<Hash, Partial>,
    downloads: u64,
}

/// What goes wrong, by the number of the download, from 1, and what is there before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Blunders {
    /// It has one other byte.
    pub(crate) spoiled: u64,
    /// There is no such file.
    pub(crate) forgotten: u64,
    /// The connection ends without an answer.
    pub(crate) hung_up: u64,
    /// So many bytes of each upload that is resumed are there before it begins.
    pub(crate) ahead: usize,
}

/// A file server with blunders.
pub(crate) async fn file(blunders: Blunders) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = Arc::new(Mutex::new(Store::default()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&store), blunders));
        }
    });
    address
}

async fn serve(stream: TcpStream, store: Arc<Mutex<Store>>, blunders: Blunders) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        let request = Request::decode(line.trim_end()).unwrap();
        let answer = match request {
            Request::Upload { size, name } => {
                let mut content = vec![0; size.unwrap() as usize];
                stream.read_exact(&mut content).await.unwrap();
                store.lock().unwrap().stored(name, content)
            }
            Request::Resume { size, hash, name } => {
                let partial = store.lock().unwrap().partial.entry(hash).or_default().clone();
                let mut partial = partial.lock().await;
                let mut content = partial.take().unwrap_or_else(|| beginning(blunders.ahead));
                let go_on = Reply::Continue { offset: content.len() as u64 }.encode();
                stream.get_mut().write_all(go_on.as_bytes()).await.unwrap();
                let rest = size - content.len() as u64;
                (&mut stream).take(rest).read_to_end(&mut content).await.unwrap();
                if (content.len() as u64) < size {
                    *partial = Some(content);
                    return;
                }
                store.lock().unwrap().stored(name, content)
            }
            Request::Download { name } => match store.lock().unwrap().fetched(name, blunders) {
                Some(answer) => answer,
                None => return,
            },
            Request::Delete { name } => Reply::Deleted { name }.encode().into_bytes(),
            other => panic!("{other:?} is not expected"),
        };
        stream.get_mut().write_all(&answer).await.unwrap();
        line.clear();
    }
}

/// What every file of the load tester begins with.
fn beginning(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

impl Store {
    fn stored(&mut self, name: engine::file::FileName, content: Vec<u8>) -> Vec<u8> {
        let reply =
            Reply::Stored { size: content.len() as u64, hash: blake3::hash(&content), name: name.clone() };
        self.files.insert(name.as_str().to_owned(), content);
        reply.encode().into_bytes()
    }

    /// What is answered, if anything.
    fn fetched(&mut self, name: engine::file::FileName, blunders: Blunders) -> Option<Vec<u8>> {
        let mut content = self.files[name.as_str()].clone();
        let reply = Reply::File { size: content.len() as u64, hash: blake3::hash(&content), name };
        self.downloads += 1;
        match self.downloads {
            number if number == blunders.hung_up => return None,
            number if number == blunders.forgotten => {
                return Some(b"ERROR:not_found no such file\n".to_vec());
            }
            number if number == blunders.spoiled => content[0] ^= 1,
            _ => {}
        }
        Some([reply.encode().into_bytes(), content].concat())
    }
}
