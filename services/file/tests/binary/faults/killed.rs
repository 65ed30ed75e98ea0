//! `kill -9` in the middle of uploads.

use rand::RngExt;
use strike::{lots, moments};

use super::ledger::Tally;
use super::uploaders::{Uploads, upload};
use crate::process::Process;

const LOT: usize = 10;
const QUIET: [&str; 2] = ["--log", "off"];

#[test]
fn nothing_acked_is_lost_and_nothing_is_torn() {
    let mut moments = moments();
    let mut seen = Tally::default();
    for kills in lots(LOT) {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = Uploads::new();
        for kill in 0..kills {
            let process = Process::start(folder.path(), &QUIET);
            let (addr, after) = (process.addr.clone(), moments.random_range(1..100));
            let mut acked = 0;
            uploads.extend(upload(&addr, &uploads, kill as u64, |oks| {
                acked = oks.iter().take(after).count();
                process.kill();
                acked += oks.iter().count();
            }));
            let process = Process::start(folder.path(), &QUIET);
            let tally = Tally::take(&mut uploads, &process, folder.path());
            seen += Tally { strikes: 1, acked, ..tally };
            seen.assert_clean();
        }
    }
    println!("kill -9, {seen}");
}
