//! A crowd over many nodes: how fast it joins, what a user takes, and when watchers hear of somebody.
//! `cargo bench -p registry --bench crowd`.
//!
//! 100,000 users by 20 nodes, 20 watchers, over TCP on loopback; everything is in this one process.
//! `PARLANCE_BENCH_USERS=1000` makes the crowd smaller.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on says so")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chassis::Life;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

const NODES: usize = 20;
const WATCHERS: usize = 20;
/// Joins that the watchers wait for, one every so often.
const TOLD: usize = 1_000;
const EVERY: Duration = Duration::from_millis(5);

fn main() {
    let users = std::env::var("PARLANCE_BENCH_USERS").map_or(100_000, |users| users.parse().unwrap());
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(measure(users));
}

async fn measure(users: usize) {
    let registry = serve().await;
    let mut nodes = Vec::new();
    for n in 0..NODES {
        nodes.push(Node::register(registry, n).await);
    }
    let before = resident();
    let began = Instant::now();
    let mut joining = JoinSet::new();
    for (n, node) in nodes.into_iter().enumerate() {
        joining.spawn(node.join_all(n * users / NODES..(n + 1) * users / NODES));
    }
    let mut nodes = joining.join_all().await;
    let took = began.elapsed();
    println!(
        "{users} users by {NODES} nodes joined in {took:.2?}, {:.0}/s",
        users as f64 / took.as_secs_f64()
    );
    println!("{} bytes of memory a user, with the 10,000 newest events", (resident() - before) / users);

    let (watchers, snapshots) = watch(registry, &mut nodes[0]).await;
    show("a snapshot alone", &snapshots[..1]);
    show("20 snapshots at once", &snapshots[1..]);

    let told = propagation(watchers, &mut nodes[0]).await;
    show("from a join to a watcher", &told);
}

/// A registry on a free port.
async fn serve() -> SocketAddr {
    let (config, _) = chassis::parse::<registry::Config>(&registry::SERVICE, &[]).unwrap();
    let life = Life::new(&registry::SERVICE);
    let server = Arc::new(registry::Server::new(&config, &life, [7; 32]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let expiring = server.clone();
    tokio::spawn(async move { expiring.expire_leases().await });
    tokio::spawn(async move {
        // The drain ends with the life.
        let _life = life;
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(server.converse(stream));
        }
    });
    addr
}

/// A service with a lease.
struct Node {
    line: BufReader<TcpStream>,
    lease: u64,
}

impl Node {
    async fn register(registry: SocketAddr, n: usize) -> Self {
        let mut node = Node { line: connect(registry).await, lease: 0 };
        let request = format!(
            "{{\"op\":\"register\",\"service\":\"chat\",\"instance\":\"chat-{n}\",\"addr\":\"chat:1\",\"ttl_ms\":60000}}\n"
        );
        let reply: serde_json::Value = serde_json::from_str(&node.ask(&request).await).unwrap();
        node.lease = reply["lease"].as_u64().unwrap();
        node
    }

    async fn ask(&mut self, request: &str) -> String {
        self.line.get_mut().write_all(request.as_bytes()).await.unwrap();
        hear(&mut self.line).await
    }

    fn join(&self, name: &str) -> String {
        format!(
            "{{\"op\":\"join\",\"lease\":{},\"user\":\"{name}\",\"room\":\"lobby\",\"hold\":true}}\n",
            self.lease
        )
    }

    /// Lets them in a hundred at a time, as a server does after a reconnect.
    async fn join_all(mut self, users: std::ops::Range<usize>) -> Self {
        for first in users.clone().step_by(100) {
            let some = first..(first + 100).min(users.end);
            let requests: String = some.clone().map(|n| self.join(&format!("user{n}x"))).collect();
            self.line.get_mut().write_all(requests.as_bytes()).await.unwrap();
            for _ in some {
                assert!(hear(&mut self.line).await.starts_with("{\"ok\":true"));
            }
        }
        self
    }
}

/// Watchers, one by itself and then the others at once, and how long each waited for its snapshot. At the
/// same time somebody joins again and again; how long that takes is printed.
async fn watch(registry: SocketAddr, node: &mut Node) -> (Vec<BufReader<TcpStream>>, Vec<Duration>) {
    let (alone, time, bytes) = snapshot(registry).await;
    drop(alone);
    println!("a snapshot has {bytes} bytes");
    let mut coming: JoinSet<_> = (0..WATCHERS).map(|_| snapshot(registry)).collect();
    let (mut watchers, mut times, mut stalls) = (Vec::new(), vec![time], Vec::new());
    while watchers.len() < WATCHERS {
        stalls.push(join_one(node, stalls.len()).await);
        while let Some(come) = coming.try_join_next() {
            let (line, time, _) = come.unwrap();
            watchers.push(line);
            times.push(time);
        }
    }
    show("a join meanwhile", &stalls);
    (watchers, times)
}

/// How long one join takes.
async fn join_one(node: &mut Node, n: usize) -> Duration {
    let began = Instant::now();
    let request = node.join(&format!("meanwhile{n}x"));
    assert!(node.ask(&request).await.starts_with("{\"ok\":true"));
    began.elapsed()
}

/// Begins to watch; the connection, the time until the snapshot was there, and its length.
async fn snapshot(registry: SocketAddr) -> (BufReader<TcpStream>, Duration, usize) {
    let mut line = connect(registry).await;
    let began = Instant::now();
    line.get_mut().write_all(b"{\"op\":\"watch\"}\n").await.unwrap();
    hear(&mut line).await;
    let snapshot = hear(&mut line).await;
    assert!(snapshot.starts_with("{\"event\":\"snapshot\""));
    (line, began.elapsed(), snapshot.len())
}

/// How long after it was asked for each watcher heard of each of some joins.
async fn propagation(watchers: Vec<BufReader<TcpStream>>, node: &mut Node) -> Vec<Duration> {
    let asked: Arc<Mutex<BTreeMap<String, Instant>>> = Arc::default();
    let mut listening: JoinSet<_> = watchers.into_iter().map(|line| listen(line, asked.clone())).collect();
    let mut ticks = tokio::time::interval(EVERY);
    for n in 0..TOLD {
        ticks.tick().await;
        let name = format!("told{n}x");
        asked.lock().unwrap().insert(name.clone(), Instant::now());
        assert!(node.ask(&node.join(&name)).await.starts_with("{\"ok\":true"));
    }
    let mut told = Vec::new();
    while let Some(times) = listening.join_next().await {
        told.extend(times.unwrap());
    }
    told
}

async fn listen(
    mut line: BufReader<TcpStream>,
    asked: Arc<Mutex<BTreeMap<String, Instant>>>,
) -> Vec<Duration> {
    let mut told = Vec::new();
    while told.len() < TOLD {
        let event = hear(&mut line).await;
        let came = Instant::now();
        let name = event.split("\"user\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let at = name.and_then(|name| asked.lock().unwrap().get(name).copied());
        told.extend(at.map(|at| came - at));
    }
    told
}

async fn connect(registry: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(registry).await.unwrap();
    stream.set_nodelay(true).unwrap();
    BufReader::with_capacity(64 << 10, stream)
}

async fn hear(line: &mut BufReader<TcpStream>) -> String {
    let mut said = String::new();
    assert_ne!(line.read_line(&mut said).await.unwrap(), 0, "the registry has closed the connection");
    said
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

fn show(what: &str, times: &[Duration]) {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!(
        "{what}: p50 {:.2?}, p99 {:.2?}, most {:.2?}, {} times",
        at(0.5),
        at(0.99),
        at(1.0),
        times.len()
    );
}
