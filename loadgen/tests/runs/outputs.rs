//! What the command writes, and what it makes of what it has written.

use std::fs;
use std::path::PathBuf;

use crate::binary::{loadgen, nowhere, words};
use crate::fake;

/// A folder that is gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_goes_wherever_it_is_wanted_and_two_of_them_add_up() {
    let (chat, _) = fake::chat(&[]).await;
    let folder = Folder::new("outputs");
    let scenario = folder.file("scenario.json");
    let flags = r#"{"run":"chat","clients":4,"rooms":1,"rate":100,"ramp":"0s","warmup":"0s","duration":"200ms",
                    "metrics-of":"none","allow-client-limited":true,"quiet":true}"#;
    fs::write(&scenario, flags).unwrap();
    let [json, csv, html, hlog, hgrm] =
        ["report.json", "run.csv", "run.html", "run.hlog", "hgrm"].map(|name| folder.file(name));
    let args = [
        "--scenario",
        &scenario,
        "--chat",
        &chat.to_string(),
        &format!("--json={json}"),
        "--csv",
        &csv,
        "--html",
        &html,
        "--hlog",
        &hlog,
        "--hgrm",
        &hgrm,
    ];
    let output = loadgen(&args).await;
    assert_eq!(output.status.code(), Some(0), "{}{}", words(&output.stdout), words(&output.stderr));
    assert!(words(&output.stdout).contains("ledger   sent 20  acked 20  owed 60  ok 60 (100.00%)  lost 0"));

    let read = |path: &str| fs::read_to_string(path).unwrap();
    assert!(read(&json).contains("\"schema_version\": 2"));
    assert!(read(&csv).starts_with("second,phase,messages,owed,delivered"));
    assert!(read(&html).contains("chat.delivery") && read(&html).contains("<svg"));
    assert!(read(&hlog).contains("Tag=chat.delivery,"));
    assert!(read(&folder.file("hgrm/chat.delivery.hgrm")).contains("Total count    =           60"));

    let other = folder.file("other.json");
    let again =
        ["--scenario", &scenario, "--chat", &chat.to_string(), &format!("--json={other}"), "--seed", "7"];
    assert_eq!(loadgen(&again).await.status.code(), Some(0));
    let apart = loadgen(&["merge", &json, &other]).await;
    assert_eq!(apart.status.code(), Some(2), "one was made behind the other");
    assert!(words(&apart.stderr).contains("were not measured at once: run "), "{}", words(&apart.stderr));
    let output = loadgen(&["merge", "--not-at-once", &json, &other]).await;
    assert!(
        words(&output.stdout).contains("ledger   sent 40  acked 40  owed 120  ok 120 (100.00%)"),
        "{}",
        words(&output.stdout)
    );
    let twice = loadgen(&["merge", &json, &other, &json]).await;
    assert_eq!(twice.status.code(), Some(2));
    assert!(words(&twice.stderr).contains("is there twice"), "{}", words(&twice.stderr));
    let compared = loadgen(&["compare", &json, &scenario]).await;
    assert_eq!(compared.status.code(), Some(1), "that is no report");
    assert!(words(&compared.stderr).contains("scenario.json: no report of this version"));
}

#[tokio::test]
async fn a_file_that_can_t_be_written_is_told_before_the_run() {
    let folder = Folder::new("unwritable");
    let kept = folder.file("kept.csv");
    fs::write(&kept, "mine").unwrap();
    for (flag, other) in [
        ("--json", "--csv"),
        ("--csv", "--html"),
        ("--html", "--csv"),
        ("--hgrm", "--csv"),
        ("--hlog", "--csv"),
    ] {
        let there = format!("{kept}/no/file");
        let output = loadgen(&["--chat", &nowhere(), &format!("{flag}={there}"), other, &kept]).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(words(&output.stderr).starts_with(&format!("loadgen: {there}: ")), "{flag}");
    }
    assert_eq!(
        fs::read_to_string(&kept).unwrap(),
        "mine",
        "a run that does not come about takes nothing away"
    );
}
