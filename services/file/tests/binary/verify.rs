//! `file verify`, and what a reader is told of a file that somebody changed behind the service's back.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::process::{Process, file, output};

/// Writes over a first byte and puts the time back, so that neither size nor time tell of it.
fn begin_with(path: &Path, first: &[u8]) {
    let file = File::options().write(true).open(path).unwrap();
    let before = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(first, 0).unwrap();
    file.set_times(FileTimes::new().set_modified(before)).unwrap();
}

fn verify(data: &Path) -> (Option<i32>, String) {
    let verified = output(&["verify", "--data", data.to_str().unwrap()]);
    (verified.status.code(), String::from_utf8(verified.stdout).unwrap())
}

#[test]
fn it_names_what_is_not_as_it_was_stored() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &[]);
    process.talk(b"UPLOAD 5 a\nhelloUPLOAD 5 deep/b\nhello");
    fs::write(data.path().join("by hand"), b"never asked for").unwrap();
    let well = "2 files are as they were stored, 0 are not, 1 have no hash to compare yet\n";
    assert_eq!(verify(data.path()), (Some(0), well.to_owned()), "beside the service");
    begin_with(&data.path().join("deep/b"), b"J");
    let (was, is) = (blake3::hash(b"hello"), blake3::hash(b"Jello"));
    let ill = format!(
        "differs deep/b: stored as {was}, now {is}\n\
         1 files are as they were stored, 1 are not, 1 have no hash to compare yet\n"
    );
    assert_eq!(verify(data.path()), (Some(1), ill));
}

/// It was 101, also where all was well.
#[test]
fn the_exit_code_tells_it_to_whoever_reads_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (nobody, told) = std::io::pipe().unwrap();
    drop(nobody);
    let verified = file(&["verify", "--data", data.path().to_str().unwrap()]).stdout(told).status();
    assert_eq!(verified.unwrap().code(), Some(0));
}

#[test]
fn it_wants_a_folder_and_is_told_of_in_the_help() {
    let verified = output(&["verify", "--data", "/proc/nothing/here"]);
    let said = String::from_utf8(verified.stderr).unwrap();
    assert_eq!(verified.status.code(), Some(2));
    assert!(said.starts_with("error: --data /proc/nothing/here: ") && said.lines().count() == 1, "{said}");
    assert!(String::from_utf8(output(&["--help"]).stdout).unwrap().contains("verify"));
}

#[test]
fn a_flipped_byte_is_not_served_under_the_old_hash() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &[]);
    process.talk(b"UPLOAD 5 a\nhello");
    begin_with(&data.path().join("a"), b"J");
    let is = blake3::hash(b"Jello");
    assert_eq!(process.talk(b"DOWNLOAD a\n"), format!("FILE 5 {is} a\nJello"));
    process.kill();
    // The tag that went to the disk with the file tells it after a restart too. What happens within a second
    // of the tag can't be told from what we do ourselves, so this is one of the few waits for a time.
    thread::sleep(Duration::from_millis(1100));
    begin_with(&data.path().join("a"), b"h");
    let process = Process::start(data.path(), &[]);
    let was = blake3::hash(b"hello");
    assert_eq!(process.talk(b"DOWNLOAD a\n"), format!("FILE 5 {was} a\nhello"));
    process.talk(b"UPLOAD 1 other\nx");
    process.awaits("file_silent_changes 1");
}
