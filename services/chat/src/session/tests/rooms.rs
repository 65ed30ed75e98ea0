//! What a member tells rooms, and how fast.

use std::sync::Arc;

use super::House;

/// New names were told to a room faster than it took them up, and its queue grew as long as somebody had
/// fancies.
#[tokio::test]
async fn nobody_has_new_names_faster_than_the_room_takes_them_up() {
    let house = House::new();
    let wide = || house.dial_over("127.0.0.1:50000", 1024 * 1024);
    let (fickle, hearer) = (house.welcome("fickle0", wide()).await, house.welcome("hearer", wide()).await);
    assert_eq!(fickle.far.line().await, "MSG:hearer joined the chat");
    let before = hearer.far.writes();
    let names: String = (1..=1000).map(|n| format!("/nick fickle{n}\n")).collect();
    fickle.far.send(names).await;
    for n in 1..=1000 {
        let told = format!("MSG:fickle{} is now known as fickle{n}", n - 1);
        assert_eq!(fickle.far.line().await, told);
        assert_eq!(hearer.far.line().await, told);
    }
    // Whatever piles up in a room's queue goes out in one write.
    assert_eq!(hearer.far.writes() - before, 1000, "each was taken up before the next was told");
}

/// Whoever leaves waits for the room, and can't come again before.
#[tokio::test]
async fn nobody_comes_and_goes_faster_than_the_room_takes_it_up() {
    let house = House::new();
    let wide = || house.dial_over("127.0.0.1:50000", 1024 * 1024);
    let (hearer, hopper) = (house.welcome("hearer", wide()).await, wide());
    let before = hearer.far.writes();
    hopper.far.send(format!("{{\"type\":\"hello\",\"user\":\"hopper\"}}\n{}", HOP.repeat(1000))).await;
    for _ in 0..1000 {
        assert_eq!(hearer.far.line().await, "MSG:hopper joined the chat");
        assert_eq!(hearer.far.line().await, "MSG:hopper left the chat");
    }
    let writes = hearer.far.writes() - before;
    assert!(writes >= 1000, "2,000 lines came in {writes} writes");
}

/// Whoever does not take the answers is not asked for more.
#[tokio::test]
async fn nobody_comes_and_goes_without_reading_the_answers() {
    let house = House::new();
    let hearer = house.welcome("hearer", house.dial_over("127.0.0.1:50000", 1024 * 1024)).await;
    let hopper = house.dial();
    hopper.far.send("{\"type\":\"hello\",\"user\":\"hopper\"}\n").await;
    assert_eq!(hopper.far.line().await, "USERNAME:");
    assert!(hopper.far.line().await.contains("welcome"));
    let far = Arc::new(hopper.far);
    let hopping = {
        let far = far.clone();
        tokio::spawn(async move { far.send(HOP.repeat(1000)).await })
    };
    while house.metric("chat_slow_consumers") == 0.0 {
        tokio::task::yield_now().await;
    }
    let _late = house.person("late").await;
    let mut told = 0;
    while hearer.far.line().await != "MSG:late joined the chat" {
        told += 1;
    }
    assert!(told <= 2, "the room was told {told} times");
    hopping.abort();
}

/// In and out.
const HOP: &str = "{\"type\":\"join\",\"room\":\"lobby\"}\n{\"type\":\"leave\",\"room\":\"lobby\"}\n";
