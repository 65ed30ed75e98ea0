//! The status page in a real browser, as large as a telephone's screen.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

mod browser;

use serde_json::{Value, json};
use tests::chat::{Person, Program};
use tests::{World, eventually};

use crate::browser::Browser;

/// What the page shows under an id.
fn text(id: &str) -> String {
    format!("document.getElementById('{id}')?.innerText")
}

/// Asks the page until it shows what is wanted.
async fn shows(browser: &mut Browser, expression: &str, wanted: Value) {
    let look = async || tokio::task::block_in_place(|| browser.evaluate(expression));
    eventually(expression, look, |shown| *shown == wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_seen_on_a_telephone_as_it_happens() {
    let Some(mut browser) = tokio::task::block_in_place(Browser::start) else {
        eprintln!("NOT TESTED: there is no headless Chromium on this machine");
        return;
    };
    let (mut world, stack) = World::whole().await;
    browser.open(&format!("http://{}/", stack.info.admin), (390, 844));
    shows(&mut browser, &text("link"), json!("live")).await;
    let alice = Person::enter(stack.chat.addr, "alice").await;
    shows(&mut browser, &text("users"), json!("alice")).await;
    shows(&mut browser, &text("rooms"), json!("lobby · 1")).await;
    let mut bot = Program::enter(stack.chat.addr, "bot", &["lobby"]).await;
    for number in 0..20 {
        bot.say("lobby", &number.to_string()).await;
    }
    let drawn = "document.querySelectorAll('#lines polyline').length >= 5";
    shows(&mut browser, drawn, json!(true)).await;
    shows(&mut browser, "document.querySelector('#about').innerText.includes('20 messages')", json!(true))
        .await;
    let wide = "document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.evaluate(wide), json!(true), "nothing stands over the edge");
    alice.quit().await;
    shows(&mut browser, &text("users"), json!("bot")).await;
    assert!(browser.picture().len() > 20_000, "more than an empty screen");
    world.stop_one("registry-1").await;
    shows(&mut browser, "document.querySelector('.service .state').innerText", json!("down")).await;
    assert_eq!(browser.complaints, Vec::<Value>::new());
    world.stop_one("info-1").await;
    shows(&mut browser, &text("link"), json!("connection lost, trying again")).await;
    world.stop().await;
}
