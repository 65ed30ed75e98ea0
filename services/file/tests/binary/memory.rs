//! What transfers cost.

use std::fs;
use std::io::{Read, Write};

use crate::process::Process;

const MIB: usize = 1024 * 1024;
/// Transfers that run at once, half of them each way.
const MANY: usize = 64;

#[test]
fn sixty_four_transfers_fit_into_32_mib() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--log", "off"]);
    fs::write(data.path().join("large"), vec![7; 16 * MIB]).unwrap();
    let mut held = Vec::new();
    for n in 0..MANY / 2 {
        let mut reader = process.dial();
        reader.write_all(b"DOWNLOAD large\n").unwrap();
        reader.read_exact(&mut [0; 100]).unwrap();
        let mut writer = process.dial();
        writer.write_all(format!("UPLOAD {} up-{n}\n", 4 * MIB).as_bytes()).unwrap();
        writer.write_all(&vec![1; 2 * MIB]).unwrap();
        held.extend([reader, writer]);
    }
    process.awaits("file_transfers_in_progress{direction=\"upload\"} 32");
    process.awaits("file_transfers_in_progress{direction=\"download\"} 32");
    let least = (MANY / 2 * 2 * MIB - MANY / 2 * 128 * 1024) as f64;
    process.awaits_bytes("file_transferred_bytes_total{direction=\"upload\"}", least);
    let used = process.memory();
    println!("{MANY} transfers: {} KiB", used / 1024);
    assert!(used < 32 * MIB, "{used} bytes");
}
