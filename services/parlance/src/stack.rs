//! The four services, started in the order in which they need each other.

use std::fmt::Write;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use chassis::{Failure, Running, Service, net};
use clap::Args;

use crate::blame::in_our_words;
use crate::flags::{Flags, Ports};

/// Starts the four services. The registry comes back as the last, which ends after the others, so that they
/// can still take their leave of it.
///
/// # Errors
/// The first that can't start.
pub(crate) async fn start(flags: &Flags) -> Result<Vec<Running>, Failure> {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let data = |folder: &str| Path::new(&flags.data).join(folder).display().to_string();
    let registry = launch(&registry::SERVICE, flags, local, &[], registry::start).await?;
    let known_at = registry.addr.to_string();
    // A name from the environment would be all three's, and each would throw the others out.
    let known = |instance| ["--registry", &known_at, "--instance", instance];
    let (chat_data, file_data) = (data("chat"), data("files"));
    let chat_args = [&known("chat-1")[..], &["--data", &chat_data]].concat();
    let file_args = [&known("file-1")[..], &["--data", &file_data]].concat();
    let chat = launch(&chat::SERVICE, flags, flags.bind, &chat_args, chat::start).await?;
    let info = launch(&info::SERVICE, flags, flags.bind, &known("info-1"), info::start).await?;
    let file = launch(&file::SERVICE, flags, flags.bind, &file_args, file::start).await?;
    Ok(vec![chat, info, file, registry])
}

async fn launch<C, Fut>(
    service: &'static Service,
    flags: &Flags,
    bind: IpAddr,
    args: &[&str],
    start: impl FnOnce(C, chassis::Flags) -> Fut,
) -> Result<Running, Failure>
where
    C: Args,
    Fut: Future<Output = Result<Running, Failure>>,
{
    let listen = SocketAddr::new(bind, port(service.listen, flags.ports)).to_string();
    let admin = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port(service.admin, flags.ports)).to_string();
    let drain_secs = flags.drain_secs.to_string();
    let places = ["--listen", &listen, "--admin", &admin, "--drain-secs", &drain_secs];
    let blamed = |failure| in_our_words::<C>(service, flags, failure);
    // What can be wrong here came from the environment: a variable that only this service reads.
    let (config, service_flags) =
        chassis::parse::<C>(service, &[&places[..], args].concat()).map_err(blamed)?;
    start(config, service_flags).await.map_err(blamed)
}

fn port(default: &str, ports: Ports) -> u16 {
    match ports {
        Ports::Free => 0,
        Ports::Default => default.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0),
    }
}

/// Where everything is, and what to type next.
pub(crate) fn welcome(services: &[Running], flags: &Flags) -> String {
    let mut text = String::from("\nParlance is up.\n");
    for service in services {
        let kind = if service.name() == info::SERVICE.name { "udp" } else { "tcp" };
        let (name, addr, admin) = (service.name(), service.addr, service.admin);
        // Writing to a string can't fail.
        let _ = writeln!(text, "  {name:<9} {kind} {addr:<21}  http://{admin}/metrics");
    }
    if let Some(info) = services.iter().find(|service| service.name() == info::SERVICE.name) {
        let _ = writeln!(text, "\nHow it goes, in a browser: http://{}/", info.admin);
    }
    text + &proposals(services, flags)
}

/// The commands to begin with, which reach it wherever it listens.
fn proposals(services: &[Running], flags: &Flags) -> String {
    let host = net::reachable(flags.bind);
    let port = |name| services.iter().find(|s| s.name() == name).map_or(0, |s| s.addr.port());
    let [chat, info, file] = ["chat", "info", "file"].map(port);
    let at = |port| SocketAddr::new(host, port);
    // The client finds the usual ports of its own machine by itself.
    let elsewhere = match flags.ports {
        Ports::Default if host == Ipv4Addr::LOCALHOST => String::new(),
        Ports::Default => format!(" -- --host {host}"),
        Ports::Free => format!(" -- --chat {} --info {} --file {}", at(chat), at(info), at(file)),
    };
    format!(
        "
Data is in {}. Ctrl-C stops it. Now try, in another terminal:
  {:<48}  chat: type a name, then talk
  {:<48}  how it is doing
  {:<48}  which files there are
  {:<48}  the client, with a menu",
        flags.data,
        format!("nc {host} {chat}"),
        format!("printf STATUS | nc -u -w1 {host} {info}"),
        format!("printf 'LIST\\n' | nc -N {host} {file}"),
        format!("cargo run --release -p client{elsewhere}"),
    )
}
