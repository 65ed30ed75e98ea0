//! Fetching, against a server that the test plays.

use crate::files::{HELLO, hash, path};
use crate::scripted::{client, expect, serve};

#[test]
fn a_file_lands_whole_or_not_at_all() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD a");
            peer.say(format!("FILE 5 {} a\nhello", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\nhellO", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\n", hash(HELLO)));
            peer.close();
        },
        |mut peer| {
            peer.line();
            peer.say("ERROR:not_found there is no such file\n");
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let to = path(&folder, "a");
    let get = ["--file", &at, "get", "a", "--to", folder.path().to_str().unwrap()];
    let (out, _) = expect(0, &get, b"");
    assert_eq!(out, format!("fetched {to}, 5 B, blake3 {} verified\n", hash(HELLO)));
    assert_eq!(std::fs::read(&to).unwrap(), HELLO);

    let (_, err) = expect(2, &get, b"");
    assert!(err.contains("is there already; --force replaces it"), "{err}");

    let force: Vec<&str> = get.iter().copied().chain(["--force"]).collect();
    for (code, words) in [
        (5, "arrived damaged"),
        (4, "in the middle of the file"),
        (1, "there is no such file: a (not_found)"),
    ] {
        let (_, err) = expect(code, &force, b"");
        assert!(err.contains(words), "{err}");
        assert_eq!(std::fs::read(&to).unwrap(), HELLO, "the old file stays");
    }
    playing.join().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary stays");
}

#[test]
fn a_download_goes_on_where_it_was_cut_and_never_with_another_file() {
    let (at, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD a");
            peer.say(format!("FILE 5 {} a\nhe", hash(HELLO)));
            peer.close();
        },
        |mut peer| {
            assert_eq!(peer.line(), "RANGE 2 3 a");
            peer.say(format!("PART 2 3 5 {} a\nllo", hash(HELLO)));
        },
        |mut peer| {
            peer.line();
            peer.say(format!("FILE 5 {} a\nhe", hash(HELLO)));
            peer.close();
        },
        |mut peer| {
            peer.line();
            peer.say(format!("PART 2 3 5 {} a\nllO", hash(b"hellO")));
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let get = ["--file", &at, "get", "a", "--force", "--to", folder.path().to_str().unwrap()];
    let (_, err) = expect(0, &get, b"");
    assert!(err.contains("going on from there"), "{err}");
    assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), HELLO);
    let (_, err) = expect(1, &get, b"");
    assert!(err.contains("a is another file now; fetch it again"), "{err}");
    assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), HELLO);
    playing.join().unwrap();
}

#[test]
fn a_file_can_go_to_a_pipe() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.line();
        peer.say(format!("FILE 5 {} a\nhello", hash(HELLO)));
    }]);
    let output = client(&["--file", &at, "get", "a", "--to", "-"], b"");
    playing.join().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), HELLO));
}
