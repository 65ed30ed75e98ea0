//! What somebody planted in the data folder: nothing leads out of it, and nothing hangs.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};

use super::*;

/// A house with links out and in, a pipe and a socket, and a secret beside it.
fn house() -> (House, TempDir) {
    let (house, outside) = (House::new(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    house.put("inside/real", b"real");
    symlink(outside.path().join("secret"), house.path("link")).unwrap();
    symlink(outside.path(), house.path("way-out")).unwrap();
    symlink("inside", house.path("way-in")).unwrap();
    symlink("..", house.path("inside/up")).unwrap();
    mknodat(CWD, house.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    (house, outside)
}

#[tokio::test]
async fn nothing_but_files_can_be_read_or_removed() {
    let (house, _outside) = house();
    let _socket = UnixListener::bind(house.path("socket")).unwrap();
    for name in
        ["link", "way-out", "way-out/secret", "way-in/real", "inside/up/inside/real", "pipe", "socket"]
    {
        for verb in ["DOWNLOAD", "STAT", "DELETE", "RANGE 0 1"] {
            let (heard, _) = house.talk(format!("{verb} {name}\n")).await;
            assert_eq!(heard, "ERROR:not_found there is no such file\n", "{verb} {name}");
        }
        assert!(house.path(name).symlink_metadata().is_ok(), "{name} is still there");
    }
    let (heard, _) = house.talk("LIST\n").await;
    assert!(heard.starts_with("LIST 1\n") && heard.ends_with(" inside/real\n"));
}

/// A device takes root to plant, and is read for ever where it is taken for a file.
#[tokio::test]
async fn a_device_is_no_file() {
    let (house, _outside) = house();
    let plant = |name: &str, kind, number| mknodat(CWD, house.path(name), kind, Mode::RWXU, number);
    let planted = plant("zero", FileType::CharacterDevice, makedev(1, 5))
        .and_then(|()| plant("disk", FileType::BlockDevice, makedev(7, 200)));
    if strike::or_skip("device", planted.map_err(|error| error.to_string())).is_none() {
        return;
    }
    for name in ["zero", "disk"] {
        for verb in ["DOWNLOAD", "STAT", "DELETE", "RANGE 0 1"] {
            let (heard, _) = house.talk(format!("{verb} {name}\n")).await;
            assert_eq!(heard, "ERROR:not_found there is no such file\n", "{verb} {name}");
        }
        assert!(house.talk(upload(name, b"evil")).await.0.starts_with("ERROR:bad_name "));
    }
    assert!(house.talk("LIST\n").await.0.starts_with("LIST 1\n"));
}

#[tokio::test]
async fn nothing_can_be_put_over_or_through_them() {
    let (house, outside) = house();
    for name in
        ["link", "way-out", "way-out/secret", "way-out/new", "way-in/real", "pipe", "inside", "inside/real/x"]
    {
        let (heard, ended) = house.talk([upload(name, b"evil"), b"LIST\n".to_vec()].concat()).await;
        assert!(heard.starts_with("ERROR:bad_name ") && heard.contains("\nLIST 1\n"), "{name}: {heard}");
        assert_eq!(ended, Ended::Quit);
    }
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(house.get("inside/real"), b"real");
}

#[tokio::test(start_paused = true)]
async fn who_wants_to_is_told_before_the_body() {
    let (house, _outside) = house();
    for name in ["link", "way-out/new", "pipe", "inside", "inside/real/x"] {
        let requests = [format!("UPLOAD 5 {name}\n"), format!("RESUME 5 {} {name}\n", hash(b"hello"))];
        for request in requests {
            let mut caller = house.dial();
            caller.send(&request).await;
            let line = caller.line().await;
            assert!(line.starts_with("ERROR:bad_name "), "{request}{line}");
        }
    }
}

/// A folder is swapped for a link to the outside, again and again, while requests go through it: by hand as
/// often as `PARLANCE_ROUNDS` says.
#[tokio::test]
async fn a_folder_that_turns_into_a_link_leads_nowhere() {
    let (house, outside) = house();
    let (folder, link) = (house.path("swap"), house.path("way"));
    house.put("swap/secret", b"public");
    symlink(outside.path(), &link).unwrap();
    let swaps = strike::rounds(20_000);
    let swapping = tokio::task::spawn_blocking(move || {
        for _ in 0..swaps {
            renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).unwrap();
        }
    });
    let mut requests = 0;
    while !swapping.is_finished() || requests < 100 {
        let sent = [b"DOWNLOAD swap/secret\n".to_vec(), upload("swap/new", b"evil")].concat();
        let (heard, _) = house.talk(sent).await;
        assert!(!heard.contains("\nsecret"), "{heard}");
        requests += 1;
    }
    swapping.await.unwrap();
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "nothing was put outside");
    println!("{swaps} swaps, {requests} downloads and as many uploads");
}
