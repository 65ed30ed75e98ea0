//! A search for the highest rate that somebody ends early.

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;

use clap::Parser;
use loadgen::audience::{Audience, View};
use loadgen::cli::{Cli, Task};
use loadgen::find_max::{Found, find_max};
use tokio::sync::mpsc;

use crate::fake;

/// Thirty messages in the first step.
const FLAGS: &str = "find-max --slo lost==0 --clients 2 --rooms 1 --rate 10 --info-rate 0 --step 3s --ramp 500ms \
                     --warmup 0s --drain 60s --metrics-of none";

/// Somebody who tells of each line that is shown.
struct Teller(mpsc::UnboundedSender<()>);

impl Write for Teller {
    fn write(&mut self, shown: &[u8]) -> io::Result<usize> {
        // Whoever has heard enough is gone.
        let _ = self.0.send(());
        Ok(shown.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn search(chat: SocketAddr, lines: Teller, interrupt: impl Future<Output = ()>) -> Found {
    let chat = chat.to_string();
    let flags = std::iter::once("loadgen").chain(FLAGS.split_whitespace()).chain(["--chat", &chat]);
    let Task::FindMax(search) = Cli::parse_from(flags).task() else { panic!("no search") };
    find_max(&search, &mut Audience::new(lines, View::Steps), pin!(interrupt)).await.unwrap()
}

/// What the first step has shown is told, whether it held or this machine was too busy for it.
fn tells_of_its_first_step(found: &Found) {
    assert_eq!(found.exit_code, 130, "{}", found.text);
    let (held, broke) = ("the knee: 10.0 a second held", "what gave out first, at 10.0 a second");
    assert!(found.text.contains(held) || found.text.contains(broke), "{}", found.text);
    let report = found.report.as_ref().unwrap();
    assert_eq!((report.seen.chat.sent, report.interrupted), (30, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_interrupted_while_people_join_tells_what_it_knows() {
    let (chat, _) = fake::chat(&[]).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let a_step = async move { told.recv().await.unwrap() };
    let found = search(chat, Teller(tell), a_step).await;
    tells_of_its_first_step(&found);
    assert!(found.text.contains("  interrupted before traffic began\n"), "{}", found.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_interrupted_in_a_step_tells_what_it_knows() {
    let (chat, mut heard) = fake::chat(&[]).await;
    let second_step = async move {
        heard.wait_for(|said| *said > 30).await.unwrap();
    };
    let found = search(chat, Teller(mpsc::unbounded_channel().0), second_step).await;
    tells_of_its_first_step(&found);
    assert!(found.text.contains("  interrupted\n"), "{}", found.text);
}
