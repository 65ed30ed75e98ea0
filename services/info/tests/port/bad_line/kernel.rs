//! The line is the loopback of a network namespace, and the kernel itself spoils it. Where no namespace may
//! be had, this test says so and is done.

use std::env;
use std::process::Command;

use strike::or_skip;

use super::Stubborn;
use crate::service::{Asker, metrics_when, start};

/// Set in the run that is within the namespace.
const WITHIN: &str = "PARLANCE_TEST_NAMESPACE";

/// Of the datagrams that arrive every fifth is lost and every seventh comes twice; every third that leaves
/// takes a lane so slow that later ones overtake it.
const SPOIL: &str = r#"
ip link set lo up
nft -f - <<RULES
table netdev line {
  chain arrives {
    type filter hook ingress device "lo" priority 0;
    meta l4proto udp numgen inc mod 5 == 0 drop
    meta l4proto udp numgen inc mod 7 == 0 dup to "lo"
  }
}
table ip line {
  chain leaves {
    type filter hook output priority 0;
    meta l4proto udp numgen inc mod 3 == 0 meta priority set 1:2
  }
}
RULES
tc qdisc add dev lo root handle 1: htb default 1
tc class add dev lo parent 1: classid 1:1 htb rate 1gbit
tc class add dev lo parent 1: classid 1:2 htb rate 16kbit burst 60 cburst 60
"#;

/// Runs the test of this name once more, on a loopback of its own that is spoilt.
fn run_within(name: &str) {
    let own = env::current_exe().unwrap();
    let namespace = ["--net", "--map-root-user", "sh", "-e", "-c"];
    let run = |script: &str| {
        Command::new("unshare")
            .args(namespace)
            .args([script, own.to_str().unwrap(), name])
            .env(WITHIN, "1")
            .output()
    };
    let spoilt = match run(SPOIL) {
        Ok(spoilt) if spoilt.status.success() => Ok(()),
        refused => Err(format!("{refused:?}")),
    };
    if or_skip("spoilt loopback", spoilt).is_none() {
        return;
    }
    let ran = run(&format!("{SPOIL} exec \"$0\" --exact \"$1\" --nocapture")).unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains(" 1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// How many refusals (ICMP, destination unreachable) this host has heard.
fn refusals() -> u64 {
    let told = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
    let mut rows = told.lines().filter_map(|line| line.strip_prefix("Icmp: ")).map(str::split_whitespace);
    let (mut names, mut values) = (rows.next().unwrap(), rows.next().unwrap());
    let at = names.position(|name| name == "InDestUnreachs").unwrap();
    values.nth(at).unwrap().parse().unwrap()
}

/// The sum of a metric over all its labels.
fn sum(metrics: &str, name: &str) -> u64 {
    let samples = metrics.lines().filter(|line| line.starts_with(name));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn a_kernel_that_spoils_the_line_does_no_harm() {
    if env::var_os(WITHIN).is_none() {
        return run_within("bad_line::kernel::a_kernel_that_spoils_the_line_does_no_harm");
    }
    let info = start(&["--trusted", "127.0.0.1/32", "--source-rate", "1000"]).await;
    for _ in 0..20 {
        Asker::of(&info).await.send(b"TIME").await;
    }
    let asker = Stubborn::at("127.0.0.1:0", info.addr).await;
    asker.ask_a_hundred().await;
    assert!(refusals() > 0, "those who were gone refuse their answers, and that ended nothing");
    let stranger = Stubborn::at("127.0.0.2:0", info.addr).await;
    stranger.prove_itself().await;
    let (asked, strays) = (asker.asked.get(), asker.strays.get());
    assert!(asked > 100 && strays > 0, "the line was not bad: {asked} questions, {strays} strays");
    let once = |metrics: &str| {
        let [heard, said, silent] =
            ["requests", "responses", "dropped"].map(|what| sum(metrics, &format!("info_{what}_total{{")));
        heard > 0 && said + silent == heard
    };
    metrics_when(&info, once).await;
    info.stop().await.unwrap();
}
