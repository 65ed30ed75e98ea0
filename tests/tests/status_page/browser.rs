//! A real browser, driven by its DevTools protocol <https://chromedevtools.github.io/devtools-protocol/>.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::PATIENCE;
use tungstenite::{Message, WebSocket};

/// What headless browsers are called.
const NAMES: [&str; 4] = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/// A browser with one page. It ends when it is dropped.
pub(crate) struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    calls: u64,
    /// The page, which calls are meant for; none before there is one.
    session: Option<String>,
    /// What the page complained about: errors of scripts, and what its policy forbade.
    pub(crate) complaints: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; `None` when there is none on this machine.
    pub(crate) fn start() -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let mut process = NAMES.iter().find_map(|name| launch(name, &profile))?;
        let url = devtools(&mut process);
        let addr = url.split('/').nth(2).expect("ws://ADDR/PATH");
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(&url, stream).unwrap();
        let mut browser =
            Browser { process, socket, calls: 0, session: None, complaints: Vec::new(), _profile: profile };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].take();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": page, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}));
        }
        Some(browser)
    }

    /// Looks at a page on a screen of so many points.
    pub(crate) fn open(&mut self, url: &str, (width, height): (u32, u32)) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", screen);
        self.call("Page.navigate", json!({"url": url}));
    }

    /// The value of an expression in the page; null when it can't be had, as while the page still loads.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        self.call("Runtime.evaluate", asked)["result"]["value"].take()
    }

    /// What is seen of the page, as a PNG in base 64.
    pub(crate) fn picture(&mut self) -> String {
        let taken = self.call("Page.captureScreenshot", json!({"format": "png"}));
        taken["data"].as_str().expect("a picture").to_owned()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).unwrap();
        loop {
            let mut said: Value =
                serde_json::from_str(self.socket.read().unwrap().to_text().unwrap()).unwrap();
            if said["id"] == self.calls {
                assert!(said.get("error").is_none(), "{method}: {said}");
                return said["result"].take();
            }
            if matches!(said["method"].as_str(), Some("Runtime.exceptionThrown" | "Log.entryAdded")) {
                self.complaints.push(said);
            }
        }
    }
}

impl Drop for Browser {
    /// Asks it to end and waits until it hangs up: the process may be a script (Debian's is), and to kill that
    /// leaves the browser behind.
    fn drop(&mut self) {
        let close = json!({"id": self.calls + 1, "method": "Browser.close"});
        if self.socket.send(Message::text(close.to_string())).is_ok() {
            while self.socket.read().is_ok() {}
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(name: &str, profile: &TempDir) -> Option<Child> {
    let mut command = Command::new(name);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()
}

/// The URL by which it can be driven, which it says among other things.
fn devtools(process: &mut Child) -> String {
    let mut told = BufReader::new(process.stderr.take().expect("it is piped")).lines();
    let place = told.find_map(|line| {
        let line = line.ok()?;
        line.strip_prefix("DevTools listening on ").map(str::to_owned)
    });
    // It would end if nobody took the rest.
    std::thread::spawn(move || told.for_each(drop));
    place.expect("the browser says where it listens")
}
